//! Ring of fixed slots, one producer, one consumer. Source: Lamport 1977; the sequence next to its payload as in
//! Vyukov's bounded queue and the word-per-slot rings of FastForward (Giacomoni, Moseley, Vachharajani 2008).
//!
//! A slot's word is `(position + 1) << 32 | length`. The producer owns a slot from the moment the consumer's position
//! has passed its last use until it stores that word; the consumer owns it from then until it publishes its position.
//! The word holds the lower half of a position; a ring has at most 2^30 slots, so words of different laps never match.
//!
//! Both endpoints serve other rings too: the producer waits for [`Slots::slowest`], and the consumer reads only the
//! word of its next slot, whichever producer stored it.
#![allow(unsafe_code)]

use std::io;

use super::adaptive_poll::AdaptivePoll;
use super::sync::Ordering;
use super::{Consume, Produce, Slots, check_received_len, fits, slot_of};
use crate::wait::{ALL, PollPolicy, WaitStrategy};

/// Sending endpoint.
pub struct Producer<S, W> {
    slots: S,
    wait: W,
    next: u64,
    /// The slowest consumer's position as of the last read.
    consumed: u64,
}

/// Receiving endpoint.
pub struct Consumer<S, W> {
    slots: S,
    wait: W,
    next: u64,
    /// Messages received since the position was published.
    unpublished: u32,
    /// Largest number of messages between two publications.
    publish_every: u32,
    poll_policy: AdaptivePoll,
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Producer<S, W> {
    /// Creates the only producer of the ring in `slots`, which must be fresh.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait, next: 0, consumed: 0 }
    }

    #[inline(never)]
    fn await_room(&mut self) -> io::Result<()> {
        let (slots, next) = (&self.slots, self.next);
        (self.consumed, _) = self.wait.until(slots.writers(), PollPolicy::QUICK, || {
            // PAIRS: slots-consumed
            let consumed = slots.slowest(next);
            (next.wrapping_sub(consumed) < u64::from(slots.depth())).then_some(consumed)
        })?;
        Ok(())
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Produce for Producer<S, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, self.slots.message_bytes())?;
        if self.next.wrapping_sub(self.consumed) >= u64::from(self.slots.depth()) {
            self.await_room()?;
        }
        let slot = slot_of(&self.slots, self.next);
        // SAFETY: the slowest consumer's position has passed this slot's last use, there is one producer, and len was
        // checked.
        unsafe { self.slots.write(slot, len, fill) };
        self.next += 1;
        // PAIRS: slot-published
        self.slots.sequence(slot).store(word(self.next, len), S::PUBLISH);
        self.wait.notify(self.slots.readers(), ALL)
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consumer<S, W> {
    /// Creates the only consumer at its position of the ring in `slots`, which must be fresh. It publishes its position
    /// every quarter of the depth and whenever it finds the ring empty; rings of up to 8 slots publish every time.
    pub fn new(slots: S, wait: W) -> Self {
        let publish_every = if slots.depth() <= 8 { 1 } else { slots.depth() / 4 };
        Self { slots, wait, next: 0, unpublished: 0, publish_every, poll_policy: AdaptivePoll::new() }
    }

    /// Polls with one pause hint each instead of adapting to the traffic.
    #[must_use]
    pub fn with_fixed_poll(mut self) -> Self {
        self.poll_policy = AdaptivePoll::fixed();
        self
    }

    #[inline]
    fn await_message(&mut self, slot: u32, due: u64) -> io::Result<usize> {
        if self.unpublished > 0 {
            self.publish()?;
        }
        let sequence = self.slots.sequence(slot);
        let (len, polls) = self.wait.until(self.slots.readers(), self.poll_policy.now(), || {
            // PAIRS: slot-published
            let seen = sequence.load(Ordering::Acquire);
            holds(seen, due).then_some(length(seen))
        })?;
        self.poll_policy.record_polls(polls);
        Ok(len)
    }

    #[inline]
    fn publish(&mut self) -> io::Result<()> {
        // PAIRS: slots-consumed
        self.slots.consumed().store(self.next, S::GIVE_BACK);
        self.unpublished = 0;
        self.wait.notify(self.slots.writers(), ALL)
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consume for Consumer<S, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let slot = slot_of(&self.slots, self.next);
        let due = self.next + 1;
        // PAIRS: slot-published
        let seen = self.slots.sequence(slot).load(Ordering::Acquire);
        let len = if holds(seen, due) { length(seen) } else { self.await_message(slot, due)? };
        check_received_len(len, self.slots.message_bytes())?;
        // SAFETY: the word states that this slot was filled for this position; no producer fills it again before the
        // position published below passes it, no other consumer reads at this position, and len was checked.
        let result = unsafe { self.slots.read(slot, len, read) };
        self.next = due;
        self.poll_policy.received();
        self.unpublished += 1;
        if self.unpublished >= self.publish_every {
            self.publish()?;
        }
        Ok(result)
    }
}

/// Word of a slot that holds the message before position `due`.
#[inline]
pub(super) const fn word(due: u64, len: usize) -> u64 {
    (due << 32) | len as u64
}

#[inline]
const fn holds(word: u64, due: u64) -> bool {
    (word >> 32) as u32 == due as u32
}

#[inline]
pub(super) const fn length(word: u64) -> usize {
    (word & 0xffff_ffff) as usize
}
