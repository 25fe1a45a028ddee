//! From what each client counted to what all of them say together.

use std::sync::atomic::Ordering;

use super::Span;
use super::area::Area;
use crate::measure::{Trouble, histogram};
use crate::protocol::Report;
use crate::record::{Window, metric};

/// How much was answered in a window.
pub(super) struct Rate {
    pub(super) answered: u64,
    pub(super) requests_per_s: f64,
    pub(super) windows: Vec<Window>,
}

impl Rate {
    /// The sum over all clients. A window without an end lasted until its last answer.
    ///
    /// Errors: nothing was answered in it.
    pub(super) fn of(area: &Area, span: Span) -> Result<Self, Trouble> {
        let answered = area.lines().map(|line| line.answered.load(Ordering::Relaxed)).sum();
        let last_ns = area.lines().map(|line| line.ended_ns.load(Ordering::Relaxed)).max().unwrap_or(0);
        let endless = span.end_ns == u64::MAX;
        let length_ns =
            if endless { last_ns.saturating_sub(span.start_ns).max(1) } else { span.end_ns - span.start_ns };
        if answered == 0 {
            let why = format!("no request was answered within the {length_ns} ns of the hot phase; raise `hot_ms`");
            return Err(std::io::Error::other(why).into());
        }
        let windows = if endless {
            vec![Window { start_ns: 0, elapsed_ns: length_ns, messages: answered }]
        } else {
            slices(area, length_ns)
        };
        Ok(Self { answered, requests_per_s: answered as f64 * 1e9 / length_ns as f64, windows })
    }
}

/// Answers of all clients by slices of the window.
fn slices(area: &Area, length_ns: u64) -> Vec<Window> {
    let count = area.line(0).slices.len() as u64;
    let bound = |at: u64| (u128::from(length_ns) * u128::from(at) / u128::from(count)) as u64;
    let slice = |at: u64| Window {
        start_ns: bound(at),
        elapsed_ns: bound(at + 1) - bound(at),
        messages: area.lines().map(|line| line.slices[at as usize].load(Ordering::Relaxed)).sum(),
    };
    (0..count).map(slice).collect()
}

/// Latencies of all clients.
pub(super) fn latencies(area: &Area, report: &mut Report) {
    let mut all = histogram::empty();
    area.merge_latencies(&mut all);
    histogram::percentiles(&all, &mut report.metrics);
    report.histogram = histogram::encode(&all);
}

/// From connect(2) to the first answer, once for each client.
pub(super) fn connecting(area: &Area, report: &mut Report) {
    let mut all = histogram::empty();
    for line in area.lines() {
        all.saturating_record(line.connect_ns.load(Ordering::Relaxed).max(1));
    }
    report.metrics.insert(metric::CONNECT_NS.into(), all.value_at_quantile(0.5) as f64);
    report.distributions.extend(histogram::encode(&all).map(|blob| ("connect".to_owned(), blob)));
}
