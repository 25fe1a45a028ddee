//! Cost of a pool's life cycle: from creation to the first checked result and removal, repeated; then, in other
//! repetitions, termination with tasks in progress.
//!
//! | stage | from | to |
//! |---|---|---|
//! | create | nothing | the pool is open; its workers may still be starting |
//! | first message | just before the first task is submitted | its result is checked, so a worker has started |
//! | later message | the same for the second task | |
//! | tear-down | no task in flight | all workers have ended and are collected |
//! | terminate | every worker has tasks | all workers have ended and are collected |
//!
//! The set-up time is the sum of create, first message and tear-down. Threads cannot be killed, so their termination
//! includes the rest of their tasks.

use super::dispatcher::Dispatcher;
use super::in_flight::{Event, died};
use super::stamps::keep;
use super::trial::Trial;
use super::usage;
use crate::clock;
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, count, histogram};
use crate::protocol::Report;
use crate::record::{Call, Chunk, Metrics, Window, metric};

/// Maximum of terminations, and of their part of the hot time ...
const ENDS_MAX: usize = 50;
const ENDS_SHARE: u64 = 2;
/// ... and their minimum.
const ENDS_MIN: usize = 5;
/// Duration of a task in progress when the pool is terminated.
const IN_PROGRESS_NS: u64 = 1_000_000;
/// Tasks per worker before its memory is read, so that it has touched the pages it needs.
const TASKS_BEFORE_READING: u64 = 32;

/// Times of one repetition.
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

/// Runs the dispatcher's side of the trial.
///
/// Errors: a result is wrong, missing or duplicate; a worker died.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let timing = trial.task.timing.clone();
    let derived = count::derive(&timing, |n| (0..n).try_for_each(|_| closed(trial).map(drop)))?;
    trial.page().set_hot(true);
    let meter = Meter::start();
    let life_cycles: Vec<Stages> = (0..derived.count).map(|_| closed(trial)).collect::<Result<_, _>>()?;
    let (mut ends, until_ns) = (vec![], clock::now_ns() + timing.hot_ns / ENDS_SHARE);
    while ends.len() < ENDS_MIN || ends.len() < ENDS_MAX && clock::now_ns() < until_ns {
        ends.push(terminated(trial)?);
    }
    let cost = meter.stop(&trial.task, derived.count);
    trial.page().set_hot(false);
    let memory = worker_memory(trial)?;
    trial.end(derived.count)?;

    let mut report = Report {
        messages: derived.count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        windows: windows(&life_cycles),
        roles: vec![cost],
        ..Report::default()
    };
    describe(&life_cycles, &ends, &mut report)?;
    if !memory.is_empty() {
        report.metrics.insert(metric::PSS_BYTES_PER_WORKER.into(), histogram::median(memory));
    }
    Ok(report)
}

/// Runs one repetition.
fn closed(trial: &Trial) -> Result<Stages, MeasureError> {
    let tasks = trial.tasks().called(Call::Apply, Chunk::One);
    let (mut dispatcher, create_ns) = timed(|| Ok(trial.open(tasks)?))?;
    let ((), first_message_ns) = timed(|| dispatcher.run(1))?;
    let ((), later_message_ns) = timed(|| dispatcher.run(1))?;
    let ((), tear_down_ns) = timed(|| Ok(dispatcher.close()?))?;
    Ok(Stages { create_ns, first_message_ns, later_message_ns, tear_down_ns })
}

/// Measures the termination of a pool with tasks in progress.
fn terminated(trial: &Trial) -> Result<u64, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks_of_ns(IN_PROGRESS_NS))?;
    submit_to_all(dispatcher.as_mut(), trial.config.workers)?;
    // After the first result the other workers have tasks too.
    match dispatcher.collect()? {
        Event::Back(_) => {}
        Event::Lost(loss, _) => return Err(died(&loss)),
    }
    let ((), terminate_ns) = timed(|| Ok(dispatcher.terminate()?))?;
    Ok(terminate_ns)
}

fn submit_to_all(dispatcher: &mut dyn Dispatcher, workers: u32) -> Result<(), MeasureError> {
    for _ in 0..2 * workers {
        if dispatcher.room() > 0 {
            dispatcher.submit(1, 0)?;
        }
    }
    Ok(())
}

fn worker_memory(trial: &Trial) -> Result<Vec<f64>, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks().called(Call::ApplyAsync, Chunk::One))?;
    dispatcher.run(TASKS_BEFORE_READING * u64::from(trial.config.workers))?;
    let memory = usage::memory_shares(&dispatcher.workers());
    dispatcher.close()?;
    Ok(memory)
}

fn timed<R>(work: impl FnOnce() -> Result<R, MeasureError>) -> Result<(R, u64), MeasureError> {
    let start_ns = clock::now_ns();
    let result = work()?;
    Ok((result, clock::now_ns() - start_ns))
}

/// Set-up times as windows.
fn windows(all: &[Stages]) -> Vec<Window> {
    count::windows_of(&all.iter().map(Stages::set_up_ns).collect::<Vec<u64>>())
}

/// Reports the median and distribution of each stage.
fn describe(life_cycles: &[Stages], ends: &[u64], report: &mut Report) -> Result<(), MeasureError> {
    let of = |stage: fn(&Stages) -> u64| life_cycles.iter().map(stage).collect::<Vec<u64>>();
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
    histogram::percentiles(&whole, clock::now_step_ns(), &mut report.metrics);
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
