//! Latency of a task at a given rate. Open loop: due times do not depend on earlier tasks.
//!
//! The latency of a task runs from its due time until its result is read and checked. The dispatcher is the load
//! generator: it polls for results and the clock between tasks, and submits late tasks at once. A slow or full pool
//! therefore delays all tasks that it affects. Times stay in memory until the loop has ended. Poisson arrivals differ
//! in each trial, as independent repetitions require.
//!
//! Bursts show how idle workers wake up.

use std::slice;

use super::open_loop::OpenLoop;
use super::trial::Trial;
use super::usage::WorkerUsage;
use crate::clock::{self, Anchor};
use crate::measure::meter::Meter;
use crate::measure::paced::tally::Tally;
use crate::measure::schedule::Schedule;
use crate::measure::{MeasureResult, count, histogram};
use crate::protocol::Report;
use crate::record::{Call, Chunk};

/// Producer number in the seed of arrivals.
const PRODUCER: u16 = 8;
/// Delay from the last warm-up task to the first due time, so that idle workers can fall asleep.
const START_AFTER_NS: u64 = 100_000;
/// Maximum of tasks per trial: 32 MiB of times. A longer trial ends early.
const MAX_TASKS: u64 = 1 << 20;
/// Minimum of tasks per trial, for a median and a comparison of the first and last tasks.
const MIN_TASKS: u64 = 100;

/// Runs the dispatcher's side of the trial. The warm-up runs at full speed; if that is slower than the rate, the hot
/// phase gets fewer tasks, so that an overloaded trial takes no longer.
///
/// Errors: a result is wrong, missing or duplicate; a worker died.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let (timing, case) = (trial.task.timing.clone(), &trial.task.case);
    let schedule = Schedule::of(case, PRODUCER, clock::now_ns())?;
    let tasks = trial.tasks().called(Call::ApplyAsync, Chunk::One);
    let mut dispatcher = trial.open(tasks)?;
    let derived = count::derive(&timing, |n| dispatcher.run(n))?;
    let interval_ns = schedule.interval_ns().max(derived.fastest_ns);
    let wanted = timing.fixed_count.unwrap_or((timing.hot_ns as f64 / interval_ns) as u64);
    let count = whole_bursts(wanted.clamp(MIN_TASKS, MAX_TASKS), schedule.burst());
    let mut open_loop = OpenLoop::new(schedule, trial.ticks, count);

    trial.page().set_hot(true);
    let usage = WorkerUsage::start(dispatcher.workers());
    let meter = Meter::start();
    let before = Anchor::now(trial.ticks);
    open_loop.start_ns = clock::now_ns() + START_AFTER_NS;
    dispatcher.pace(&mut open_loop)?;
    let after = Anchor::now(trial.ticks);
    let mut roles = vec![meter.stop(&trial.task, count)];
    roles.extend(usage.stop(&trial.config.cpus));
    trial.page().set_hot(false);
    dispatcher.close()?;
    trial.end(count)?;

    let tally =
        Tally::new(&open_loop.read(), (before, after), open_loop.start_ns, slice::from_ref(&open_loop.schedule));
    let distribution = tally.distribution();
    let mut report = Report {
        messages: count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: tally.metrics(&distribution, tasks.bytes),
        histogram: histogram::encode(&distribution),
        roles,
        ..Report::default()
    };
    open_loop.stamps(before.ns_per_tick(&after)).describe_parts(&mut report)?;
    Ok(report)
}

/// Rounds to whole bursts, at least two.
fn whole_bursts(count: u64, burst: u64) -> u64 {
    (count / burst).max(2) * burst
}
