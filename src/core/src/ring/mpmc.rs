//! Ring of fixed slots, any number of producers and consumers; each message goes to one consumer. Either side claims a
//! position with one compare-and-swap once the slot there has reached its turn, and fills or reads it in place.
//! Source: Vyukov's bounded queue, 2010; turns instead of positions in the slot's word, as in folly's MPMCQueue.
//!
//! The upper half of a slot's word is its turn: twice the lap while it is free for that lap, one more while it is filled.
//! The lower half is the length. A slot of zeros is therefore free for lap 0, and a ring of one slot works too.
//!
//! A side that finds nothing to claim has claimed nothing: whoever dies idle takes no message along. But a producer that
//! dies between claim and publish blocks the queue behind its position for good, and so does a consumer that dies between
//! claim and release, one lap later. Only the end of the trial ends that wait.
//!
//! Wake-ups: one per message. A message may be published before one that was claimed earlier, and then its wake-up finds
//! nothing to take. So whoever comes out of a wait and leaves something claimable behind passes the wake-up on.

mod timed;

use std::cmp::Ordering as Compared;
use std::io;

use super::listener::Listener;
use super::spsc::length;
use super::sync::{AtomicU64, Ordering};
use super::{Consume, Produce, Slots, credible, fits, slot_of};
use crate::wait::{Rhythm, WaitStrategy};

/// One of the sending sides.
pub struct Producer<S, W> {
    slots: S,
    wait: W,
}

/// One of the receiving sides.
pub struct Consumer<S, W> {
    slots: S,
    wait: W,
    rhythm: Listener,
}

/// What a claim asks of a slot.
#[derive(Clone, Copy)]
enum Due {
    Free = 0,
    Filled = 1,
}

/// A position that is the caller's alone, and what its slot said.
#[derive(Clone, Copy)]
struct Claim {
    position: u64,
    word: u64,
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Producer<S, W> {
    /// A producer of the ring in `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait }
    }

    #[inline(never)]
    fn await_room(&mut self) -> io::Result<Claim> {
        let slots = &self.slots;
        let free = || claim(slots, slots.claimed(), Due::Free);
        let (claim, _) = self.wait.until(slots.writers(), Rhythm::QUICK, free)?;
        if !W::POLLS && claimable(slots, slots.claimed(), Due::Free) {
            self.wait.notify(slots.writers(), 1)?;
        }
        Ok(claim)
    }

    /// Fills the slot of `claim` and hands it over.
    ///
    /// # Safety
    /// The claim is this side's own, and `len` is at most what a message may have.
    // As a function of its own it made a stream of small messages a third slower.
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
        // SAFETY: the slot was free for this lap, the claim made its position this side's alone, and len was checked.
        unsafe { self.publish(claim, len, fill) }
    }
}

impl<S: Slots, W: WaitStrategy<S::Readers> + WaitStrategy<S::Writers>> Consumer<S, W> {
    /// A consumer of the ring in `slots`.
    pub fn new(slots: S, wait: W) -> Self {
        Self { slots, wait, rhythm: Listener::new() }
    }

    #[inline]
    fn await_message(&mut self) -> io::Result<Claim> {
        let slots = &self.slots;
        let filled = || claim(slots, slots.consumed(), Due::Filled);
        let (claim, polls) = self.wait.until(slots.readers(), self.rhythm.now(), filled)?;
        self.rhythm.heard_after(polls);
        if !W::POLLS && claimable(slots, slots.consumed(), Due::Filled) {
            self.wait.notify(slots.readers(), 1)?;
        }
        Ok(claim)
    }

    /// Lets `read` see a message if there is one now.
    #[inline]
    pub fn try_receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        match claim(&self.slots, self.slots.consumed(), Due::Filled) {
            // SAFETY: the slot was filled in this lap, and the claim made its position this side's alone.
            Some(claim) => unsafe { self.take(claim, read) }.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the slot of `claim` and gives it back.
    ///
    /// # Safety
    /// The claim is this side's own.
    // As above.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    unsafe fn take<R>(&mut self, claim: Claim, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (slot, len) = (slot_of(&self.slots, claim.position), length(claim.word));
        credible(len, self.slots.message_bytes())?;
        // SAFETY: by the contract above; len was just checked.
        let result = unsafe { self.slots.read(slot, len, read) };
        // PAIRS: mpmc-emptied. Filled in one lap is one less than free for the next.
        self.slots.sequence(slot).store(word(turn(claim.word).wrapping_add(1), 0), S::GIVE_BACK);
        self.rhythm.received();
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
        // SAFETY: the slot was filled in this lap, and the claim made its position this side's alone.
        unsafe { self.take(claim, read) }
    }
}

/// Takes the next position of `end` when its slot is `due`; nothing when the slot has yet to become that.
#[inline]
fn claim(slots: &impl Slots, end: &AtomicU64, due: Due) -> Option<Claim> {
    // Relaxed throughout: the positions only deal out slots; their words order what is in them.
    let mut position = end.load(Ordering::Relaxed);
    loop {
        let (word, compared) = look(slots, position, due);
        position = match compared {
            Compared::Less => return None,
            Compared::Equal => {
                match end.compare_exchange_weak(position, position + 1, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return Some(Claim { position, word }),
                    Err(now) => now,
                }
            }
            Compared::Greater => end.load(Ordering::Relaxed),
        };
    }
}

/// True when somebody could [`claim`] right now.
#[cold]
fn claimable(slots: &impl Slots, end: &AtomicU64, due: Due) -> bool {
    loop {
        match look(slots, end.load(Ordering::Relaxed), due).1 {
            Compared::Less => return false,
            Compared::Equal => return true,
            Compared::Greater => {}
        }
    }
}

/// The word of the slot at `position`, and whether its turn is before, at or past what is `due` there. Past it, somebody
/// else was at this position, and the position that was looked at is an old one.
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
