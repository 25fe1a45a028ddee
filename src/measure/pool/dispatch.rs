//! Cost of submitting a task. A counted pass in slices gives the typical cost; a second pass stamps the submission,
//! start, finish and read of each request. Both sides check all results and payloads.
//!
//! With tasks of a known duration the same loop gives overhead and efficiency:
//! overhead = (workers x time - tasks x grain) / tasks; efficiency = tasks x grain / (workers x time).

use super::stamps::Stamps;
use super::trial::Trial;
use super::usage::WorkerUsage;
use crate::clock::Anchor;
use crate::measure::meter::Meter;
use crate::measure::{MeasureResult, count};
use crate::protocol::Report;
use crate::record::{Metrics, metric};

/// Maximum of tasks in the stamped pass.
const STAMPED: u64 = 50_000;
/// Maximum of tasks in the stamped pass, as a divisor of the counted pass.
const STAMPED_SHARE: u64 = 4;

/// Runs the dispatcher's side of the trial.
///
/// Errors: a result is wrong, missing or duplicate; a worker died.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let first = Anchor::now(trial.ticks);
    let mut dispatcher = trial.open(trial.tasks())?;
    let least = trial.least_together();
    let derived = count::derive(&trial.task.timing, |n| dispatcher.run(n))?;
    let count = trial.task.timing.fixed_count.unwrap_or_else(|| derived.count.max(least));
    trial.page().set_hot(true);
    let usage = WorkerUsage::start(dispatcher.workers());
    let meter = Meter::start();
    let sliced = count::in_parts(count, (count / least).clamp(1, count::WINDOWS), |n| dispatcher.run(n))?;
    let mut roles = vec![meter.stop(&trial.task, count)];
    roles.extend(usage.stop(&trial.config.cpus));
    trial.page().set_hot(false);

    let ns_per_tick = first.ns_per_tick(&Anchor::now(trial.ticks));
    dispatcher.stamp_into(Stamps::new(ns_per_tick, trial.ticks));
    dispatcher.run((count / STAMPED_SHARE).clamp(1, STAMPED))?;
    let stamps = dispatcher.take_stamps();
    dispatcher.close()?;
    trial.end(count)?;

    let elapsed_ns = sliced.ended_ns - sliced.started_ns;
    // A serial pool runs tasks in the dispatcher.
    let workers = if trial.pool.serial { 1 } else { trial.config.workers };
    let mut report = Report {
        messages: count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: metrics(count, elapsed_ns, trial.task.case.params.grain_ns.unwrap_or(0), workers),
        windows: sliced.windows,
        roles,
        ..Report::default()
    };
    if let Some(stamps) = stamps {
        stamps.describe(&mut report)?;
    }
    Ok(report)
}

fn metrics(tasks: u64, elapsed_ns: u64, grain_ns: u64, workers: u32) -> Metrics {
    let workers_ns = f64::from(workers) * elapsed_ns.max(1) as f64;
    let (tasks, elapsed_ns, work_ns) = (tasks as f64, elapsed_ns.max(1) as f64, (tasks * grain_ns) as f64);
    let mut metrics = Metrics::from([
        (metric::TASK_NS.into(), elapsed_ns / tasks),
        (metric::TASKS_PER_S.into(), tasks * 1e9 / elapsed_ns),
        (metric::TASK_OVERHEAD_NS.into(), (workers_ns - work_ns) / tasks),
    ]);
    if grain_ns > 0 {
        metrics.insert(metric::EFFICIENCY.into(), work_ns / workers_ns);
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(metrics: &Metrics, name: &str) -> f64 {
        metrics.get(name).copied().unwrap_or(f64::NAN)
    }

    #[test]
    fn tasks_of_known_duration_give_overhead_and_efficiency() {
        // A thousand tasks of 10 us, in 6 ms by two workers: 12 ms of worker time for 10 ms of work.
        let two = metrics(1000, 6_000_000, 10_000, 2);
        assert!((of(&two, metric::TASK_NS) - 6000.0).abs() < 1e-6);
        assert!((of(&two, metric::TASKS_PER_S) - 1e9 / 6000.0).abs() < 1e-3);
        assert!((of(&two, metric::TASK_OVERHEAD_NS) - 2000.0).abs() < 1e-6);
        assert!((of(&two, metric::EFFICIENCY) - 10.0 / 12.0).abs() < 1e-9);
        // A serial run without overhead.
        let alone = metrics(1000, 10_000_000, 10_000, 1);
        assert!(
            (of(&alone, metric::EFFICIENCY) - 1.0).abs() < 1e-9 && of(&alone, metric::TASK_OVERHEAD_NS).abs() < 1e-9
        );
    }

    #[test]
    fn empty_tasks_have_overhead_and_no_efficiency() {
        let empty = metrics(500, 1_000_000, 0, 4);
        assert!((of(&empty, metric::TASK_OVERHEAD_NS) - 8000.0).abs() < 1e-6);
        assert!(!empty.contains_key(metric::EFFICIENCY));
    }
}
