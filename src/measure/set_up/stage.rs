//! Stage of a set-up, which both sides start together and time.

use std::sync::{Mutex, MutexGuard};

use crate::address::Address;
use crate::clock;
use crate::control::Leader;
use crate::measure::MeasureError;

/// State that the two threads exchange during a repetition.
#[derive(Default)]
pub struct Exchange(Mutex<Exchanged>);

/// Contents of a [`Exchange`].
#[derive(Default)]
pub(super) struct Exchanged {
    /// The receiver's part of the address.
    pub(super) address: Option<Address>,
    /// The sender's offer.
    pub(super) from_sender: Option<String>,
    /// The receiver's offer.
    pub(super) from_receiver: Option<String>,
    /// The receiver's last stage.
    pub(super) span: Span,
}

/// Begin and end of one side's stage, on the monotonic clock.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    began_ns: u64,
    ended_ns: u64,
}

impl Span {
    /// Runs and times `work`.
    pub(super) fn of<R>(work: impl FnOnce() -> R) -> (R, Self) {
        let began_ns = clock::now_ns();
        let result = work();
        (result, Self { began_ns, ended_ns: clock::now_ns() })
    }

    /// Duration in nanoseconds.
    pub(super) fn ns(self) -> u64 {
        self.ended_ns - self.began_ns
    }

    /// Time from the earlier begin to the later end.
    fn both(self, other: Self) -> u64 {
        self.ended_ns.max(other.ended_ns) - self.began_ns.min(other.began_ns)
    }
}

impl Exchange {
    /// Locks the contents.
    pub(super) fn open(&self) -> MutexGuard<'_, Exchanged> {
        self.0.lock().expect("neither thread panics while it holds the lock")
    }
}

/// Both sides of a stage.
pub(super) struct Both {
    sender: Span,
    receiver: Span,
}

impl Both {
    /// Time from the earlier begin to the later end.
    pub(super) fn both_ns(&self) -> u64 {
        self.sender.both(self.receiver)
    }

    /// Time from the first send until the receiver has verified the last message.
    pub(super) fn until_verified(&self) -> u64 {
        self.receiver.ended_ns.saturating_sub(self.sender.began_ns)
    }
}

/// Runs the sender's part of a stage, while the receiver runs its own.
pub(super) fn stage<R>(
    leader: &mut Leader,
    exchange: &Exchange,
    (kind, count): (u32, u64),
    work: impl FnOnce() -> Result<R, MeasureError>,
) -> Result<(R, Both), MeasureError> {
    leader.open(kind, count)?;
    let (result, sender) = Span::of(work);
    let result = result?;
    leader.close()?;
    Ok((result, Both { sender, receiver: exchange.open().span }))
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
