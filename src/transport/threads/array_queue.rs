//! `crossbeam`'s `ArrayQueue` between threads of one process: a bounded queue for any number of both sides that has no
//! way to wait, so a side without work tries again, with the processor's pause hint or letting others have the CPU. Cost: one slot hand-over a message,
//! and the line of the position that all senders, or all receivers, claim slots from. Source: crossbeam-queue, after
//! Vyukov's bounded MPMC queue.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use crossbeam::queue;

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push};
use crate::record::Wait;
use crate::wait::{Parker, PollPolicy, WaitStrategy};

/// The transport, by what a side does between two tries.
pub type ArrayQueue<W> = Owned<Queue<W>>;

/// `ArrayQueue` of owned messages.
pub struct Queue<W>(PhantomData<W>);

/// Either end: the queue knows no difference.
#[derive(Clone)]
pub struct Side<W> {
    queue: Arc<queue::ArrayQueue<Message>>,
    wait: W,
}

/// The first try comes without a pause: a queue that is neither full nor empty costs nothing but itself.
const POLICY: PollPolicy = PollPolicy { before: 0, between: 1 };

impl<W: WaitStrategy<Parker> + Default + Clone + Send + Sync> Channel for Queue<W> {
    const SUMMARY: &'static str = "crossbeam ArrayQueue of owned vectors, tried until it works, between threads";
    const WAIT: Wait = W::WAIT;
    const CAPACITY: Capacity = Capacity::Bounded;
    /// The slot, which holds its stamp.
    const LINES: f64 = 1.0;
    type Push = Side<W>;
    type Pop = Side<W>;

    fn open(depth: usize) -> (Side<W>, Side<W>) {
        let side = Side { queue: Arc::new(queue::ArrayQueue::new(depth)), wait: W::default() };
        (side.clone(), side)
    }
}

impl<W: WaitStrategy<Parker> + Clone + Send + Sync> Push for Side<W> {
    #[inline]
    fn push(&mut self, message: Message) -> io::Result<()> {
        let mut held = Some(message);
        let accepted = || match self.queue.push(held.take()?) {
            Ok(()) => Some(()),
            Err(back) => {
                held = Some(back);
                None
            }
        };
        // Nobody is told when the last receiver drops its end; a trial that loses one is called off.
        self.wait.until(&Parker::default(), POLICY, accepted).map(|_| ())
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
    }
}

impl<W: WaitStrategy<Parker> + Clone + Send + Sync> Pop for Side<W> {
    #[inline]
    fn pop(&mut self) -> io::Result<Message> {
        self.wait.until(&Parker::default(), POLICY, || self.queue.pop()).map(|(message, _)| message)
    }

    fn another(kept: &mut Option<Self>) -> Option<Self> {
        kept.clone()
    }
}
