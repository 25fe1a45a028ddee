//! Sending and receiving with a time limit.

use std::io;

use super::{Claim, Consumer, Due, Producer, claim, claimable};
use crate::ring::sync::Ordering;
use crate::ring::{Slots, fits};
use crate::wait::{PollPolicy, TimedWait, WaitLimit};

impl<S: Slots, W: TimedWait<S::Readers> + TimedWait<S::Writers>> Producer<S, W> {
    /// Like [`send`](crate::ring::Produce::send), but waits for space only as long as `wait_limit` allows. Returns false if
    /// there was none and nothing was sent.
    ///
    /// Errors: as for `send`.
    #[inline]
    pub fn send_within(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<bool> {
        fits(len, self.slots.message_bytes())?;
        let claim = match claim(&self.slots, self.slots.claimed(), Due::Free) {
            Some(claim) => claim,
            None if wait_limit == WaitLimit::Never => return Ok(false),
            None => match self.await_room_within(wait_limit)? {
                Some(claim) => claim,
                None => return Ok(false),
            },
        };
        // SAFETY: the slot was free for this lap, the claim is exclusive, and len was checked.
        unsafe { self.publish(claim, len, fill) }.map(|()| true)
    }

    #[inline(never)]
    fn await_room_within(&mut self, wait_limit: WaitLimit) -> io::Result<Option<Claim>> {
        let slots = &self.slots;
        let free = || claim(slots, slots.claimed(), Due::Free);
        let found = self.wait.within(slots.writers(), PollPolicy::QUICK, wait_limit, free)?;
        // A wait that times out may have consumed a wake-up that found nothing to claim. The slot that blocked it is freed
        // with its own wake-up, and the process that claims it after a wait passes the wake-up on.
        if found.is_some() && !W::POLLS && claimable(slots, slots.claimed(), Due::Free) {
            self.wait.notify(slots.writers(), 1)?;
        }
        Ok(found.map(|(claim, _)| claim))
    }
}

impl<S: Slots, W: TimedWait<S::Readers> + TimedWait<S::Writers>> Consumer<S, W> {
    /// Like [`receive`](crate::ring::Consume::receive), but waits for a message only as long as `wait_limit` allows. Returns
    /// `None` if none arrived.
    ///
    /// Errors: as for `receive`.
    #[inline]
    pub fn receive_within<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let claim = match claim(&self.slots, self.slots.consumed(), Due::Filled) {
            Some(claim) => claim,
            None if wait_limit == WaitLimit::Never => return Ok(None),
            None => match self.await_message_within(wait_limit)? {
                Some(claim) => claim,
                None => return Ok(None),
            },
        };
        // SAFETY: the slot was filled in this lap, and the claim is exclusive.
        unsafe { self.take(claim, read) }.map(Some)
    }

    /// Number of messages claimed by producers and not yet by consumers; a snapshot that may be stale.
    pub fn waiting(&self) -> u64 {
        // Relaxed: the two loads are not a consistent snapshot, and no caller relies on one.
        let consumed = self.slots.consumed().load(Ordering::Relaxed);
        self.slots.claimed().load(Ordering::Relaxed).saturating_sub(consumed)
    }

    #[inline]
    fn await_message_within(&mut self, wait_limit: WaitLimit) -> io::Result<Option<Claim>> {
        let slots = &self.slots;
        let filled = || claim(slots, slots.consumed(), Due::Filled);
        let Some((claim, polls)) = self.wait.within(slots.readers(), self.poll_policy.now(), wait_limit, filled)?
        else {
            return Ok(None);
        };
        self.poll_policy.record_polls(polls);
        if !W::POLLS && claimable(slots, slots.consumed(), Due::Filled) {
            self.wait.notify(slots.readers(), 1)?;
        }
        Ok(Some(claim))
    }
}
