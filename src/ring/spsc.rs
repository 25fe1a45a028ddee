//! Ring of fixed slots, one producer, one consumer. Source: Lamport 1977; the sequence beside its payload as in Vyukov's
//! bounded queue and the word-per-slot rings of FastForward (Giacomoni, Moseley, Vachharajani 2008).
//!
//! A slot's word is `(position + 1) << 32 | length`. The producer owns a slot from the moment the consumer's position
//! has passed its last use until it stores that word; the consumer owns it from then until it publishes its position.
//! Positions are 32 bits and wrap; a ring has at most 2^30 slots, so two meanings of one word can never meet.

use std::io;
use std::marker::PhantomData;

use super::Slots;
use super::listener::Listener;
use super::sync::Ordering;
use crate::wait::{Rhythm, WaitStrategy};

/// The sending side.
pub struct Producer<S, W> {
    slots: S,
    next: u32,
    /// The consumer's position when last looked at.
    consumed: u32,
    wait: PhantomData<W>,
}

/// The receiving side.
pub struct Consumer<S, W> {
    slots: S,
    next: u32,
    /// Messages received since the position was published.
    unpublished: u32,
    /// Publish at the latest after so many.
    publish_every: u32,
    rhythm: Listener,
    wait: PhantomData<W>,
}

impl<S: Slots, W: WaitStrategy> Producer<S, W> {
    /// The only producer of the ring in `slots`, which must be fresh.
    pub fn new(slots: S) -> Self {
        Self { slots, next: 0, consumed: 0, wait: PhantomData }
    }

    /// Waits for room, lets `fill` write `len` bytes in place and publishes them.
    ///
    /// Errors: `InvalidInput` when `len` exceeds the slot; `Interrupted` when the trial is called off.
    #[inline]
    pub fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.slots.message_bytes() {
            return Err(too_long(len, self.slots.message_bytes()));
        }
        if self.next.wrapping_sub(self.consumed) >= self.slots.depth() {
            self.await_room()?;
        }
        let slot = self.next & (self.slots.depth() - 1);
        // SAFETY: the consumer's position has passed this slot's last use, there is one producer, and len was checked.
        unsafe { self.slots.write(slot, len, fill) };
        self.next = self.next.wrapping_add(1);
        // PAIRS: spsc-published
        self.slots.sequence(slot).store(word(self.next, len), S::PUBLISH);
        W::notify(self.slots.consumer_gate())
    }

    #[inline(never)]
    fn await_room(&mut self) -> io::Result<()> {
        let (slots, next) = (&self.slots, self.next);
        (self.consumed, _) = W::until(slots.producer_gate(), Rhythm::QUICK, || {
            // PAIRS: spsc-consumed
            let consumed = slots.consumed().load(Ordering::Acquire);
            (next.wrapping_sub(consumed) < slots.depth()).then_some(consumed)
        })?;
        Ok(())
    }
}

impl<S: Slots, W: WaitStrategy> Consumer<S, W> {
    /// The only consumer of the ring in `slots`, which must be fresh. It publishes its position every quarter of the
    /// depth and whenever it finds the ring empty; rings of up to 8 slots publish every time.
    pub fn new(slots: S) -> Self {
        let publish_every = if slots.depth() <= 8 { 1 } else { slots.depth() / 4 };
        Self { slots, next: 0, unpublished: 0, publish_every, rhythm: Listener::new(), wait: PhantomData }
    }

    /// Waits for a message and lets `read` see it in place.
    ///
    /// Errors: `InvalidData` when the producer claims a length beyond the slot; `Interrupted` when the trial is called off.
    #[inline]
    pub fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let slot = self.next & (self.slots.depth() - 1);
        let due = self.next.wrapping_add(1);
        // PAIRS: spsc-published
        let seen = self.slots.sequence(slot).load(Ordering::Acquire);
        let len = if position(seen) == due { length(seen) } else { self.await_message(slot, due)? };
        if len > self.slots.message_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a slot claims {len} bytes")));
        }
        // SAFETY: the producer published this slot, will not touch it before the position below passes it, there is one
        // consumer, and len was checked.
        let result = unsafe { self.slots.read(slot, len, read) };
        self.next = due;
        self.rhythm.received();
        self.unpublished += 1;
        if self.unpublished >= self.publish_every {
            self.publish()?;
        }
        Ok(result)
    }

    #[inline]
    fn await_message(&mut self, slot: u32, due: u32) -> io::Result<usize> {
        if self.unpublished > 0 {
            self.publish()?;
        }
        let sequence = self.slots.sequence(slot);
        let (len, polls) = W::until(self.slots.consumer_gate(), self.rhythm.now(), || {
            // PAIRS: spsc-published
            let seen = sequence.load(Ordering::Acquire);
            (position(seen) == due).then_some(length(seen))
        })?;
        self.rhythm.heard_after(polls);
        Ok(len)
    }

    #[inline]
    fn publish(&mut self) -> io::Result<()> {
        // PAIRS: spsc-consumed
        self.slots.consumed().store(self.next, S::GIVE_BACK);
        self.unpublished = 0;
        W::notify(self.slots.producer_gate())
    }
}

#[inline]
const fn word(position: u32, len: usize) -> u64 {
    ((position as u64) << 32) | len as u64
}

#[inline]
const fn position(word: u64) -> u32 {
    (word >> 32) as u32
}

#[inline]
const fn length(word: u64) -> usize {
    (word & 0xffff_ffff) as usize
}

#[cold]
pub(super) fn too_long(len: usize, room: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("a message of {len} bytes exceeds the slot's {room}"))
}
