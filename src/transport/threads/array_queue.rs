//! `crossbeam`'s `ArrayQueue` between threads of one process: a bounded queue for any number of both sides that has no
//! way to wait, so a side without work tries again with the processor's pause hint. Cost: one slot hand-over a message,
//! and the line of the position that all senders, or all receivers, claim slots from. Source: crossbeam-queue, after
//! Vyukov's bounded MPMC queue.

use std::io;
use std::sync::Arc;

use crossbeam::queue;

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push};
use crate::record::Wait;
use crate::wait::{Gate, Rhythm, Spin, WaitStrategy};

/// The transport.
pub type ArrayQueue = Owned<Queue>;

/// `ArrayQueue` of owned messages.
pub struct Queue;

/// Either end: the queue knows no difference.
#[derive(Clone)]
pub struct Side(Arc<queue::ArrayQueue<Message>>);

/// The first try comes without a pause: a queue that is neither full nor empty costs nothing but itself.
const RHYTHM: Rhythm = Rhythm { before: 0, between: 1 };

impl Channel for Queue {
    const SUMMARY: &'static str = "crossbeam ArrayQueue of owned vectors, tried until it works, between threads";
    const WAIT: Wait = Wait::Spin;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The slot, which holds its stamp.
    const LINES: f64 = 1.0;
    type Push = Side;
    type Pop = Side;

    fn open(depth: usize) -> (Side, Side) {
        let side = Side(Arc::new(queue::ArrayQueue::new(depth)));
        (side.clone(), side)
    }
}

impl Push for Side {
    #[inline]
    fn push(&mut self, message: Message) -> io::Result<()> {
        let mut held = Some(message);
        let accepted = || match self.0.push(held.take()?) {
            Ok(()) => Some(()),
            Err(back) => {
                held = Some(back);
                None
            }
        };
        // Nobody is told when the last receiver drops its end; a trial that loses one is called off.
        Spin.until(&Gate::default(), RHYTHM, accepted).map(|_| ())
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
    }
}

impl Pop for Side {
    #[inline]
    fn pop(&mut self) -> io::Result<Message> {
        Spin.until(&Gate::default(), RHYTHM, || self.0.pop()).map(|(message, _)| message)
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
    }
}
