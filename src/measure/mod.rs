//! The questions, one file each, and the only timed loops in the project.
//!
//! A trial has a leader and, unless one thread plays both sides, a member. The leader opens phases on the control page:
//! paired floor, warm-up, the timed work, paired floor. Loops take a count and give a time; who calls them, harness or
//! criterion, makes no difference.

pub mod count;
pub mod floors;
pub mod hand_over;
pub mod histogram;
pub mod inject;
pub mod meter;
pub mod paired;
pub mod round_trip;
pub mod set_up;
pub mod stream;

use std::fmt;
use std::io;

use crate::clock;
use crate::control::{Leader, Member};
use crate::protocol::{Order, Report, Timing};
use crate::record::Case;

/// Phases every measure has. Other kinds belong to [`paired`] and [`floors`].
pub mod phase {
    /// The trial is over.
    pub const END: u32 = 0;
    /// The measure's own work, warm-up and timed alike.
    pub const WORK: u32 = 1;
}

/// What a role needs to know while it works.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is measured.
    pub case: Case,
    /// How long, or how much.
    pub timing: Timing,
    /// Name of this role.
    pub role: &'static str,
    /// Where it is pinned.
    pub cpu: Option<u32>,
    /// Whether single trips may be stamped with the tick counter.
    pub ticks_trusted: bool,
}

impl Task {
    /// What `order` asks of the role on its `index`-th CPU.
    pub fn of(order: &Order, role: &'static str, index: usize) -> Self {
        Self {
            case: order.case.clone(),
            timing: order.timing.clone(),
            role,
            cpu: order.cpus.get(index).copied(),
            // A pinned role reads one counter; only one that may move needs them all in step.
            ticks_trusted: clock::ticks_are_invariant() && (index < order.cpus.len() || clock::ticks_synchronised(&[])),
        }
    }

    /// Payload of each message.
    pub fn message_bytes(&self) -> usize {
        self.case.message_bytes.unwrap_or(0) as usize
    }
}

/// Why a role stopped short.
#[derive(Debug)]
pub enum Trouble {
    /// The mechanism or the system failed.
    Io(io::Error),
    /// A check failed: what was measured means nothing.
    Invalid(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Invalid(why)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Invalid(why) => f.write_str(why),
        }
    }
}

/// What a role gives back.
pub type Findings = Result<Report, Trouble>;

/// Answers phases until the trial is over: `work` for the measure's own, the paired floor's for the rest. `work` says how
/// many units it really did. Gives the cost of the timed work and that number.
pub fn follow(
    member: &mut Member,
    task: &Task,
    floor: &mut paired::Floor,
    mut work: impl FnMut(&mut Member, u64) -> Result<u64, Trouble>,
) -> Findings {
    let mut report = Report::default();
    loop {
        let phase = member.enter()?;
        match phase.kind {
            phase::END => {
                member.leave()?;
                return Ok(report);
            }
            phase::WORK if member.page().is_hot() => {
                let meter = meter::Meter::start();
                report.messages = work(member, phase.count)?;
                report.roles = vec![meter.stop(task, report.messages)];
            }
            phase::WORK => drop(work(member, phase.count)?),
            kind => floor.follow(kind, phase.count)?,
        }
        member.leave()?;
    }
}

/// Runs one untimed or timed piece of work with the members at their posts.
pub(crate) fn together<R>(
    leader: &mut Leader,
    kind: u32,
    count: u64,
    work: impl FnOnce() -> Result<R, Trouble>,
) -> Result<R, Trouble> {
    leader.open(kind, count)?;
    let result = work()?;
    leader.close()?;
    Ok(result)
}
