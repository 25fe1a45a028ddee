//! Summary of the clients' counts.

use std::sync::atomic::Ordering;

use super::Span;
use super::area::Area;
use crate::clock;
use crate::measure::histogram;
use crate::protocol::Report;
use crate::record::{Window, metric};

/// Rate of responses in a window.
pub(super) struct Rate {
    pub(super) answered: u64,
    pub(super) requests_per_s: f64,
    pub(super) windows: Vec<Window>,
}

impl Rate {
    /// Sums over all clients. A window without end or without responses lasts until the last response.
    pub(super) fn of(area: &Area, span: Span) -> Self {
        let in_time: u64 = area.lines().map(|line| line.answered.load(Ordering::Relaxed)).sum();
        if span.end_ns < u64::MAX && in_time > 0 {
            let length_ns = span.end_ns - span.start_ns;
            return Self::over(length_ns, in_time, slices(area, length_ns));
        }
        let made = area.lines().map(|line| line.made.load(Ordering::Relaxed)).sum();
        let last_ns = area.lines().map(|line| line.ended_ns.load(Ordering::Relaxed)).max().unwrap_or(0);
        let length_ns = last_ns.saturating_sub(span.start_ns).max(1);
        Self::over(length_ns, made, vec![Window { start_ns: 0, elapsed_ns: length_ns, messages: made }])
    }

    fn over(length_ns: u64, answered: u64, windows: Vec<Window>) -> Self {
        Self { answered, requests_per_s: answered as f64 * 1e9 / length_ns as f64, windows }
    }
}

/// Responses of all clients by slices of the window.
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
    histogram::percentiles(&all, clock::now_step_ns(), &mut report.metrics);
    report.histogram = histogram::encode(&all);
}

/// Time from connect(2) to the first response of each client.
pub(super) fn connecting(area: &Area, report: &mut Report) {
    let mut all = histogram::empty();
    for line in area.lines() {
        all.saturating_record(line.connect_ns.load(Ordering::Relaxed).max(1));
    }
    report.metrics.extend(histogram::typical(&all).map(|ns| (metric::CONNECT_NS.into(), ns)));
    report.distributions.extend(histogram::encode(&all).map(|blob| ("connect".to_owned(), blob)));
}
