//! Ring of fixed slots, any number of producers and consumers; each message goes to one consumer. A producer or
//! consumer claims a position with one compare-and-swap once the slot has reached its turn, and fills or reads the slot
//! in place. Source: Vyukov's bounded queue, 2010; turns instead of positions in the slot's word, as in folly's
//! MPMCQueue.
//!
//! The upper half of a slot's word is its turn: twice the lap while it is free for that lap, one more while it is
//! filled. The lower half is the length. A zeroed slot is therefore free for lap 0, and a ring of one slot works too.
//!
//! A process that waits has claimed nothing, so its death loses no message. But a producer that dies between claim and
//! publish blocks the queue behind its position for good, and so does a consumer that dies between claim and release,
//! one lap later. Only the end of the trial ends that wait.
//!
//! There is one wake-up per message. If a message is published before one that was claimed earlier, its wake-up may
//! find nothing to claim. A process that returns from a wait therefore passes the wake-up on if another position is
//! claimable.
#![allow(unsafe_code)]

use std::cmp::Ordering as Compared;
use std::io;

use super::adaptive_poll::AdaptivePoll;
use super::spsc::length;
use super::sync::{AtomicU64, Ordering};
use super::{Consume, Produce, Slots, check_received_len, fits, slot_of};
use crate::wait::{PollPolicy, TimedWait, WaitLimit, WaitStrategy};

/// One of the sending endpoints.
pub struct Producer<S, W> {
    slots: S,
    wait: W,
}

/// One of the receiving endpoints.
pub struct Consumer<S, W> {
    slots: S,
    wait: W,
    poll_policy: AdaptivePoll,
}

/// State that a slot must have to be claimed.
#[derive(Clone, Copy)]
enum Due {
    Free = 0,
    Filled = 1,
}

/// An exclusively claimed position and its slot's word.
#[derive(Clone, Copy)]
struct Claim {
    position: u64,
    word: u64,
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Producer<S, W> {
    /// Creates a producer of the ring in `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait }
    }

    #[inline(never)]
    fn await_room(&mut self) -> io::Result<Claim> {
        let slots = &self.slots;
        let free = || claim(slots, slots.claimed(), Due::Free);
        let (claim, _) = self.wait.until(slots.writers(), PollPolicy::QUICK, free)?;
        if !W::POLLS && claimable(slots, slots.claimed(), Due::Free) {
            self.wait.notify(slots.writers(), 1)?;
        }
        Ok(claim)
    }

    /// Fills the slot of `claim` and publishes it.
    ///
    /// # Safety
    /// The claim belongs to this producer, and `len` is at most `message_bytes`.
    // As a separate function it made a stream of small messages a third slower.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    unsafe fn publish(&self, claim: Claim, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let slot = slot_of(&self.slots, claim.position);
        // SAFETY: by the contract above.
        unsafe { self.slots.write(slot, len, fill) };
        // PAIRS: mpmc-filled
        self.slots.sequence(slot).store(word(turn(claim.word) + Due::Filled as u32, len), S::PUBLISH);
        self.wait.notify(self.slots.readers(), 1)
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Produce for Producer<S, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, self.slots.message_bytes())?;
        let claim = match claim(&self.slots, self.slots.claimed(), Due::Free) {
            Some(claim) => claim,
            None => self.await_room()?,
        };
        // SAFETY: the slot was free for this lap, the claim is exclusive, and len was checked.
        unsafe { self.publish(claim, len, fill) }
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consumer<S, W> {
    /// Creates a consumer of the ring in `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait, poll_policy: AdaptivePoll::new() }
    }

    /// Polls with one pause hint each instead of adapting to the traffic.
    #[must_use]
    pub fn with_fixed_poll(mut self) -> Self {
        self.poll_policy = AdaptivePoll::fixed();
        self
    }

    #[inline]
    fn await_message(&mut self) -> io::Result<Claim> {
        let slots = &self.slots;
        let filled = || claim(slots, slots.consumed(), Due::Filled);
        let (claim, polls) = self.wait.until(slots.readers(), self.poll_policy.now(), filled)?;
        self.poll_policy.record_polls(polls);
        if !W::POLLS && claimable(slots, slots.consumed(), Due::Filled) {
            self.wait.notify(slots.readers(), 1)?;
        }
        Ok(claim)
    }

    /// Calls `read` on a message if one is available.
    #[inline]
    pub fn try_receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        match claim(&self.slots, self.slots.consumed(), Due::Filled) {
            // SAFETY: the slot was filled in this lap, and the claim is exclusive.
            Some(claim) => unsafe { self.take(claim, read) }.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the slot of `claim` and frees it.
    ///
    /// # Safety
    /// The claim belongs to this consumer.
    // Inlined for the same reason as `publish`.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    unsafe fn take<R>(&mut self, claim: Claim, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (slot, len) = (slot_of(&self.slots, claim.position), length(claim.word));
        check_received_len(len, self.slots.message_bytes())?;
        // SAFETY: by the contract above; len was just checked.
        let result = unsafe { self.slots.read(slot, len, read) };
        // PAIRS: mpmc-emptied. Filled in one lap is one less than free for the next.
        self.slots.sequence(slot).store(word(turn(claim.word).wrapping_add(1), 0), S::GIVE_BACK);
        self.poll_policy.received();
        self.wait.notify(self.slots.writers(), 1)?;
        Ok(result)
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consume for Consumer<S, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let claim = match claim(&self.slots, self.slots.consumed(), Due::Filled) {
            Some(claim) => claim,
            None => self.await_message()?,
        };
        // SAFETY: the slot was filled in this lap, and the claim is exclusive.
        unsafe { self.take(claim, read) }
    }
}

impl<S: Slots, W: TimedWait<S::Readers> + TimedWait<S::Writers>> Producer<S, W> {
    /// Like [`send`](Produce::send), but waits for space only as long as `wait_limit` allows. Returns false if
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
        // A wait that times out may have consumed a wake-up that found nothing to claim. The slot that blocked it is
        // freed with its own wake-up, and the process that claims it after a wait passes the wake-up on.
        if found.is_some() && !W::POLLS && claimable(slots, slots.claimed(), Due::Free) {
            self.wait.notify(slots.writers(), 1)?;
        }
        Ok(found.map(|(claim, _)| claim))
    }
}

impl<S: Slots, W: TimedWait<S::Readers> + TimedWait<S::Writers>> Consumer<S, W> {
    /// Like [`receive`](Consume::receive), but waits for a message only as long as `wait_limit` allows. Returns
    /// `None` if none arrived.
    ///
    /// Errors: as for `receive`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ipcmark_core::address::Endpoint;
    /// use ipcmark_core::record::Substrate;
    /// use ipcmark_core::ring::{Produce, layout::Layout, mpmc, slots::SegmentSlots};
    /// use ipcmark_core::shm::{self, Segment};
    /// use ipcmark_core::wait::{EventCount, Park, WaitLimit};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let layout = Layout::new(2, 8);
    /// let address = shm::create(Substrate::Memfd, layout.segment_bytes())?;
    /// let segment = Segment::attach(&address, Endpoint::Sender, layout.segment_bytes())?;
    /// let slots = || SegmentSlots::<EventCount, EventCount>::new(segment.clone(), layout, 0);
    /// let (mut producer, mut consumer) = (mpmc::Producer::new(slots()?, Park), mpmc::Consumer::new(slots()?, Park));
    ///
    /// let limit = WaitLimit::after(Duration::from_millis(1));
    /// assert_eq!(consumer.receive_within(limit, <[u8]>::len)?, None);
    /// producer.send(3, |room| room.fill(7))?;
    /// assert_eq!(consumer.receive_within(WaitLimit::Forever, <[u8]>::len)?, Some(3));
    /// # Ok(())
    /// # }
    /// ```
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

/// Claims the next position of `next` if its slot is `due`; `None` if the slot has not reached that state.
#[inline]
fn claim(slots: &impl Slots, next: &AtomicU64, due: Due) -> Option<Claim> {
    // Relaxed throughout: positions only assign slots; the slots' words order the payloads.
    let mut position = next.load(Ordering::Relaxed);
    loop {
        let (word, compared) = look(slots, position, due);
        position = match compared {
            Compared::Less => return None,
            Compared::Equal => {
                match next.compare_exchange_weak(position, position + 1, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return Some(Claim { position, word }),
                    Err(now) => now,
                }
            }
            Compared::Greater => next.load(Ordering::Relaxed),
        };
    }
}

/// True if a [`claim`] could succeed now.
#[cold]
fn claimable(slots: &impl Slots, next: &AtomicU64, due: Due) -> bool {
    loop {
        match look(slots, next.load(Ordering::Relaxed), due).1 {
            Compared::Less => return false,
            Compared::Equal => return true,
            Compared::Greater => {}
        }
    }
}

/// The word of the slot at `position`, and whether its turn is before, at or past `due`. Past it, another process has
/// claimed this position, and `position` is stale.
#[inline]
fn look(slots: &impl Slots, position: u64, due: Due) -> (u64, Compared) {
    // PAIRS: mpmc-filled, mpmc-emptied
    let word = slots.sequence(slot_of(slots, position)).load(Ordering::Acquire);
    let lap = (position >> slots.depth().trailing_zeros()) as u32;
    let wanted = (lap << 1).wrapping_add(due as u32);
    (word, turn(word).wrapping_sub(wanted).cast_signed().cmp(&0))
}

#[inline]
const fn word(turn: u32, len: usize) -> u64 {
    ((turn as u64) << 32) | len as u64
}

#[inline]
const fn turn(word: u64) -> u32 {
    (word >> 32) as u32
}
