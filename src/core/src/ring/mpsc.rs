//! Ring of fixed slots, any number of producers, one consumer. A producer claims the next position with one
//! fetch-and-add, which cannot fail, and then waits for that position's slot: messages are received in the order of the
//! claims. Source: the claim is a ticket (Reed, Kanodia 1979); slots and consumer are those of [`super::spsc`].
//!
//! A claim that cannot fail cannot be withdrawn either: a producer that dies between claim and publish blocks the queue
//! behind its position for good. Only the end of the trial ends that wait.
#![allow(unsafe_code)]

use std::io;

use super::spsc::word;
use super::sync::Ordering;
use super::{Produce, Slots, fits, slot_of};
use crate::wait::{PollPolicy, WaitStrategy};

pub use super::spsc::Consumer;

/// One of the sending endpoints.
pub struct Producer<S, W> {
    slots: S,
    wait: W,
    /// The consumer's position as of this producer's last read.
    consumed: u64,
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Producer<S, W> {
    /// Creates a producer of the ring in `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait, consumed: 0 }
    }

    #[inline(never)]
    fn await_room(&mut self, position: u64) -> io::Result<()> {
        let slots = &self.slots;
        (self.consumed, _) = self.wait.until(slots.writers(), PollPolicy::QUICK, || {
            // PAIRS: slots-consumed
            let consumed = slots.slowest(position);
            (position.wrapping_sub(consumed) < u64::from(slots.depth())).then_some(consumed)
        })?;
        Ok(())
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Produce for Producer<S, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, self.slots.message_bytes())?;
        // Relaxed: the claim orders nothing; the consumer's position and the slot's word do.
        let position = self.slots.claimed().fetch_add(1, Ordering::Relaxed);
        if position.wrapping_sub(self.consumed) >= u64::from(self.slots.depth()) {
            self.await_room(position)?;
        }
        let slot = slot_of(&self.slots, position);
        // SAFETY: the consumer's position has passed this slot's last use, no other producer claimed this position, and
        // len was checked.
        unsafe { self.slots.write(slot, len, fill) };
        // PAIRS: slot-published
        self.slots.sequence(slot).store(word(position + 1, len), S::PUBLISH);
        self.wait.notify(self.slots.readers(), 1)
    }
}
