//! What does handing out a task cost? By count, in slices with a clock read between them, for the typical cost; then a
//! pass in which every frame is stamped where it is: handed over, begun, finished, read. Every result and every byte of
//! every payload is checked on both sides.
//!
//! With work of a known length in each task the same loop gives overhead and efficiency:
//! overhead = (workers x time - tasks x grain) / tasks; efficiency = tasks x grain / (workers x time).

use super::clerk::{Clerk, Stamps, Tasks};
use super::labour::Labour;
use super::{Duty, staff};
use crate::clock::Anchor;
use crate::control::Leader;
use crate::measure::locks::chain::Chain;
use crate::measure::meter::Meter;
use crate::measure::{Findings, Task, Trouble, count, histogram, phase, together};
use crate::pool::Pool;
use crate::protocol::Report;
use crate::record::{Metrics, metric};

/// Tasks of the stamped pass, at most.
const STAMPED: u64 = 50_000;
/// What of the counted pass it may take.
const STAMPED_SHARE: u64 = 4;

/// The dispatcher's whole trial: opens the pool, hands out, closes it. `cpus` are those of the workers.
pub fn lead<P: Pool>(leader: &mut Leader, task: &Task, cpus: &[u32]) -> Findings {
    let case = &task.case;
    let staff = staff(case, cpus.to_vec());
    let tasks = Tasks::of(case, Chain::calibrated().rounds(case.grain_ns.unwrap_or(0)));
    let first = Anchor::now(task.ticks_trusted);
    let pool = P::open(&staff, Duty::new(tasks.bytes, task.ticks_trusted))?;
    let mut clerk = Clerk::new(pool, tasks);
    let page = leader.page().clone();

    let derived = count::derive(&task.timing, |n| clerk.run(n))?;
    page.set_hot(true);
    let (meter, labour) = (Meter::start(), Labour::start(clerk.pool().hands()));
    let sliced = count::in_slices(derived.count, |n| clerk.run(n))?;
    let mut roles = vec![meter.stop(task, derived.count)];
    roles.extend(labour.stop(cpus));
    page.set_hot(false);

    let ns_per_tick = first.ns_per_tick(&Anchor::now(task.ticks_trusted));
    let ns_per_tick = if task.ticks_trusted { ns_per_tick } else { 1.0 };
    clerk.stamp_into(Stamps::new(ns_per_tick, task.ticks_trusted));
    let stamped = (derived.count / STAMPED_SHARE).clamp(1, STAMPED);
    clerk.run(stamped)?;
    let stamps = clerk.take_stamps();
    clerk.into_pool().close()?;
    together(leader, phase::END, 0, || Ok(()))?;

    let elapsed_ns = sliced.ended_ns - sliced.started_ns;
    let mut report = Report {
        messages: derived.count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: metrics(derived.count, elapsed_ns, case.grain_ns.unwrap_or(0), workers::<P>(staff.workers)),
        windows: sliced.windows,
        roles,
        ..Report::default()
    };
    if let Some(stamps) = stamps {
        describe(&stamps, &mut report)?;
    }
    page.set_count(derived.count);
    Ok(report)
}

/// Without a pool it is the dispatcher who works.
fn workers<P: Pool>(workers: u32) -> f64 {
    if P::SERIAL { 1.0 } else { f64::from(workers) }
}

fn metrics(tasks: u64, elapsed_ns: u64, grain_ns: u64, workers: f64) -> Metrics {
    let (tasks, elapsed_ns, work_ns) = (tasks as f64, elapsed_ns.max(1) as f64, (tasks * grain_ns) as f64);
    let mut metrics = Metrics::from([
        (metric::TASK_NS.into(), elapsed_ns / tasks),
        (metric::TASKS_PER_S.into(), tasks * 1e9 / elapsed_ns),
        (metric::TASK_OVERHEAD_NS.into(), (workers * elapsed_ns - work_ns) / tasks),
    ]);
    if grain_ns > 0 {
        metrics.insert(metric::EFFICIENCY.into(), work_ns / (workers * elapsed_ns));
    }
    metrics
}

/// Distributions and their medians.
fn describe(stamps: &Stamps, report: &mut Report) -> Result<(), Trouble> {
    let unencoded = || Trouble::Invalid("a distribution could not be encoded".to_owned());
    let parts = [
        ("submit_to_start", metric::SUBMIT_TO_START_NS, &stamps.start),
        ("finish_to_visible", metric::FINISH_TO_VISIBLE_NS, &stamps.visible),
    ];
    for (name, median, histogram) in parts {
        report.distributions.insert(name.into(), histogram::encode(histogram).ok_or_else(unencoded)?);
        report.metrics.insert(median.into(), histogram.value_at_quantile(0.5) as f64);
    }
    histogram::percentiles(&stamps.whole, &mut report.metrics);
    report.histogram = histogram::encode(&stamps.whole);
    Ok(())
}
