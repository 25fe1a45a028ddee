//! A stage of a set-up: both sides start it together and say when they began and ended.

use std::sync::{Mutex, MutexGuard};

use crate::address::Address;
use crate::clock;
use crate::control::Leader;
use crate::measure::MeasureError;

/// What the two threads hand each other in the course of a repetition.
#[derive(Default)]
pub struct Desk(Mutex<OnDesk>);

/// What lies on the desk.
#[derive(Default)]
pub(super) struct OnDesk {
    /// The receiving end's view of the object.
    pub(super) address: Option<Address>,
    /// What the sending end offered.
    pub(super) from_sender: Option<String>,
    /// What the receiving end offered.
    pub(super) from_receiver: Option<String>,
    /// The receiving side's last stage.
    pub(super) span: Span,
}

/// When a side began a stage and when it was done with it, on the monotonic clock.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    began_ns: u64,
    ended_ns: u64,
}

impl Span {
    /// Does `work` and notes when.
    pub(super) fn of<R>(work: impl FnOnce() -> R) -> (R, Self) {
        let began_ns = clock::now_ns();
        let result = work();
        (result, Self { began_ns, ended_ns: clock::now_ns() })
    }

    /// How long it took.
    pub(super) fn ns(self) -> u64 {
        self.ended_ns - self.began_ns
    }

    /// From when the first of two began until both were done.
    fn both(self, other: Self) -> u64 {
        self.ended_ns.max(other.ended_ns) - self.began_ns.min(other.began_ns)
    }
}

impl Desk {
    /// What lies on it, until the guard is dropped.
    pub(super) fn open(&self) -> MutexGuard<'_, OnDesk> {
        self.0.lock().expect("neither thread panics while it holds the lock")
    }
}

/// Both sides of a stage.
pub(super) struct Both {
    sender: Span,
    receiver: Span,
}

impl Both {
    /// Until both were done.
    pub(super) fn both_ns(&self) -> u64 {
        self.sender.both(self.receiver)
    }

    /// From just before the first send until the receiver had verified the last message.
    pub(super) fn until_verified(&self) -> u64 {
        self.receiver.ended_ns.saturating_sub(self.sender.began_ns)
    }
}

/// Does the sending side's part of a stage while the receiving side does its own.
pub(super) fn stage<R>(
    leader: &mut Leader,
    desk: &Desk,
    (kind, count): (u32, u64),
    work: impl FnOnce() -> Result<R, MeasureError>,
) -> Result<(R, Both), MeasureError> {
    leader.open(kind, count)?;
    let (result, sender) = Span::of(work);
    let result = result?;
    leader.close()?;
    Ok((result, Both { sender, receiver: desk.open().span }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_lasts_from_the_first_beginning_to_the_last_end() {
        let span = |began_ns, ended_ns| Span { began_ns, ended_ns };
        let cases =
            [((10, 20), (12, 25), 15), ((12, 25), (10, 20), 15), ((10, 30), (11, 12), 20), ((10, 11), (40, 45), 35)];
        for (sender, receiver, both_ns) in cases {
            let both = Both { sender: span(sender.0, sender.1), receiver: span(receiver.0, receiver.1) };
            assert_eq!(both.both_ns(), both_ns);
        }
    }
}
