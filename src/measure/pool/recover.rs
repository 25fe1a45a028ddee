//! Recovery of a pool after a worker was killed during a task, with other tasks queued: whether the dispatcher is told,
//! and whether the lost task is done after a second submission. All other tasks must be done exactly once.
//! Workers report their tasks on the control page, so the killed worker is known to run one; tasks are long enough for
//! the kill. The dispatcher then polls, so the time until it is told includes the kernel's time to end a process and
//! the pool's time to detect that, but no wake-up. A pool has not recovered after [`PATIENCE_NS`] without a response.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::dispatcher::Dispatcher;
use super::frame::SHOWN;
use super::in_flight::{Back, Event};
use super::stamps::keep;
use super::trial::Trial;
use super::{Tasks, within};
use crate::clock;
use crate::control::{MAX_SLOTS, Page};
use crate::measure::locks::recover::PATIENCE_NS;
use crate::measure::{MeasureError, MeasureResult, histogram, invalid};
use crate::pool::Worker;
use crate::protocol::Report;
use crate::record::{Metrics, metric};

/// Duration of each task.
pub(crate) const TASK_NS: u64 = 2_000_000;
/// Minimum of tasks queued behind those in progress.
const QUEUED: u32 = 2;
/// Maximum of kills per trial.
const KILLS_MAX: usize = 100;
/// Attempts to kill a worker during its task. On a busy machine this process may get a CPU only after the task is done, so
/// each attempt has tasks twice as long.
const TRIES: u32 = 8;
/// Maximum of kills without recovery: a second one confirms the first.
const LOSSES_MAX: usize = 2;

/// Tasks in flight at a kill. Each has a line of the control page.
pub(crate) fn tasks_out(workers: u32) -> u32 {
    (2 * workers + QUEUED).min(MAX_SLOTS)
}

/// Result of one kill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aftermath {
    /// From just before the kill until the dispatcher was told.
    pub(crate) told_ns: Option<u64>,
    /// Tasks that were reported lost.
    pub(crate) lost: u64,
    /// Lost tasks that another worker has done.
    pub(crate) retried: u64,
    /// Tasks that never came back and were not reported lost.
    pub(crate) missing: u64,
    /// Whether the worker had done its task before the kill, so that it died while it sent its response.
    pub(crate) late: bool,
}

impl Aftermath {
    /// Whether the dispatcher was told and all tasks were done.
    pub(crate) fn is_recovery(&self) -> bool {
        self.told_ns.is_some() && self.lost == self.retried && self.missing == 0
    }
}

/// Runs the dispatcher's side of the trial: repeats kills until the time is used up.
///
/// Errors: a result is wrong or duplicate.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let (begun, hot) = (Instant::now(), Duration::from_nanos(trial.task.timing.hot_ns));
    let tasks = trial.tasks_of_ns(TASK_NS);
    let mut seen: Vec<Aftermath> = vec![];
    let mut pool = None;
    trial.page().set_hot(true);
    while seen.is_empty() || (begun.elapsed() < hot && seen.len() < KILLS_MAX && losses(&seen) < LOSSES_MAX) {
        let mut dispatcher = match pool.take() {
            Some(pool) => pool,
            None => trial.open(tasks)?,
        };
        let aftermath = play(dispatcher.as_mut(), tasks, trial.page(), trial.config.workers, PATIENCE_NS)?;
        seen.push(aftermath);
        // A pool that did not recover is not used again.
        if aftermath.is_recovery() {
            pool = Some(dispatcher);
        } else {
            dispatcher.terminate()?;
        }
    }
    trial.page().set_hot(false);
    pool.map_or(Ok(()), Dispatcher::terminate)?;
    trial.end(seen.len() as u64)?;
    report(&seen)
}

/// Submits tasks, kills a worker that runs one, and reports the result. Gives up after `patience_ns` without a
/// response.
///
/// Errors: no worker started a task; a result is wrong or duplicate.
pub(crate) fn play(
    dispatcher: &mut dyn Dispatcher,
    tasks: Tasks,
    page: &Page,
    workers: u32,
    patience_ns: u64,
) -> Result<Aftermath, MeasureError> {
    let mut aftermath = Aftermath::default();
    for attempt in 0..TRIES {
        dispatcher.set_tasks(Tasks { rounds: tasks.rounds << attempt, ..tasks });
        aftermath = kill_one(dispatcher, page, workers, patience_ns)?;
        // Not told and nothing missing: this process got the CPU so late that the task was done before the kill.
        if aftermath.told_ns.is_some() || aftermath.missing > 0 {
            break;
        }
    }
    Ok(aftermath)
}

fn kill_one(
    dispatcher: &mut dyn Dispatcher,
    page: &Page,
    workers: u32,
    patience_ns: u64,
) -> Result<Aftermath, MeasureError> {
    let lines = tasks_out(workers);
    clear(page, lines);
    for _ in 0..lines {
        dispatcher.submit(1, SHOWN)?;
    }
    let first_pid = || Ok((0..lines).map(|line| page.posted(line)).find(|pid| *pid != 0));
    // The tasks may wait for the time slices of other processes, so this limit is longer.
    let Some(pid) = within(10 * patience_ns, first_pid)? else {
        return invalid("no worker started a task");
    };
    let Ok(pid) = i32::try_from(pid) else { return invalid(format!("{pid} is not a process id")) };
    let mut aftermath = Aftermath::default();
    let mut lost = vec![];
    let killed_ns = clock::now_ns();
    kill(Pid::from_raw(pid), Signal::SIGKILL).map_err(std::io::Error::from)?;

    within(patience_ns, || {
        if let Some(Event::Lost(_, request)) = dispatcher.try_collect()? {
            aftermath.told_ns = Some(clock::now_ns() - killed_ns);
            lost.extend(request);
            return Ok(Some(()));
        }
        // The victim had done its task before the kill and is no worker any more: there is nothing to wait for.
        let missed = dispatcher.out() == 0 && !dispatcher.workers().contains(&Worker::Process(pid.cast_unsigned()));
        Ok(missed.then_some(()))
    })?;
    if aftermath.told_ns.is_none() {
        aftermath.missing = dispatcher.out() as u64;
        let of_victim = |line: &u32| page.posted(*line) == u64::from(pid.cast_unsigned());
        aftermath.late = (0..lines).filter(of_victim).all(|line| page.tally(line) != 0);
        return Ok(aftermath);
    }
    aftermath.lost = lost.len() as u64;
    for request in &lost {
        dispatcher.hand_out_again(request, 0)?;
    }
    gather(dispatcher, &mut lost, &mut aftermath, patience_ns)?;
    Ok(aftermath)
}

/// Collects all requests in flight, until `patience_ns` pass without a response.
fn gather(
    dispatcher: &mut dyn Dispatcher,
    lost: &mut Vec<Back>,
    aftermath: &mut Aftermath,
    patience_ns: u64,
) -> Result<(), MeasureError> {
    while dispatcher.out() > 0 {
        match within(patience_ns, || dispatcher.try_collect())? {
            None => {
                aftermath.missing = dispatcher.out() as u64;
                return Ok(());
            }
            Some(Event::Back(back)) if !back.done => return invalid(format!("task {} failed", back.first)),
            Some(Event::Back(back)) => {
                aftermath.retried += u64::from(lost.iter().any(|request| request.first == back.first));
            }
            // A pool may report each request of the dead worker separately.
            Some(Event::Lost(_, Some(request))) => {
                aftermath.lost += 1;
                dispatcher.hand_out_again(&request, 0)?;
                lost.push(request);
            }
            Some(Event::Lost(_, None)) => {}
        }
    }
    Ok(())
}

/// Clears the lines on which workers report their tasks.
pub(crate) fn clear(page: &Page, lines: u32) {
    for line in 0..lines {
        page.post(line, 0);
        page.set_tally(line, 0);
    }
}

fn losses(seen: &[Aftermath]) -> usize {
    seen.iter().filter(|one| !one.is_recovery()).count()
}

fn report(seen: &[Aftermath]) -> MeasureResult {
    let deaths = seen.len().max(1) as f64;
    let sum = |of: fn(&Aftermath) -> u64| seen.iter().map(of).sum::<u64>() as f64;
    let mut report = Report {
        messages: seen.len() as u64,
        chosen_by: "time".into(),
        remark: remark(seen),
        metrics: Metrics::from([
            (metric::RECOVERED_SHARE.into(), 1.0 - losses(seen) as f64 / deaths),
            (metric::TASKS_LOST.into(), sum(|one| one.lost) / deaths),
            (metric::TASKS_RETRIED.into(), sum(|one| one.retried) / deaths),
        ]),
        ..Report::default()
    };
    let told: Vec<u64> = seen.iter().filter_map(|one| one.told_ns).collect();
    if !told.is_empty() {
        let mut distribution = histogram::empty();
        for ns in &told {
            distribution.saturating_record((*ns).max(1));
        }
        keep(&mut report, "recovery", &distribution)?;
        let median = histogram::median(told.iter().map(|ns| *ns as f64).collect());
        report.metrics.insert(metric::RECOVERY_NS.into(), median);
    }
    Ok(report)
}

/// Describes failed recovery, if any; without times, so that trials give the same sentence.
fn remark(seen: &[Aftermath]) -> Option<String> {
    let one = seen.iter().find(|one| !one.is_recovery())?;
    let often = if losses(seen) == seen.len() { "never" } else { "not always" };
    let patience_ms = PATIENCE_NS / 1_000_000;
    let what = if one.told_ns.is_none() {
        format!("the dispatcher was not told of a worker's death within {patience_ms} ms")
    } else if one.missing > 0 {
        format!(
            "the dispatcher was told of a worker's death, and then {patience_ms} ms passed with tasks still missing"
        )
    } else {
        "a lost task came back without having been submitted again".to_owned()
    };
    Some(format!("{often}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECOVERED: Aftermath = Aftermath { told_ns: Some(1000), lost: 1, retried: 1, missing: 0, late: false };

    #[test]
    fn a_pool_that_recovers_has_a_time_and_no_remark() {
        let idle = Aftermath { told_ns: Some(3000), lost: 0, retried: 0, ..RECOVERED };
        let report = report(&[RECOVERED, idle]).expect("encoded");
        assert!((report.metrics[metric::RECOVERY_NS] - 2000.0).abs() < 1e-9);
        assert!((report.metrics[metric::RECOVERED_SHARE] - 1.0).abs() < 1e-9);
        assert!((report.metrics[metric::TASKS_LOST] - 0.5).abs() < 1e-9);
        assert!((report.metrics[metric::TASKS_RETRIED] - 0.5).abs() < 1e-9);
        assert_eq!((report.messages, report.remark), (2, None));
    }

    #[test]
    fn a_silent_pool_differs_from_one_that_loses_tasks() {
        let untold = Aftermath { missing: 3, ..Aftermath::default() };
        let silent = report(&[untold]).expect("encoded");
        assert!(!silent.metrics.contains_key(metric::RECOVERY_NS) && silent.distributions.is_empty());
        assert_eq!(
            silent.remark.as_deref(),
            Some("never: the dispatcher was not told of a worker's death within 300 ms")
        );
        let stuck = Aftermath { retried: 0, missing: 1, ..RECOVERED };
        let at_times = report(&[RECOVERED, stuck]).expect("encoded");
        assert!(at_times.remark.expect("one").starts_with("not always: the dispatcher was told"));
        assert!((at_times.metrics[metric::RECOVERED_SHARE] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn each_task_in_flight_has_its_own_line() {
        for workers in [1, 2, 4, 61] {
            assert!((workers + 1..=MAX_SLOTS).contains(&tasks_out(workers)), "{workers}");
        }
    }
}
