//! What does it cost to have a pool? From nothing to the first checked result and back to nothing, over and over; and, in
//! repetitions of their own, ended at once with tasks in hand.
//!
//! | stage | from | until |
//! |---|---|---|
//! | create | nothing | the pool is open; its workers may still be on their way |
//! | first message | just before the first task is handed over | its result is checked: somebody had to arrive for it |
//! | later message | the same for the next task: nothing is new any more | |
//! | tear-down | nothing is out | all workers have left and been collected |
//! | terminate | every worker has tasks to do | all are gone and have been collected |
//!
//! A set-up is the sum of create, first message and tear-down. Threads cannot be ended from outside: where those work, the
//! time to terminate holds what was left of their tasks.

use super::books::{Event, died};
use super::dispatcher::Dispatcher;
use super::memory;
use super::stamps::keep;
use super::trial::Trial;
use crate::clock;
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, count, histogram};
use crate::protocol::Report;
use crate::record::{Call, Chunk, Metrics, Window, metric};

/// Repetitions that terminate: so many, unless they take longer than a part of the hot time ...
const ENDS_MAX: usize = 50;
const ENDS_SHARE: u64 = 2;
/// ... but not fewer.
const ENDS_MIN: usize = 5;
/// Work of a task that is in hand when the pool is terminated.
const IN_HAND_NS: u64 = 1_000_000;
/// Tasks for each worker before its memory is looked at: whoever has worked has touched what it needs for that.
const TASKS_BEFORE_LOOK: u64 = 32;

/// What one repetition took.
#[derive(Clone, Copy)]
#[allow(clippy::struct_field_names)] // a number's name ends in its unit
struct Stages {
    create_ns: u64,
    first_message_ns: u64,
    later_message_ns: u64,
    tear_down_ns: u64,
}

impl Stages {
    fn set_up_ns(&self) -> u64 {
        self.create_ns + self.first_message_ns + self.tear_down_ns
    }
}

/// The dispatcher's whole trial.
///
/// Errors: a result that is wrong, missing or too many; a worker that died.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let timing = trial.task.timing.clone();
    let derived = count::derive(&timing, |n| (0..n).try_for_each(|_| closed(trial).map(drop)))?;
    trial.page().set_hot(true);
    let meter = Meter::start();
    let closings: Vec<Stages> = (0..derived.count).map(|_| closed(trial)).collect::<Result<_, _>>()?;
    let (mut ends, until_ns) = (vec![], clock::now_ns() + timing.hot_ns / ENDS_SHARE);
    while ends.len() < ENDS_MIN || ends.len() < ENDS_MAX && clock::now_ns() < until_ns {
        ends.push(terminated(trial)?);
    }
    let cost = meter.stop(&trial.task, derived.count);
    trial.page().set_hot(false);
    let memory = look_at_memory(trial)?;
    trial.end(derived.count)?;

    let mut report = Report {
        messages: derived.count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        windows: windows(&closings),
        roles: vec![cost],
        ..Report::default()
    };
    describe(&closings, &ends, &mut report)?;
    if !memory.is_empty() {
        report.metrics.insert(metric::PSS_BYTES_PER_WORKER.into(), histogram::median(memory));
    }
    Ok(report)
}

/// One repetition.
fn closed(trial: &Trial) -> Result<Stages, MeasureError> {
    let tasks = trial.tasks().called(Call::Apply, Chunk::One);
    let (mut dispatcher, create_ns) = timed(|| Ok(trial.open(tasks)?))?;
    let ((), first_message_ns) = timed(|| dispatcher.run(1))?;
    let ((), later_message_ns) = timed(|| dispatcher.run(1))?;
    let ((), tear_down_ns) = timed(|| Ok(dispatcher.close()?))?;
    Ok(Stages { create_ns, first_message_ns, later_message_ns, tear_down_ns })
}

/// How long it took to end a pool that was at work.
fn terminated(trial: &Trial) -> Result<u64, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks_of_ns(IN_HAND_NS))?;
    give_to_all(dispatcher.as_mut(), trial.staff.workers)?;
    // Whoever is back first was not the only one at work.
    match dispatcher.collect()? {
        Event::Back(_) => {}
        Event::Lost(loss, _) => return Err(died(&loss)),
    }
    let ((), terminate_ns) = timed(|| Ok(dispatcher.terminate()?))?;
    Ok(terminate_ns)
}

fn give_to_all(dispatcher: &mut dyn Dispatcher, workers: u32) -> Result<(), MeasureError> {
    for _ in 0..2 * workers {
        if dispatcher.room() > 0 {
            dispatcher.hand_out(1, 0)?;
        }
    }
    Ok(())
}

fn look_at_memory(trial: &Trial) -> Result<Vec<f64>, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks().called(Call::ApplyAsync, Chunk::One))?;
    dispatcher.run(TASKS_BEFORE_LOOK * u64::from(trial.staff.workers))?;
    let memory = memory::shares(&dispatcher.hands());
    dispatcher.close()?;
    Ok(memory)
}

fn timed<R>(work: impl FnOnce() -> Result<R, MeasureError>) -> Result<(R, u64), MeasureError> {
    let start_ns = clock::now_ns();
    let result = work()?;
    Ok((result, clock::now_ns() - start_ns))
}

/// The set-ups in slices, without what is not part of one.
fn windows(all: &[Stages]) -> Vec<Window> {
    count::windows_of(&all.iter().map(Stages::set_up_ns).collect::<Vec<u64>>())
}

/// Medians, and a distribution for each stage.
fn describe(closings: &[Stages], ends: &[u64], report: &mut Report) -> Result<(), MeasureError> {
    let of = |stage: fn(&Stages) -> u64| closings.iter().map(stage).collect::<Vec<u64>>();
    let stages = [
        ("create", metric::CREATE_NS, of(|stages| stages.create_ns)),
        ("first_message", metric::FIRST_MESSAGE_NS, of(|stages| stages.first_message_ns)),
        ("later_message", metric::LATER_MESSAGE_NS, of(|stages| stages.later_message_ns)),
        ("tear_down", metric::TEAR_DOWN_NS, of(|stages| stages.tear_down_ns)),
        ("terminate", metric::TERMINATE_NS, ends.to_vec()),
    ];
    for (name, median, times) in stages {
        keep(report, name, &histogram_of(&times))?;
        insert_median(&mut report.metrics, median, &times);
    }
    let whole = of(Stages::set_up_ns);
    insert_median(&mut report.metrics, metric::SET_UP_NS, &whole);
    let whole = histogram_of(&whole);
    histogram::percentiles(&whole, &mut report.metrics);
    report.histogram = histogram::encode(&whole);
    Ok(())
}

fn insert_median(metrics: &mut Metrics, name: &str, times: &[u64]) {
    metrics.insert(name.into(), histogram::median(times.iter().map(|ns| *ns as f64).collect()));
}

fn histogram_of(times: &[u64]) -> hdrhistogram::Histogram<u64> {
    let mut all = histogram::empty();
    for ns in times {
        all.saturating_record((*ns).max(1));
    }
    all
}
