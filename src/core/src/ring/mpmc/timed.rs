//! Sending and receiving that give up, where a queue promises time-outs.

use std::io;

use super::{Claim, Consumer, Due, Producer, claim, claimable};
use crate::ring::sync::Ordering;
use crate::ring::{Slots, fits};
use crate::wait::{Patience, Rhythm, TimedWait};

impl<S: Slots, W: TimedWait<S::Readers> + TimedWait<S::Writers>> Producer<S, W> {
    /// As [`send`](crate::ring::Produce::send), but waits for room only as long as `patience` allows. False when there
    /// was none, and nothing was sent.
    ///
    /// Errors: as for `send`.
    #[inline]
    pub fn send_within(&mut self, len: usize, patience: Patience, fill: impl FnOnce(&mut [u8])) -> io::Result<bool> {
        fits(len, self.slots.message_bytes())?;
        let claim = match claim(&self.slots, self.slots.claimed(), Due::Free) {
            Some(claim) => claim,
            None if patience == Patience::Never => return Ok(false),
            None => match self.await_room_within(patience)? {
                Some(claim) => claim,
                None => return Ok(false),
            },
        };
        // SAFETY: the slot was free for this lap, the claim made its position this side's alone, and len was checked.
        unsafe { self.publish(claim, len, fill) }.map(|()| true)
    }

    #[inline(never)]
    fn await_room_within(&mut self, patience: Patience) -> io::Result<Option<Claim>> {
        let slots = &self.slots;
        let free = || claim(slots, slots.claimed(), Due::Free);
        let found = self.wait.within(slots.writers(), Rhythm::QUICK, patience, free)?;
        // One who gives up may have used up a wake-up that found nothing to claim. What was in its way is given back with a
        // wake-up of its own, and whoever claims that after a wait passes it on.
        if found.is_some() && !W::POLLS && claimable(slots, slots.claimed(), Due::Free) {
            self.wait.notify(slots.writers(), 1)?;
        }
        Ok(found.map(|(claim, _)| claim))
    }
}

impl<S: Slots, W: TimedWait<S::Readers> + TimedWait<S::Writers>> Consumer<S, W> {
    /// As [`receive`](crate::ring::Consume::receive), but waits for a message only as long as `patience` allows. Nothing
    /// when none came.
    ///
    /// Errors: as for `receive`.
    #[inline]
    pub fn receive_within<R>(&mut self, patience: Patience, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let claim = match claim(&self.slots, self.slots.consumed(), Due::Filled) {
            Some(claim) => claim,
            None if patience == Patience::Never => return Ok(None),
            None => match self.await_message_within(patience)? {
                Some(claim) => claim,
                None => return Ok(None),
            },
        };
        // SAFETY: the slot was filled in this lap, and the claim made its position this side's alone.
        unsafe { self.take(claim, read) }.map(Some)
    }

    /// Messages that were claimed by a producer and not yet by a consumer: a snapshot, old when it is read.
    pub fn waiting(&self) -> u64 {
        // Relaxed: two numbers of two moments, of which nobody may conclude anything.
        let consumed = self.slots.consumed().load(Ordering::Relaxed);
        self.slots.claimed().load(Ordering::Relaxed).saturating_sub(consumed)
    }

    #[inline]
    fn await_message_within(&mut self, patience: Patience) -> io::Result<Option<Claim>> {
        let slots = &self.slots;
        let filled = || claim(slots, slots.consumed(), Due::Filled);
        let Some((claim, polls)) = self.wait.within(slots.readers(), self.rhythm.now(), patience, filled)? else {
            return Ok(None);
        };
        self.rhythm.heard_after(polls);
        if !W::POLLS && claimable(slots, slots.consumed(), Due::Filled) {
            self.wait.notify(slots.readers(), 1)?;
        }
        Ok(Some(claim))
    }
}
