//! Open loop: number of requests, due times, and results. A common schedule assigns requests to clients in turn. A
//! client that awaits a response at its next due time sends late, and latency still runs from the due time.

use std::io;
use std::sync::atomic::Ordering;

use super::Span;
use super::area::Area;
use super::client::PLAN;
use super::clients::Clients;
use crate::clock::{self, Anchor};
use crate::measure::paced::tally::{NEVER, Tally};
use crate::measure::schedule::Schedule;
use crate::measure::{MeasureError, MeasureResult, Task, histogram, invalid};
use crate::protocol::Report;
use crate::server;

/// Minimum of requests for a median and a comparison of the first and last requests.
const MIN_REQUESTS: u64 = 100;
/// Maximum of requests: 32 MiB of times.
const MAX_REQUESTS: u64 = 1 << 21;
/// Maximum time of an overloaded trial, in multiples of the hot time; the number of requests is limited accordingly.
const PATIENCE: f64 = 4.0;

/// Number of requests for a server that achieves the rate.
pub(super) fn most_requests(task: &Task) -> io::Result<u64> {
    let interval_ns = Schedule::of(&task.case, 0, 0)?.interval_ns();
    let wanted = task.timing.fixed_count.unwrap_or((task.timing.hot_ns as f64 / interval_ns) as u64);
    Ok(wanted.clamp(MIN_REQUESTS, MAX_REQUESTS))
}

/// Number of requests for this server, by its rate in the warm-up.
pub(super) fn requests(task: &Task, area: &Area, warm: Span) -> io::Result<u64> {
    let answered: u64 = area.lines().map(|line| line.made.load(Ordering::Relaxed)).sum();
    let last_ns = area.lines().map(|line| line.ended_ns.load(Ordering::Relaxed)).max().unwrap_or(0);
    let each_ns = last_ns.saturating_sub(warm.start_ns) as f64 / answered.max(1) as f64;
    let bearable = (PATIENCE * task.timing.hot_ns as f64 / each_ns.max(1.0)) as u64;
    let most = most_requests(task)?;
    Ok(if task.timing.fixed_count.is_some() { most } else { most.min(bearable.max(MIN_REQUESTS)) })
}

/// Makes every client compute its due times. Returns their seed, which differs in each trial, as independent
/// repetitions require.
pub(super) fn plan(clients: &mut Clients, count: u64) -> Result<u64, MeasureError> {
    let seed = clock::now_ns();
    let head = clients.area().head();
    head.count.store(count, Ordering::Relaxed);
    head.seed.store(seed, Ordering::Relaxed);
    clients.all(PLAN)?;
    Ok(seed)
}

/// Report of all requests.
///
/// Errors: a request was never answered.
pub(super) fn summary(area: &Area, task: &Task, span: Span, seed: u64, count: u64) -> MeasureResult {
    let stamp = |number| match area.answered_ns(number).load(Ordering::Relaxed) {
        0 => NEVER,
        at_ns => at_ns,
    };
    let stamps: Vec<u64> = (0..count).map(stamp).collect();
    if let Some(number) = stamps.iter().position(|at| *at == NEVER) {
        return invalid(format!("request {number} of {count} was never sent"));
    }
    // Stamps and due times are on the same clock: a tick is a nanosecond.
    let anchor = |ns: u64| Anchor { ns, tick: ns };
    let schedule = Schedule::of(&task.case, 0, seed)?;
    let tally = Tally::new(&stamps, (anchor(0), anchor(1 << 40)), span.start_ns, &[schedule]);
    let distribution = tally.distribution();
    let mut report = Report {
        messages: count,
        chosen_by: if task.timing.fixed_count.is_some() { "fixed" } else { "time" }.into(),
        warm_up_ns: task.timing.warm_up_ns,
        metrics: tally.metrics(&distribution, server::request_bytes(&task.case)),
        histogram: histogram::encode(&distribution),
        ..Report::default()
    };
    lateness(area, count, &mut report);
    Ok(report)
}

/// Reports the wake-up delays of the clients.
fn lateness(area: &Area, count: u64, report: &mut Report) {
    let mut all = histogram::empty();
    for number in 0..count {
        // Stored plus one, since zero means no sleep; a histogram takes values from 1 ns on.
        if let late @ 1.. = area.late_ns(number).load(Ordering::Relaxed) {
            all.saturating_record((late - 1).max(1));
        }
    }
    report.remark = Some(match histogram::typical(&all) {
        None => "no client slept: each request was due before the last one was answered".to_owned(),
        Some(late_ns) => format!(
            "clients slept before {} of {count} requests and woke {:.1} us late in the median, which the latencies hold",
            all.len(),
            late_ns / 1e3
        ),
    });
    report.distributions.extend(histogram::encode(&all).map(|blob| ("wake_late".to_owned(), blob)));
}
