//! Bounded queue guarded by a mutex with two condition variables, any number of producers and consumers: the common
//! design of applications and of Python's multiprocessing.Queue. Source: Hoare 1974; the bounded buffer of textbooks.
//!
//! With `HELD` messages are filled and read in place under the mutex, so one endpoint works at a time. Without it an
//! endpoint claims a slot under the mutex, works on it without the mutex, and locks it again to pass the slot on, so
//! the endpoints work at the same time and each message costs two acquisitions on either side.
#![allow(unsafe_code)]

use std::io;

use super::layout::Layout;
use super::posix::{Condition, Held, Monitor};
use super::slots::SegmentSlots;
use super::sync::{AtomicU64, Ordering};
use super::{Consume, Produce, Slots, check_received_len, fits, slot_of};
use crate::shm::Segment;
use crate::wait::Parker;

/// The slots follow the monitor, on a line of their own.
const SLOTS_OFFSET: usize = size_of::<Monitor>().next_multiple_of(128);

/// Size of the segment for the slots of `layout`.
pub fn segment_bytes(layout: &Layout) -> usize {
    SLOTS_OFFSET + layout.segment_bytes()
}

/// State of a slot in its word: free, owned by the endpoint that claimed it, or filled, with the length below.
const STATE: u64 = 3 << 62;
const FREE: u64 = 0;
const CLAIMED: u64 = 1 << 62;
const FILLED: u64 = 2 << 62;

/// State common to both endpoints.
struct Queue {
    segment: Segment,
    slots: SegmentSlots<Parker, Parker>,
}

/// Slot that an endpoint has claimed.
struct Claim<'a> {
    held: Held<'a>,
    slot: u32,
    /// Word of the slot before it was claimed.
    word: u64,
    /// Whether another endpoint sleeps although the next slot is ready: slots get ready in any order, and then the
    /// wake-up for that slot found its predecessor not ready.
    pass_on: bool,
}

/// One of the sending endpoints.
///
/// ```
/// use ipcmark_core::address::Endpoint;
/// use ipcmark_core::record::Substrate;
/// use ipcmark_core::ring::{Consume, Produce, layout::Layout, monitor};
/// use ipcmark_core::shm::{self, Segment};
///
/// # fn main() -> std::io::Result<()> {
/// let layout = Layout::new(4, 16);
/// let bytes = monitor::segment_bytes(&layout);
/// let segment = Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)?;
/// let mut producer = monitor::Producer::<false>::new(segment.clone(), layout)?;
/// let mut consumer = monitor::Consumer::<false>::new(segment, layout)?;
/// producer.send(2, |room| room.copy_from_slice(b"ok"))?;
/// assert_eq!(consumer.receive(<[u8]>::to_vec)?, b"ok");
/// # Ok(())
/// # }
/// ```
pub struct Producer<const HELD: bool>(Queue);

/// One of the receiving endpoints.
pub struct Consumer<const HELD: bool>(Queue);

impl Queue {
    fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        let slots = SegmentSlots::at(segment.clone(), SLOTS_OFFSET, layout, 0)?;
        let queue = Self { segment, slots };
        queue.monitor().prepare()?;
        Ok(queue)
    }

    fn monitor(&self) -> &Monitor {
        self.segment.view(0)
    }

    /// Claims the slot at `position` for this endpoint. Waits on `condition` until the slot is in `state`.
    fn claim(&self, position: &AtomicU64, state: u64, condition: Condition) -> io::Result<Claim<'_>> {
        let held = self.monitor().lock()?;
        loop {
            let slot = slot_of(&self.slots, value(position));
            let word = value(self.slots.sequence(slot));
            if word & STATE == state {
                self.slots.sequence(slot).store(CLAIMED, Ordering::Relaxed);
                position.store(value(position) + 1, Ordering::Relaxed);
                let next = || value(self.slots.sequence(slot_of(&self.slots, value(position))));
                let pass_on = held.has_waiter(condition) && next() & STATE == state;
                return Ok(Claim { held, slot, word, pass_on });
            }
            held.wait(condition)?;
        }
    }

    /// Runs `work` on a claimed slot, then stores the slot's next word and wakes an endpoint that waits for `ready`.
    /// The mutex stays locked in between if `HELD`.
    fn finish<const HELD: bool, R>(
        &self,
        Claim { held, slot, pass_on, .. }: Claim<'_>,
        word: u64,
        [own, ready]: [Condition; 2],
        work: impl FnOnce() -> R,
    ) -> io::Result<R> {
        let held = if HELD {
            Some(held)
        } else {
            drop(held);
            if pass_on {
                self.monitor().signal(own)?;
            }
            None
        };
        let result = work();
        let held = held.map_or_else(|| self.monitor().lock(), Ok)?;
        self.slots.sequence(slot).store(word, Ordering::Relaxed);
        drop(held);
        if HELD && pass_on {
            self.monitor().signal(own)?;
        }
        self.monitor().signal(ready)?;
        Ok(result)
    }
}

/// Relaxed here and above: the mutex provides the ordering.
fn value(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

impl<const HELD: bool> Producer<HELD> {
    /// Creates a producer of the queue of `layout` in `segment`.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        Queue::new(segment, layout).map(Self)
    }
}

impl<const HELD: bool> Produce for Producer<HELD> {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let Self(queue) = self;
        fits(len, queue.slots.message_bytes())?;
        let claim = queue.claim(queue.slots.claimed(), FREE, Condition::Room)?;
        let slot = claim.slot;
        queue.finish::<HELD, _>(claim, FILLED | len as u64, [Condition::Room, Condition::Message], || {
            // SAFETY: this endpoint has stored CLAIMED in the free slot's word under the mutex, no endpoint claims the
            // slot before `finish` stores the next word, and len was checked.
            unsafe { queue.slots.write(slot, len, fill) }
        })
    }
}

impl<const HELD: bool> Consumer<HELD> {
    /// Creates a consumer of the queue of `layout` in `segment`.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        Queue::new(segment, layout).map(Self)
    }
}

impl<const HELD: bool> Consume for Consumer<HELD> {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let Self(queue) = self;
        let claim = queue.claim(queue.slots.consumed(), FILLED, Condition::Message)?;
        let (slot, len) = (claim.slot, (claim.word & !STATE) as usize);
        check_received_len(len, queue.slots.message_bytes())?;
        queue.finish::<HELD, _>(claim, FREE, [Condition::Message, Condition::Room], || {
            // SAFETY: this endpoint has stored CLAIMED in the filled slot's word under the mutex, no endpoint claims the
            // slot before `finish` stores the next word, and len was checked.
            unsafe { queue.slots.read(slot, len, read) }
        })
    }
}
