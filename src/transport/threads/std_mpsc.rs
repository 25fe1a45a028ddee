//! The standard library's channels between threads of one process: `sync_channel` with a bound, `channel` without. Both
//! descend from crossbeam's array and list flavours, with two differences: there can be one receiver only, and a side that
//! finds nothing to do parks after one look, where crossbeam's yields for a while first (counted here: one sleep a message
//! of a closed loop). Cost: one slot hand-over, in a closed loop a wake and a sleep, for the unbounded one an allocation a
//! block of slots. Source: std::sync::mpsc.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push, gone};
use crate::address::Endpoint;
use crate::record::Wait;
use crate::transport::Topology;

/// The transport over `sync_channel`.
pub type StdMpscBounded = Owned<Bounded>;
/// The transport over `channel`.
pub type StdMpscUnbounded = Owned<Unbounded>;

/// `sync_channel`.
pub struct Bounded;
/// `channel`.
pub struct Unbounded;

impl Channel for Bounded {
    const SUMMARY: &'static str = "std's sync_channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Bounded;
    const TOPOLOGY: Topology = Topology::ManyToOne;
    /// The slot, which holds its stamp.
    const LINES: f64 = 1.0;
    type Push = SyncSender<Message>;
    type Pop = Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        mpsc::sync_channel(depth)
    }
}

impl Channel for Unbounded {
    const SUMMARY: &'static str = "std's unbounded mpsc channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Unbounded;
    const TOPOLOGY: Topology = Topology::ManyToOne;
    /// The slot, which holds its state.
    const LINES: f64 = 1.0;
    type Push = Sender<Message>;
    type Pop = Receiver<Message>;

    fn open(_: usize) -> (Self::Push, Self::Pop) {
        mpsc::channel()
    }
}

impl Push for SyncSender<Message> {
    #[inline]
    fn push(&mut self, message: Message) -> io::Result<()> {
        self.send(message).map_err(|_| gone(Endpoint::Receiver))
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
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
        kept.take()
    }
}
