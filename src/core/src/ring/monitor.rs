//! Bounded queue guarded by a mutex with two condition variables, any number of producers and consumers: the common
//! design of applications and of Python's multiprocessing.Queue. Messages are filled and read in place under the mutex,
//! so one endpoint works at a time. Source: Hoare 1974; the bounded buffer of textbooks.
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

/// State common to both endpoints.
struct Queue {
    segment: Segment,
    slots: SegmentSlots<Parker, Parker>,
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
/// let mut producer = monitor::Producer::new(segment.clone(), layout)?;
/// let mut consumer = monitor::Consumer::new(segment, layout)?;
/// producer.send(2, |room| room.copy_from_slice(b"ok"))?;
/// assert_eq!(consumer.receive(<[u8]>::to_vec)?, b"ok");
/// # Ok(())
/// # }
/// ```
pub struct Producer(Queue);

/// One of the receiving endpoints.
pub struct Consumer(Queue);

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

    /// Locks the mutex and waits on `condition` until `due` returns a position for the queue's length.
    fn enter(&self, due: impl Fn(u64) -> Option<u64>, condition: Condition) -> io::Result<(Held<'_>, u64)> {
        let held = self.monitor().lock()?;
        loop {
            let length = value(self.slots.claimed()) - value(self.slots.consumed());
            if let Some(position) = due(length) {
                return Ok((held, position));
            }
            held.wait(condition)?;
        }
    }
}

/// Relaxed here and below: the mutex provides the ordering.
fn value(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

fn advance(word: &AtomicU64) {
    word.store(value(word) + 1, Ordering::Relaxed);
}

impl Producer {
    /// Creates a producer of the queue of `layout` in `segment`.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        Queue::new(segment, layout).map(Self)
    }
}

impl Produce for Producer {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let Queue { slots, .. } = &self.0;
        fits(len, slots.message_bytes())?;
        let depth = u64::from(slots.depth());
        let room = |length| (length < depth).then(|| value(slots.claimed()));
        let (held, position) = self.0.enter(room, Condition::Room)?;
        let slot = slot_of(slots, position);
        // SAFETY: the mutex is held, fewer messages than slots are queued, and len was checked.
        unsafe { slots.write(slot, len, fill) };
        slots.sequence(slot).store(len as u64, Ordering::Relaxed);
        advance(slots.claimed());
        drop(held);
        self.0.monitor().signal(Condition::Message)
    }
}

impl Consumer {
    /// Creates a consumer of the queue of `layout` in `segment`.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        Queue::new(segment, layout).map(Self)
    }
}

impl Consume for Consumer {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let Queue { slots, .. } = &self.0;
        let message = |length| (length > 0).then(|| value(slots.consumed()));
        let (held, position) = self.0.enter(message, Condition::Message)?;
        let slot = slot_of(slots, position);
        let len = value(slots.sequence(slot)) as usize;
        check_received_len(len, slots.message_bytes())?;
        // SAFETY: the mutex is held, this slot's message is queued, and len was checked.
        let result = unsafe { slots.read(slot, len, read) };
        advance(slots.consumed());
        drop(held);
        self.0.monitor().signal(Condition::Room)?;
        Ok(result)
    }
}
