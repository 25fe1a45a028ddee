//! `crossbeam-channel` between threads of one process, in its three flavours. Bounded: an array of stamped slots, after
//! Vyukov's bounded MPMC queue; a message costs one slot hand-over. Unbounded: a list of blocks of 31 slots, one allocation
//! a block. A side that waits at these two backs off, yields, then parks. Zero: no slot at all; the sender leaves a packet
//! with a receiver that waits, behind a lock, or parks until one comes; neither polls first, so a message of a closed loop
//! costs a wake and a sleep too. Source: the crate's `flavors` array, list, zero.

use std::io;

use crossbeam::channel::{self, Receiver, Sender};

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push, gone};
use crate::address::Endpoint;
use crate::record::Wait;

/// The transport with as many slots as the plan says.
pub type CrossbeamBounded = Owned<Bounded>;
/// The transport at which both sides meet.
pub type CrossbeamZero = Owned<Zero>;
/// The transport without a bound.
pub type CrossbeamUnbounded = Owned<Unbounded>;

/// The array flavour.
pub struct Bounded;
/// The zero flavour.
pub struct Zero;
/// The list flavour.
pub struct Unbounded;

impl Channel for Bounded {
    const SUMMARY: &'static str = "crossbeam bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The slot, which holds its stamp.
    const LINES: f64 = 1.0;
    type Push = Sender<Message>;
    type Pop = Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        channel::bounded(depth)
    }
}

impl Channel for Zero {
    const SUMMARY: &'static str = "crossbeam channel that holds nothing: sender and receiver meet, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Rendezvous;
    /// The lock with the list of those who wait, the chosen one's context, the packet.
    const LINES: f64 = 3.0;
    type Push = Sender<Message>;
    type Pop = Receiver<Message>;

    fn open(_: usize) -> (Self::Push, Self::Pop) {
        channel::bounded(0)
    }
}

impl Channel for Unbounded {
    const SUMMARY: &'static str = "crossbeam unbounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;
    const CAPACITY: Capacity = Capacity::Unbounded;
    /// The slot, which holds its state.
    const LINES: f64 = 1.0;
    type Push = Sender<Message>;
    type Pop = Receiver<Message>;

    fn open(_: usize) -> (Self::Push, Self::Pop) {
        channel::unbounded()
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
