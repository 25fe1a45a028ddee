//! Channels of the standard library and of popular crates between threads.

use std::io;
use std::sync::mpsc;

use crossbeam::channel;

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push, gone};
use crate::address::Endpoint;
use crate::record::Wait;
use crate::transport::Topology;

/// Transport over [`StdBounded`].
pub type StdMpscBounded = Owned<StdBounded>;
/// Transport over [`StdUnbounded`].
pub type StdMpscUnbounded = Owned<StdUnbounded>;
/// Transport over [`CrossbeamArray`].
pub type CrossbeamBounded = Owned<CrossbeamArray>;
/// Transport over [`CrossbeamRendezvous`].
pub type CrossbeamZero = Owned<CrossbeamRendezvous>;
/// Transport over [`CrossbeamList`].
pub type CrossbeamUnbounded = Owned<CrossbeamList>;
/// Transport over [`Flume`].
pub type FlumeBounded = Owned<Flume>;
/// Transport over [`Kanal`].
pub type KanalBounded = Owned<Kanal>;

/// `sync_channel` of the standard library, derived from crossbeam's array flavour. It has one receiver, and a waiting
/// endpoint parks after one attempt, without the yields of crossbeam. Cost: one slot transfer, in a closed loop a wake
/// and a sleep per message. Source: std::sync::mpsc.
pub struct StdBounded;

/// `channel` of the standard library, derived from crossbeam's list flavour. Cost: as [`StdBounded`], and one
/// allocation per block of slots. Source: std::sync::mpsc.
pub struct StdUnbounded;

/// Array flavour of `crossbeam-channel`: stamped slots, after Vyukov's bounded MPMC queue. A waiting endpoint backs
/// off, yields, then parks. Cost: one slot transfer per message. Source: the crate's `flavors::array`.
pub struct CrossbeamArray;

/// Zero flavour of `crossbeam-channel`, without slots: under a lock, the sender gives a packet to a waiting receiver,
/// or parks until there is one. Neither polls first, so in a closed loop a message costs a wake and a sleep. Source:
/// the crate's `flavors::zero`.
pub struct CrossbeamRendezvous;

/// List flavour of `crossbeam-channel`: blocks of 31 slots, waits as [`CrossbeamArray`]. Cost: one slot transfer per
/// message and one allocation per block. Source: the crate's `flavors::list`.
pub struct CrossbeamList;

/// Bounded channel of `flume`: a deque and lists of waiters under one lock. A waiting endpoint parks at once, unless
/// the lock itself is contended. Built without the crate's `spin` feature, so the lock is std's mutex. Cost: the lock's
/// line, the slot's line and, in a closed loop, one wake and one sleep per message. Source: the crate's `Shared::send`
/// and `Shared::recv`.
pub struct Flume;

/// Bounded channel of `kanal`: a deque under the crate's spin lock. A waiting endpoint publishes the address for its
/// message, calls sched_yield up to 256 times, then parks; its peer writes directly to that address. Cost: the lock's
/// line, the waiter's line, and the yields, which are not declared since their number depends on the peer. Source: the
/// crate's `signal` and `mutex` modules.
pub struct Kanal;

impl Channel for StdBounded {
    const SUMMARY: &'static str = "std's sync_channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Bounded;
    const TOPOLOGY: Topology = Topology::ManyToOne;
    /// The slot, which contains its stamp.
    const LINES: f64 = 1.0;
    type Push = mpsc::SyncSender<Message>;
    type Pop = mpsc::Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        mpsc::sync_channel(depth)
    }
}

impl Channel for StdUnbounded {
    const SUMMARY: &'static str = "std's unbounded mpsc channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Unbounded;
    const TOPOLOGY: Topology = Topology::ManyToOne;
    /// The slot, which contains its state.
    const LINES: f64 = 1.0;
    type Push = mpsc::Sender<Message>;
    type Pop = mpsc::Receiver<Message>;

    fn open(_: usize) -> (Self::Push, Self::Pop) {
        mpsc::channel()
    }
}

impl Channel for CrossbeamArray {
    const SUMMARY: &'static str = "crossbeam bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The slot, which contains its stamp.
    const LINES: f64 = 1.0;
    type Push = channel::Sender<Message>;
    type Pop = channel::Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        channel::bounded(depth)
    }
}

impl Channel for CrossbeamRendezvous {
    const SUMMARY: &'static str = "crossbeam channel without a buffer: sender and receiver meet, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Rendezvous;
    /// The lock with the list of waiters, the chosen waiter's context, the packet.
    const LINES: f64 = 3.0;
    type Push = channel::Sender<Message>;
    type Pop = channel::Receiver<Message>;

    fn open(_: usize) -> (Self::Push, Self::Pop) {
        channel::bounded(0)
    }
}

impl Channel for CrossbeamList {
    const SUMMARY: &'static str = "crossbeam unbounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;
    const CAPACITY: Capacity = Capacity::Unbounded;
    /// The slot, which contains its state.
    const LINES: f64 = 1.0;
    type Push = channel::Sender<Message>;
    type Pop = channel::Receiver<Message>;

    fn open(_: usize) -> (Self::Push, Self::Pop) {
        channel::unbounded()
    }
}

impl Channel for Flume {
    const SUMMARY: &'static str = "flume bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Park;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The lock with the deque's ends, and the slot.
    const LINES: f64 = 2.0;
    type Push = flume::Sender<Message>;
    type Pop = flume::Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        flume::bounded(depth)
    }
}

impl Channel for Kanal {
    const SUMMARY: &'static str = "kanal bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The lock with the deque's ends, and the slot or the waiter's memory for its message.
    const LINES: f64 = 2.0;
    type Push = kanal::Sender<Message>;
    type Pop = kanal::Receiver<Message>;

    fn open(depth: usize) -> (Self::Push, Self::Pop) {
        kanal::bounded(depth)
    }
}

macro_rules! senders {
    ($($sender:ty),+ $(,)?) => {$(
        impl Push for $sender {
            #[inline]
            fn push(&mut self, message: Message) -> io::Result<()> {
                self.send(message).map_err(|_| gone(Endpoint::Receiver))
            }

            fn another(kept: &mut Option<Self>) -> Option<Self> {
                kept.clone()
            }
        }
    )+};
}

/// `$more` creates an endpoint for another receiver from the original.
macro_rules! receivers {
    ($($receiver:ty: $more:ident),+ $(,)?) => {$(
        impl Pop for $receiver {
            #[inline]
            fn pop(&mut self) -> io::Result<Message> {
                self.recv().map_err(|_| gone(Endpoint::Sender))
            }

            fn another(kept: &mut Option<Self>) -> Option<Self> {
                kept.$more()
            }
        }
    )+};
}

senders! {
    mpsc::SyncSender<Message>, mpsc::Sender<Message>, channel::Sender<Message>, flume::Sender<Message>,
    kanal::Sender<Message>,
}

receivers! {
    mpsc::Receiver<Message>: take, channel::Receiver<Message>: clone, flume::Receiver<Message>: clone,
    kanal::Receiver<Message>: clone,
}
