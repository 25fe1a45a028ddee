//! Time until a parent detects the end of a child, by each way to watch it.
//!
//! The end is stamped on the monotonic clock, which all processes share: by the child as its last action, or by the
//! parent just before the signal. A pause before the end lets the parent start to wait. Its length varies, so that the
//! end falls on different points of a polling parent's sleep.
//! All processes are collected with the expected status; none may be left at the end.

mod cue;
mod kin;

use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::getpid;

use super::summary::{median, spread};
use crate::control::Page;
use crate::launch::End;
use crate::launch::process::{has_children, until_some_child_ended};
use crate::launch::watch::{self, Body, Watch};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, count, histogram, invalid};
use crate::protocol::Report;
use crate::record::{Ending, Isolation, Metrics, metric};
use crate::{clock, payload, pin};
use cue::Cue;

/// Minimum pause before an end: long enough for a parent to fall asleep.
const PAUSE_MIN_NS: u64 = 100_000;
/// Maximum random part of the pause.
const PAUSE_SPREAD_NS: u64 = 2_000_000;
/// Minimum age of a zombie at its collection, so that the kernel has finished the exit.
const ZOMBIE_FOR: Duration = Duration::from_millis(1);
/// Polls of a live process per batch, and batches.
const LOOKS: u32 = 200;
const BATCHES: u32 = 25;

/// Times of one end, measured by the parent.
#[derive(Clone, Copy, Default)]
struct Known {
    /// From the end until its detection.
    notice_ns: Option<u64>,
    /// Time to collect the process, if that is a separate step.
    reap_ns: Option<u64>,
}

/// Runs the parent's side of the trial. Watched processes run on `child_cpu`, if given.
///
/// Errors: `Invalid` for a wrong status, or if a process is left at the end.
pub fn watch_ends<W: Watch>(task: &Task, page: &Page, child_cpu: Option<u32>) -> MeasureResult {
    let ending = watch::ending(&task.case);
    let cue = Cue::create()?;
    let mut alive_ns = None;
    let (ends, mut report) = if matches!(ending, Ending::Daemon | Ending::Orphan) {
        kin::adopt_orphans()?;
        ends(task, page, |pause| kin::one(ending, cue, pause, child_cpu))?
    } else {
        let mut way = W::attach()?;
        alive_ns = Some(looks(&mut way, cue, child_cpu)?);
        ends(task, page, |pause| one(&mut way, ending, cue, pause, child_cpu))?
    };
    if has_children()? {
        return invalid("a started process was never collected");
    }
    let times = |of: fn(&Known) -> Option<u64>| -> Vec<u64> { ends.iter().filter_map(of).collect() };
    let (notices, reaps) = (times(|it| it.notice_ns), times(|it| it.reap_ns));
    report.metrics.extend(alive_ns.map(|ns| (metric::ALIVE_NS.to_owned(), ns)));
    for (name, metric, times) in [("reap", metric::REAP_NS, reaps), ("notice", metric::NOTICE_NS, notices)] {
        if !times.is_empty() {
            let spread = spread(&times);
            report.metrics.insert(metric.into(), median(&times));
            // The notice comes last, so it replaces the reap if there is one.
            histogram::percentiles(&spread, clock::now_step_ns(), &mut report.metrics);
            report.histogram = histogram::encode(&spread);
            report.distributions.extend(report.histogram.clone().map(|blob| (name.to_owned(), blob)));
        }
    }
    Ok(report)
}

/// Runs ends one after the other for the whole trial.
fn ends(
    task: &Task,
    page: &Page,
    mut one: impl FnMut(Duration) -> Result<Known, MeasureError>,
) -> Result<(Vec<Known>, Report), MeasureError> {
    let mut told = 0;
    let mut next = || {
        told += 1;
        one(Duration::from_nanos(PAUSE_MIN_NS + payload::mix(told) % PAUSE_SPREAD_NS))
    };
    let derived = count::derive(&task.timing, |n| (0..n).try_for_each(|_| next().map(drop)))?;
    let mut ends = Vec::with_capacity(derived.count as usize);
    page.set_hot(true);
    let meter = Meter::start();
    let sliced = count::in_slices(derived.count, |n| (0..n).try_for_each(|_| next().map(|known| ends.push(known))))?;
    let cost = meter.stop(task, derived.count);
    page.set_hot(false);
    page.set_count(derived.count);
    let report = Report {
        messages: derived.count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: Metrics::new(),
        windows: sliced.windows,
        roles: vec![cost],
        ..Report::default()
    };
    Ok((ends, report))
}

/// Body of a process that waits for its order and ends after a pause.
fn leaver(cue: &'static Cue, pause: Duration, cpu: Option<u32>) -> Body {
    Box::new(move || {
        if cpu.is_none_or(|cpu| pin::pin_this_thread(cpu).is_ok()) {
            cue.is_here(getpid());
            if cue.await_go() {
                thread::sleep(pause);
            }
            cue.ends();
        }
    })
}

/// Typical cost of one poll of a live process.
fn looks<W: Watch>(way: &mut W, cue: &'static Cue, cpu: Option<u32>) -> Result<f64, MeasureError> {
    start(way, cue, Duration::ZERO, cpu)?;
    let mut batches = vec![];
    for _ in 0..BATCHES {
        let began_ns = clock::now_ns();
        for _ in 0..LOOKS {
            if !way.is_alive()? {
                return invalid("a live process was reported as ended");
            }
        }
        batches.push((clock::now_ns() - began_ns) as f64 / f64::from(LOOKS));
    }
    cue.go()?;
    way.await_end()?;
    collect(way, End::Exited(0))?;
    Ok(histogram::median(batches))
}

fn start<W: Watch>(way: &mut W, cue: &'static Cue, pause: Duration, cpu: Option<u32>) -> Result<(), MeasureError> {
    cue.reset();
    way.start(leaver(cue, pause, cpu))?;
    cue.await_ready(|| way.is_alive())?;
    Ok(())
}

fn collect<W: Watch>(way: &mut W, due: End) -> Result<(), MeasureError> {
    match way.collect()? {
        end if end == due => Ok(()),
        end => invalid(format!("the end seen is {end:?}, where {due:?} was expected")),
    }
}

/// Runs one process and its end.
fn one<W: Watch>(
    way: &mut W,
    ending: Ending,
    cue: &'static Cue,
    pause: Duration,
    cpu: Option<u32>,
) -> Result<Known, MeasureError> {
    start(way, cue, pause, cpu)?;
    let signal = match ending {
        Ending::Terminate => Some(Signal::SIGTERM),
        Ending::Kill => Some(Signal::SIGKILL),
        _ => None,
    };
    let mut signalled_ns = None;
    match signal {
        Some(signal) => {
            thread::sleep(pause);
            signalled_ns = Some(clock::now_ns());
            way.signal(signal)?;
        }
        None => cue.go()?,
    }
    let due = signal.map_or(End::Exited(0), |signal| End::Killed(signal as i32));
    if ending == Ending::Zombie {
        return zombie(way, cue, due);
    }
    way.await_end()?;
    let known_ns = clock::now_ns();
    collect(way, due)?;
    let collected_ns = clock::now_ns();
    let ended_ns = signalled_ns
        .or(cue.ended_ns())
        .ok_or_else(|| "an end was seen before it came".to_owned())
        .map_err(MeasureError::Invalid)?;
    Ok(Known {
        notice_ns: Some(known_ns.saturating_sub(ended_ns)),
        reap_ns: W::COLLECTS_APART.then_some(collected_ns - known_ns),
    })
}

/// Lets a process become a zombie, then measures its detection and collection.
fn zombie<W: Watch>(way: &mut W, cue: &Cue, due: End) -> Result<Known, MeasureError> {
    if W::ISOLATION == Isolation::Process {
        until_some_child_ended()?;
    } else {
        while cue.ended_ns().is_none() {
            thread::sleep(ZOMBIE_FOR);
        }
    }
    thread::sleep(ZOMBIE_FOR);
    let began_ns = clock::now_ns();
    way.await_end()?;
    collect(way, due)?;
    Ok(Known { notice_ns: None, reap_ns: Some(clock::now_ns() - began_ns) })
}
