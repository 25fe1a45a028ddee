//! How long until a parent knows that somebody it started has ended, by each way of watching.
//!
//! The end is stamped by whoever brings it about, on the monotonic clock, which is one for all processes: by the child itself
//! as the last thing it does, or by the parent just before the signal. Known it is when the way of watching says so. A child
//! that leaves does so after a pause, so that its parent is in its wait by then; the pause is another one each time, or a
//! parent that looks now and then would always be found at the same point of its sleep.
//!
//! Everybody who was started is collected, with the status that is due; at the end of the trial nobody may be left.

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
use crate::launch::watch::{self, Life, Watch};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, count, histogram};
use crate::protocol::Report;
use crate::record::{Ending, Isolation, Metrics, metric};
use crate::{clock, payload, pin};
use cue::Cue;

/// The shortest pause before an end: long enough for a parent to fall asleep.
const PAUSE_MIN_NS: u64 = 100_000;
/// What is added at most.
const PAUSE_SPREAD_NS: u64 = 2_000_000;
/// How long a zombie has been one when it is collected, and somewhat more for the kernel to be done with it.
const ZOMBIE_FOR: Duration = Duration::from_millis(1);
/// Looks at somebody alive, and batches of them.
const LOOKS: u32 = 200;
const BATCHES: u32 = 25;

/// What the parent learnt of one end.
#[derive(Clone, Copy, Default)]
struct Known {
    /// From the end until it was known.
    notice_ns: Option<u64>,
    /// Collecting what was left, where that is a step of its own.
    reap_ns: Option<u64>,
}

/// The whole trial, as the parent. Those who are watched run on `child_cpu`, if there is one.
///
/// Errors: `Invalid` for a wrong status, or when somebody is left at the end.
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
        return Err("somebody is left who was started and never collected".to_owned().into());
    }
    let times = |of: fn(&Known) -> Option<u64>| -> Vec<u64> { ends.iter().filter_map(of).collect() };
    let (notices, reaps) = (times(|it| it.notice_ns), times(|it| it.reap_ns));
    report.metrics.extend(alive_ns.map(|ns| (metric::ALIVE_NS.to_owned(), ns)));
    for (name, metric, times) in [("reap", metric::REAP_NS, reaps), ("notice", metric::NOTICE_NS, notices)] {
        if !times.is_empty() {
            let spread = spread(&times);
            report.metrics.insert(metric.into(), median(&times));
            // Of the two the notice is what was asked for, where there is one.
            histogram::percentiles(&spread, &mut report.metrics);
            report.histogram = histogram::encode(&spread);
            report.distributions.extend(report.histogram.clone().map(|blob| (name.to_owned(), blob)));
        }
    }
    Ok(report)
}

/// End after end, for as long as the trial lasts.
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

/// Somebody who waits until he is to go, and goes after a pause.
fn leaver(cue: &'static Cue, pause: Duration, cpu: Option<u32>) -> Life {
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

/// One look at somebody alive, typical.
fn looks<W: Watch>(way: &mut W, cue: &'static Cue, cpu: Option<u32>) -> Result<f64, MeasureError> {
    start(way, cue, Duration::ZERO, cpu)?;
    let mut batches = vec![];
    for _ in 0..BATCHES {
        let began_ns = clock::now_ns();
        for _ in 0..LOOKS {
            if !way.is_alive()? {
                return Err("somebody alive was taken for dead".to_owned().into());
            }
        }
        batches.push((clock::now_ns() - began_ns) as f64 / f64::from(LOOKS));
    }
    cue.go()?;
    way.await_end()?;
    collect(way, End::Left(0))?;
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
        end => Err(format!("the end that was seen is {end:?}, where {due:?} was due").into()),
    }
}

/// One life and its end.
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
    let due = signal.map_or(End::Left(0), |signal| End::Killed(signal as i32));
    if ending == Ending::Zombie {
        return zombie(way, cue, due);
    }
    way.await_end()?;
    let known_ns = clock::now_ns();
    collect(way, due)?;
    let collected_ns = clock::now_ns();
    let ended_ns = signalled_ns.or(cue.ended_ns()).ok_or_else(|| "an end was seen before it came".to_owned())?;
    Ok(Known {
        notice_ns: Some(known_ns.saturating_sub(ended_ns)),
        reap_ns: W::COLLECTS_APART.then_some(collected_ns - known_ns),
    })
}

/// Lets the dead lie, and then collects by all that the way has to do for it.
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
