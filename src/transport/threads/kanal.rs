//! `kanal` bounded channel between threads of one process: a deque behind a spin lock of its own. A side that finds
//! nothing to do announces where its message should go, calls sched_yield up to 256 times and then parks; the other side
//! writes straight to that place, past the queue. Cost: the lock's line, the waiter's line, and as many yields as fit
//! into the wait, which are not declared since their number follows from the other side's pace.
//! Source: the crate's `signal` and `mutex` modules.

use std::io;

use kanal::{Receiver, Sender};

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push, gone};
use crate::address::Endpoint;
use crate::record::Wait;

/// The transport.
pub type KanalBounded = Owned<Bounded>;

/// `kanal::bounded`.
pub struct Bounded;

impl Channel for Bounded {
    const SUMMARY: &'static str = "kanal bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The lock with the deque's ends, and the slot or the place where the waiter wants its message.
    const LINES: f64 = 2.0;
    type Push = Sender<Message>;
    type Pop = Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        kanal::bounded(depth)
    }
}

impl Push for Sender<Message> {
    #[inline]
    fn push(&mut self, message: Message) -> io::Result<()> {
        self.send(message).map_err(|_| gone(Endpoint::Receiver))
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
    }
}

impl Pop for Receiver<Message> {
    #[inline]
    fn pop(&mut self) -> io::Result<Message> {
        self.recv().map_err(|_| gone(Endpoint::Sender))
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
    }
}
