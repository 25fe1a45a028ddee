//! What is the latency of a task at a given rate? Open loop: tasks are due by the clock, whatever became of the last one.
//!
//! A task's latency runs from when it was due until its result is read and found right. The dispatcher is the load
//! generator: between tasks it reads results and the clock without pause, and what is late already goes at once. So a
//! pool that falls behind, be it that no frame is left to hand out, shows up in every task it delays. Moments stay in
//! memory until the clock has stopped. Poisson arrivals are drawn anew in every trial, since sets must be independent.
//!
//! Tasks that come in bursts find workers that have nothing to do, and show how they wake.

use super::labour::Labour;
use super::passage::Course;
use super::trial::Trial;
use crate::clock::{self, Anchor};
use crate::measure::meter::Meter;
use crate::measure::paced::tally::Tally;
use crate::measure::schedule::Schedule;
use crate::measure::{MeasureResult, count, histogram};
use crate::protocol::Report;
use crate::record::{Call, Chunk};

/// By which the gaps of this family differ from those of another.
const PRODUCER: u16 = 8;
/// From the last task of the warm-up until the first one is due: time to fall asleep, for those who do.
const START_AFTER_NS: u64 = 100_000;
/// Tasks of one trial, at most: 32 MiB of moments. A longer trial ends sooner.
const MAX_TASKS: u64 = 1 << 20;
/// Fewer would have no median to speak of, and no first and last to compare.
const MIN_TASKS: u64 = 100;

/// The dispatcher's whole trial. The warm-up runs at full speed: where that is slower than the rate, fewer tasks fill the
/// hot phase, so that an overloaded trial takes no longer than another.
///
/// Errors: a result that is wrong, missing or too many; a worker that died.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let (timing, case) = (trial.task.timing.clone(), &trial.task.case);
    let schedule = Schedule::of(case, PRODUCER, clock::now_ns())?;
    let tasks = trial.tasks().called(Call::ApplyAsync, Chunk::One);
    let mut dispatcher = trial.open(tasks)?;
    let derived = count::derive(&timing, |n| dispatcher.run(n))?;
    let interval_ns = schedule.interval_ns().max(derived.fastest_ns);
    let wanted = timing.fixed_count.unwrap_or((timing.hot_ns as f64 / interval_ns) as u64);
    let count = whole_bursts(wanted.clamp(MIN_TASKS, MAX_TASKS), schedule.burst());
    let mut course = Course::new(schedule, trial.ticks, count);

    trial.page().set_hot(true);
    let labour = Labour::start(dispatcher.hands());
    let meter = Meter::start();
    let before = Anchor::now(trial.ticks);
    course.start_ns = clock::now_ns() + START_AFTER_NS;
    dispatcher.pace(&mut course)?;
    let after = Anchor::now(trial.ticks);
    let mut roles = vec![meter.stop(&trial.task, count)];
    roles.extend(labour.stop(&trial.staff.cpus));
    trial.page().set_hot(false);
    dispatcher.close()?;
    trial.end(count)?;

    let tally = Tally::new(&course.read(), (before, after), course.start_ns, &course.schedule);
    let distribution = tally.distribution();
    let mut report = Report {
        messages: count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: tally.metrics(&distribution, tasks.bytes, false),
        histogram: histogram::encode(&distribution),
        roles,
        ..Report::default()
    };
    course.stamps(before.ns_per_tick(&after)).describe_parts(&mut report)?;
    Ok(report)
}

/// Two bursts at least, and no half one at the end.
fn whole_bursts(count: u64, burst: u64) -> u64 {
    (count / burst).max(2) * burst
}
