//! Who works in a pool, and whether anybody of them is left.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::PATIENCE_NS;
use crate::measure::MeasureError;
use crate::measure::pool::dispatcher::Dispatcher;
use crate::measure::pool::within;
use crate::pool::Hand;

/// The workers of a moment, told from later bearers of their numbers by when they started.
pub(super) struct Roll(Vec<(Hand, u64)>);

impl Roll {
    /// Those of `pool`, once all are there.
    ///
    /// Errors: somebody did not come.
    pub(super) fn of(pool: &dyn Dispatcher) -> Result<Self, MeasureError> {
        let all = || {
            let hands = pool.hands();
            let roll: Vec<(Hand, u64)> = hands.iter().filter_map(|hand| Some((*hand, began(*hand)?))).collect();
            (roll.len() == hands.len()).then_some(roll)
        };
        let absent = || "not every worker's place is taken".to_owned();
        Ok(Self(within(PATIENCE_NS, || Ok(all()))?.ok_or_else(absent)?))
    }

    /// Checks that nobody is left after the pool was ended by `how`: of processes no zombie either, at once. A thread that
    /// was joined may take a moment to vanish.
    ///
    /// Errors: who is left.
    pub(super) fn has_gone(&self, how: &str) -> Result<(), MeasureError> {
        let left = || self.0.iter().find(|(hand, begun)| began(*hand) == Some(*begun));
        let threads = self.0.iter().any(|(hand, _)| matches!(hand, Hand::Thread(_)));
        if threads {
            within(PATIENCE_NS, || Ok(left().is_none().then_some(())))?;
        }
        if let Some((hand, _)) = left() {
            return Err(format!("{hand:?} was still there after `{how}`").into());
        }
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => Ok(()),
            other => Err(format!("a child was left after `{how}`: {other:?}").into()),
        }
    }

    /// Kills the worker with this number.
    ///
    /// Errors: it is none of them.
    pub(super) fn kill(&self, pid: u32) -> Result<(), MeasureError> {
        let known = self.0.iter().any(|(hand, begun)| *hand == Hand::Process(pid) && began(*hand) == Some(*begun));
        if !known {
            return Err(format!("{pid} is no worker").into());
        }
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).map_err(io::Error::from)?;
        Ok(())
    }
}

/// When it started, in ticks since boot; nothing when there is none. Source: proc(5), `stat`, field 22.
fn began(hand: Hand) -> Option<u64> {
    let path = match hand {
        Hand::Process(pid) => format!("/proc/{pid}/stat"),
        Hand::Thread(tid) => format!("/proc/self/task/{tid}/stat"),
    };
    let stat = fs::read_to_string(path).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}
