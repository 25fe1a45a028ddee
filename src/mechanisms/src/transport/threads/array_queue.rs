//! `ArrayQueue` of `crossbeam` between threads: a bounded queue for any number of senders and receivers. It cannot
//! wait, so an endpoint polls with pause hints or yields the CPU. Cost: one slot transfer per message, and the line of
//! the position from which all senders, or all receivers, claim slots. Source: crossbeam-queue, after Vyukov's bounded
//! MPMC queue.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use crossbeam::queue;

use super::owned::{Capacity, Channel, Message, Owned, Pop, Push};
use crate::record::Wait;
use crate::wait::{Parker, PollPolicy, WaitStrategy};

/// Transport, by the pause between two polls.
pub type ArrayQueue<W> = Owned<Queue<W>>;

/// `ArrayQueue` of owned messages.
pub struct Queue<W>(PhantomData<W>);

/// Sender or receiver.
#[derive(Clone)]
pub struct Side<W> {
    queue: Arc<queue::ArrayQueue<Message>>,
    wait: W,
}

/// No pause before the first attempt, so that a queue that is neither full nor empty costs no wait.
const POLICY: PollPolicy = PollPolicy { before: 0, between: 1 };

impl<W: WaitStrategy<Parker> + Default + Clone + Send + Sync> Channel for Queue<W> {
    const SUMMARY: &'static str = "crossbeam ArrayQueue of owned vectors, polled, between threads";
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
        // The queue does not report that the last receiver was dropped; a trial that loses one is aborted.
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
