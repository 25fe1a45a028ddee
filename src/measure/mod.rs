//! Measures, one file or folder each; the only timed loops in the project.
//!
//! A trial has a leader and, unless one thread plays both sides, members. The leader opens phases on the control page:
//! paired floor, warm-up, the timed work, paired floor. Loops take a count and return a time, whether the harness or
//! criterion calls them.

pub mod access;
pub mod core_to_core;
pub mod count;
mod cpu_time;
pub mod drain;
pub mod first_write;
pub mod floors;
pub mod histogram;
pub mod inject;
pub mod launch;
pub mod locks;
pub mod many;
pub mod meter;
mod own_threads;
pub mod paced;
pub mod paired;
pub mod parallel;
pub mod pool;
mod proc;
pub mod round_trip;
pub mod schedule;
pub mod serve;
pub mod set_up;
pub mod stream;
mod think;
pub mod touch;
pub mod transfer;
pub mod wake;
mod window;

use std::fmt;
use std::io;

use crate::control::{Leader, Member, Phase};
use crate::pin;
use crate::protocol::{Order, Report, Timing};
use crate::record::{Case, Measure, Placement, Role, Touch};
use crate::transport::Delivery;
use crate::{abort, clock};

/// Phases of every measure. Further kinds belong to [`paired`] and [`floors`].
pub mod phase {
    /// End of the trial.
    pub const END: u32 = 0;
    /// Work of the measure, warm-up and timed.
    pub const WORK: u32 = 1;
}

/// Parameters of a role in a trial.
#[derive(Clone, Debug)]
pub struct Task {
    /// The case to measure.
    pub case: Case,
    /// Durations, or a fixed count.
    pub timing: Timing,
    /// Fault to inject, for tests.
    pub fault: Option<crate::protocol::Fault>,
    /// Role in the pattern.
    pub role: Role,
    /// Line of this role on the control page.
    pub slot: u32,
    /// CPU that it is pinned to.
    pub cpu: Option<u32>,
    /// CPUs of all roles of the trial; empty if unpinned.
    pub trial_cpus: Vec<u32>,
    /// Whether single trips may be stamped with the tick counter.
    pub ticks_trusted: bool,
}

impl Task {
    /// Task of the role on the `index`-th CPU of `order`.
    pub fn of(order: &Order, role: Role, index: usize) -> Self {
        Self {
            case: order.case.clone(),
            timing: order.timing.clone(),
            fault: order.fault,
            role,
            slot: order.slot + index as u32,
            cpu: order.cpus.get(index).copied(),
            trial_cpus: order.trial_cpus.clone(),
            // A pinned role reads one tick counter; an unpinned role may read several, which must be synchronised.
            ticks_trusted: clock::ticks_are_invariant() && (index < order.cpus.len() || clock::ticks_synchronised(&[])),
        }
    }

    /// Whether stamps that the roles of the trial take on their CPUs are comparable. A test without this list would only
    /// see the CPUs of the caller, which is one if it is pinned.
    pub fn ticks_agree(&self) -> bool {
        self.ticks_trusted && clock::ticks_synchronised(&self.trial_cpus)
    }

    /// Parts of each payload that both sides access.
    pub fn touch(&self) -> Touch {
        self.case.params.touch.unwrap_or(Touch::All)
    }

    /// Payload of each message.
    pub fn message_bytes(&self) -> usize {
        self.case.params.message_bytes.unwrap_or(0) as usize
    }
}

/// Checks that a mechanism with this delivery supports the measure, with the pattern and placement of the case.
///
/// Errors: the reason, with what is missing.
pub fn supports(case: &Case, delivery: Delivery) -> Result<(), String> {
    let measure = case.measure;
    if !matches!(measure, Measure::Paced | Measure::Wake) {
        return Ok(());
    }
    let scheduled = case.placement == Placement::Unpinned;
    if case.placement == Placement::SameCpu || scheduled && pin::allowed_cpus().is_ok_and(|cpus| cpus.len() == 1) {
        return Err(format!(
            "the sender of `{measure}` keeps its CPU busy between messages, so the receiver needs another one"
        ));
    }
    if measure == Measure::Wake {
        return case.params.gap_ns.map(drop).ok_or_else(|| "a wake case needs a pause".to_owned());
    }
    let skips = matches!(delivery, Delivery::Lossy | Delivery::Latest);
    match case.params.message_bytes.unwrap_or(0) {
        _ if case.params.rate_per_s.is_none_or(|rate| rate == 0) => {
            Err("a paced case needs a number of messages per second".to_owned())
        }
        _ if delivery == Delivery::Coalescing => {
            Err("several messages may arrive as one here, so single messages have no latency".to_owned())
        }
        bytes if skips && bytes < 8 => {
            Err(format!("messages may be missing here; identifying a message takes 8 bytes, not {bytes}"))
        }
        _ => Ok(()),
    }
}

/// Reason why a role stopped early.
#[derive(Debug)]
pub enum MeasureError {
    /// The mechanism or the system failed.
    Io(io::Error),
    /// A check failed, so the numbers are invalid.
    Invalid(String),
}

impl From<io::Error> for MeasureError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The error of a failed check.
pub fn invalid<T>(why: impl Into<String>) -> Result<T, MeasureError> {
    Err(MeasureError::Invalid(why.into()))
}

impl fmt::Display for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

/// Result of a role.
pub type MeasureResult = Result<Report, MeasureError>;

/// Takes part in phases until the trial ends. `work` runs the phases of the measure and returns the units done; the
/// floor runs its own phases. Returns the cost and the number of units of the timed work.
pub fn follow(
    member: &mut Member,
    task: &Task,
    floor: &mut paired::Floor,
    work: &mut dyn FnMut(&mut Member, u64) -> Result<u64, MeasureError>,
) -> MeasureResult {
    let mut report = Report::default();
    attend(member, floor, &mut |member, phase| {
        match phase.kind {
            phase::WORK if member.page().is_hot() => {
                let meter = meter::Meter::start();
                report.messages = work(member, phase.count)?;
                report.roles = vec![meter.stop(task, report.messages)];
            }
            phase::WORK => drop(work(member, phase.count)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(report)
}

/// Takes part in phases until the trial ends. `play` runs a phase, or returns false for a phase of the paired floor.
pub(crate) fn attend(
    member: &mut Member,
    floor: &mut paired::Floor,
    play: &mut dyn FnMut(&mut Member, Phase) -> Result<bool, MeasureError>,
) -> Result<(), MeasureError> {
    loop {
        let open = member.enter()?;
        let over = open.kind == phase::END;
        if !over && !play(member, open)? {
            floor.follow(open.kind, open.count)?;
        }
        member.leave()?;
        if over {
            return Ok(());
        }
    }
}

/// Receives a message that is known to arrive: retries when the transport times out.
///
/// Errors: those of `receive`; the time-out once the trial is aborted.
#[inline]
pub fn insist<T>(mut receive: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match receive() {
            Err(silence) if silence.kind() == io::ErrorKind::TimedOut && !abort::requested() => {}
            other => return other,
        }
    }
}

/// Buffer for `count` times with all pages touched, so that no page fault disturbs the timed work.
pub(crate) fn room(count: u64, value: u64) -> Vec<u64> {
    let mut times = vec![0; count as usize];
    times.fill(value);
    std::hint::black_box(times)
}

/// Runs the leader's `work` in one phase, while the members run theirs.
pub(crate) fn together<R>(
    leader: &mut Leader,
    kind: u32,
    count: u64,
    work: impl FnOnce() -> Result<R, MeasureError>,
) -> Result<R, MeasureError> {
    leader.open(kind, count)?;
    let result = work()?;
    leader.close()?;
    Ok(result)
}
