//! One slot, one producer, one consumer: the simplest hand-over there is. The word beside the payload is 0 when the slot
//! is empty and `length + 1` when it is full, so sender and receiver pull the same line to and fro: two hand-overs a
//! message, where a ring of two slots already needs only one. Source: folklore; the "spin flag" of many latency tests.

use std::io;
use std::marker::PhantomData;

use super::Slots;
use super::spsc::too_long;
use super::sync::Ordering;
use crate::wait::{Rhythm, WaitStrategy};

/// The sending side.
pub struct Producer<S, W> {
    slots: S,
    wait: PhantomData<W>,
}

/// The receiving side.
pub struct Consumer<S, W> {
    slots: S,
    wait: PhantomData<W>,
}

impl<S: Slots, W: WaitStrategy> Producer<S, W> {
    /// The only producer of the mailbox in slot 0 of `slots`.
    pub fn new(slots: S) -> Self {
        Self { slots, wait: PhantomData }
    }

    /// Waits until the slot is empty, lets `fill` write `len` bytes in place and publishes them.
    ///
    /// Errors: `InvalidInput` when `len` exceeds the slot; `Interrupted` when the trial is called off.
    #[inline]
    pub fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.slots.message_bytes() {
            return Err(too_long(len, self.slots.message_bytes()));
        }
        let sequence = self.slots.sequence(0);
        // PAIRS: mailbox-emptied
        let emptied = || (sequence.load(Ordering::Acquire) == 0).then_some(());
        if emptied().is_none() {
            W::until(self.slots.producer_gate(), Rhythm::QUICK, emptied)?;
        }
        // SAFETY: the word is 0, so the consumer is done with the slot; there is one producer, and len was checked.
        unsafe { self.slots.write(0, len, fill) };
        // PAIRS: mailbox-filled
        sequence.store(len as u64 + 1, S::PUBLISH);
        W::notify(self.slots.consumer_gate())
    }
}

impl<S: Slots, W: WaitStrategy> Consumer<S, W> {
    /// The only consumer of the mailbox in slot 0 of `slots`.
    pub fn new(slots: S) -> Self {
        Self { slots, wait: PhantomData }
    }

    /// Waits for a message, lets `read` see it in place and empties the slot.
    ///
    /// Errors: `InvalidData` when the producer claims a length beyond the slot; `Interrupted` when the trial is called off.
    #[inline]
    pub fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let sequence = self.slots.sequence(0);
        // PAIRS: mailbox-filled
        let filled = || (sequence.load(Ordering::Acquire) as usize).checked_sub(1);
        let len = match filled() {
            Some(len) => len,
            None => W::until(self.slots.consumer_gate(), Rhythm::QUICK, filled)?.0,
        };
        if len > self.slots.message_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("the slot claims {len} bytes")));
        }
        // SAFETY: the word is not 0, so the producer waits for this side; there is one consumer, and len was checked.
        let result = unsafe { self.slots.read(0, len, read) };
        // PAIRS: mailbox-emptied
        sequence.store(0, S::GIVE_BACK);
        W::notify(self.slots.producer_gate())?;
        Ok(result)
    }
}
