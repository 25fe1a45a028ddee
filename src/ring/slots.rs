//! [`Slots`] in a shared segment.

use std::io;

use super::Slots;
use super::layout::Layout;
use super::sync::{AtomicU32, AtomicU64};
use crate::shm::{Segment, SharedLayout};
use crate::wait::Gate;

/// A ring's words and payloads in a segment that other processes map too.
pub struct SegmentSlots {
    layout: Layout,
    base: *mut u8,
    segment: Segment,
}

#[repr(C, align(64))]
struct Position(AtomicU32);

// SAFETY: repr(C), one atomic, zero means nothing consumed yet.
#[cfg(not(loom))]
unsafe impl SharedLayout for Position {}
// SAFETY: never mapped under the model checker, whose atomics are no plain words.
#[cfg(loom)]
unsafe impl SharedLayout for Position {}
// SAFETY: repr(C), one atomic word, zero means nobody sleeps.
#[cfg(not(loom))]
unsafe impl SharedLayout for Gate {}
// SAFETY: never mapped under the model checker.
#[cfg(loom)]
unsafe impl SharedLayout for Gate {}

const _: () = assert!(Layout::PRODUCER_GATE_OFFSET - Layout::CONSUMED_OFFSET >= 128);
const _: () = assert!(Layout::CONSUMER_GATE_OFFSET - Layout::PRODUCER_GATE_OFFSET >= 128);
const _: () = assert!(Layout::HEADER_BYTES - Layout::CONSUMER_GATE_OFFSET >= 128);

impl SegmentSlots {
    /// Lays the ring over `segment`.
    ///
    /// Errors: `InvalidInput` when the segment does not start on a cache line. Panics when it is smaller than
    /// [`Layout::segment_bytes`], which `Segment::attach` was to check.
    pub fn new(segment: Segment, layout: Layout) -> io::Result<Self> {
        let base = segment.at(0, layout.segment_bytes());
        if !(base as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a segment starts on a cache line"));
        }
        Ok(Self { layout, base, segment })
    }
}

// SAFETY: `write` and `read` hand out the payload's own memory, which Slots allows; offsets of distinct slots never
// overlap (tested in layout.rs).
unsafe impl Slots for SegmentSlots {
    #[inline]
    fn depth(&self) -> u32 {
        self.layout.depth
    }

    #[inline]
    fn message_bytes(&self) -> usize {
        self.layout.message_bytes
    }

    #[inline]
    #[allow(clippy::cast_ptr_alignment)] // `new` checked the base; word offsets are multiples of 8, tested in layout.rs
    fn sequence(&self, slot: u32) -> &AtomicU64 {
        debug_assert!(slot < self.layout.depth);
        // SAFETY: slot < depth (the rings mask it), so the offset lies within the range checked in `new`, 8-aligned.
        unsafe { &*self.base.add(self.layout.sequence_offset(slot)).cast::<AtomicU64>() }
    }

    #[inline]
    fn consumed(&self) -> &AtomicU32 {
        &self.segment.view::<Position>(Layout::CONSUMED_OFFSET).0
    }

    #[inline]
    unsafe fn write(&self, slot: u32, len: usize, fill: impl FnOnce(&mut [u8])) {
        debug_assert!(slot < self.layout.depth && len <= self.layout.message_bytes);
        // SAFETY: in range as above; the caller owns the slot until it publishes it.
        fill(unsafe { std::slice::from_raw_parts_mut(self.base.add(self.layout.payload_start(slot)), len) });
    }

    #[inline]
    unsafe fn read<R>(&self, slot: u32, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        debug_assert!(slot < self.layout.depth && len <= self.layout.message_bytes);
        // SAFETY: in range as above; the caller owns the slot until it publishes its position.
        read(unsafe { std::slice::from_raw_parts(self.base.add(self.layout.payload_start(slot)), len) })
    }

    #[inline]
    fn consumer_gate(&self) -> &Gate {
        self.segment.view(Layout::CONSUMER_GATE_OFFSET)
    }

    #[inline]
    fn producer_gate(&self) -> &Gate {
        self.segment.view(Layout::PRODUCER_GATE_OFFSET)
    }
}
