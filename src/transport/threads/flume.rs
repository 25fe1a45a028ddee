//! `flume` bounded channel between threads of one process: a deque behind one lock, with a list of those who wait for a
//! message or for room. A side that finds nothing to do parks at once, without polling, unless the lock itself is
//! contended. Built without the crate's `spin` feature, so the lock is std's mutex. Cost: the lock's line, the slot's line
//! and, in a closed loop, one wake and one sleep a message. Source: the crate's `Shared::send` and `Shared::recv`.

use std::io;

use flume::{Receiver, Sender};

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push, gone};
use crate::address::Endpoint;
use crate::record::Wait;

/// The transport.
pub type FlumeBounded = Owned<Bounded>;

/// `flume::bounded`.
pub struct Bounded;

impl Channel for Bounded {
    const SUMMARY: &'static str = "flume bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The lock with the deque's ends, and the slot.
    const LINES: f64 = 2.0;
    type Push = Sender<Message>;
    type Pop = Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        flume::bounded(depth)
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
