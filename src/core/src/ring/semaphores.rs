//! Ring guarded by two semaphores, one producer, one consumer: one counts free slots, the other filled ones.
//! Source: Dijkstra 1965 (EWD 123), section 4.3, "the bounded buffer".
#![allow(unsafe_code)]

use std::io;

use super::layout::Layout;
use super::posix::{Permit, Permits};
use super::slots::SegmentSlots;
use super::sync::Ordering;
use super::{Consume, Produce, Slots, check_received_len, fits, slot_of};
use crate::shm::Segment;
use crate::wait::Parker;

/// The slots follow the semaphores, on a line of their own.
const SLOTS_OFFSET: usize = size_of::<Permits>().next_multiple_of(128);

/// Size of the segment for the slots of `layout`.
pub fn segment_bytes(layout: &Layout) -> usize {
    SLOTS_OFFSET + layout.segment_bytes()
}

/// State common to both endpoints. Each tracks only its own position.
struct Side {
    segment: Segment,
    slots: SegmentSlots<Parker, Parker>,
    next: u64,
}

/// Sending endpoint.
pub struct Producer(Side);

/// Receiving endpoint.
pub struct Consumer(Side);

impl Side {
    fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        let slots = SegmentSlots::at(segment.clone(), SLOTS_OFFSET, layout, 0)?;
        let side = Self { segment, slots, next: 0 };
        side.permits().prepare(layout.depth)?;
        Ok(side)
    }

    fn permits(&self) -> &Permits {
        self.segment.view(0)
    }
}

impl Producer {
    /// Creates the only producer of the ring of `layout` in `segment`.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        Side::new(segment, layout).map(Self)
    }
}

impl Produce for Producer {
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let side = &mut self.0;
        fits(len, side.slots.message_bytes())?;
        side.permits().take(Permit::Free)?;
        let slot = slot_of(&side.slots, side.next);
        // SAFETY: the semaphore grants a free slot, slots are freed in order, there is one producer, and len was
        // checked.
        unsafe { side.slots.write(slot, len, fill) };
        // Relaxed: the semaphore provides the ordering.
        side.slots.sequence(slot).store(len as u64, Ordering::Relaxed);
        side.next += 1;
        side.permits().give(Permit::Filled)
    }
}

impl Consumer {
    /// Creates the only consumer of the ring of `layout` in `segment`.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        Side::new(segment, layout).map(Self)
    }
}

impl Consume for Consumer {
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let side = &mut self.0;
        side.permits().take(Permit::Filled)?;
        let slot = slot_of(&side.slots, side.next);
        // Relaxed: the semaphore provides the ordering.
        let len = side.slots.sequence(slot).load(Ordering::Relaxed) as usize;
        check_received_len(len, side.slots.message_bytes())?;
        // SAFETY: the semaphore grants a filled slot, slots are filled in order, there is one consumer, and len was
        // checked.
        let result = unsafe { side.slots.read(slot, len, read) };
        side.next += 1;
        side.permits().give(Permit::Free)?;
        Ok(result)
    }
}
