//! One slot, one producer, one consumer. The word next to the payload is 0 when the slot is empty and `length + 1` when
//! it is full, so both sides write the same cache line: two line transfers per message, where a ring of two slots needs
//! one. Source: folklore; the "spin flag" of many latency tests.
#![allow(unsafe_code)]

use std::io;

use super::sync::Ordering;
use super::{Consume, Produce, Slots, check_received_len, fits};
use crate::wait::{PollPolicy, WaitStrategy};

/// Sending endpoint.
pub struct Producer<S, W> {
    slots: S,
    wait: W,
}

/// Receiving endpoint.
pub struct Consumer<S, W> {
    slots: S,
    wait: W,
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Producer<S, W> {
    /// Creates the only producer of the mailbox in slot 0 of `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait }
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Produce for Producer<S, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, self.slots.message_bytes())?;
        let sequence = self.slots.sequence(0);
        // PAIRS: mailbox-emptied
        let emptied = || (sequence.load(Ordering::Acquire) == 0).then_some(());
        if emptied().is_none() {
            self.wait.until(self.slots.writers(), PollPolicy::QUICK, emptied)?;
        }
        // SAFETY: the word is 0, so the consumer has finished with the slot; there is one producer, and len was
        // checked.
        unsafe { self.slots.write(0, len, fill) };
        // PAIRS: mailbox-filled
        sequence.store(len as u64 + 1, S::PUBLISH);
        self.wait.notify(self.slots.readers(), 1)
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consumer<S, W> {
    /// Creates the only consumer of the mailbox in slot 0 of `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait }
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consume for Consumer<S, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let sequence = self.slots.sequence(0);
        // PAIRS: mailbox-filled
        let filled = || (sequence.load(Ordering::Acquire) as usize).checked_sub(1);
        let len = match filled() {
            Some(len) => len,
            None => self.wait.until(self.slots.readers(), PollPolicy::QUICK, filled)?.0,
        };
        check_received_len(len, self.slots.message_bytes())?;
        // SAFETY: the word is not 0, so the producer waits; there is one consumer, and len was checked.
        let result = unsafe { self.slots.read(0, len, read) };
        // PAIRS: mailbox-emptied
        sequence.store(0, S::GIVE_BACK);
        self.wait.notify(self.slots.writers(), 1)?;
        Ok(result)
    }
}
