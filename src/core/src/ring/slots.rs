//! [`Slots`] in a shared segment.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use super::Slots;
use super::layout::Layout;
use super::sync::{AtomicU64, Ordering};
use crate::shm::{Segment, SharedLayout};
use crate::wait::{EventCount, Parker, WaitPoint};

/// Words and payloads of a ring in a segment that several processes map. Consumers sleep at an `R`, producers at a `W`.
pub struct SegmentSlots<R, W> {
    layout: Layout,
    base: *mut u8,
    /// Payload of slot 0.
    payloads: *mut u8,
    /// This consumer's position.
    cursor: usize,
    /// Keeps the range mapped.
    _segment: Segment,
    places: PhantomData<(R, W)>,
}

// SAFETY: repr(C), one atomic word, zero means no sleeper. Never mapped under the model checker.
unsafe impl SharedLayout for Parker {}
// SAFETY: repr(C), two atomic words, zero means no sleeper. Never mapped under the model checker.
unsafe impl SharedLayout for EventCount {}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Parker>() <= 128 && size_of::<EventCount>() <= 128);

impl<R, W> SegmentSlots<R, W> {
    /// Places the ring in `segment`, for the consumer `index` or a producer (any index).
    ///
    /// Errors: `InvalidInput` when the segment is not aligned to a cache line. Panics when it is smaller than
    /// [`Layout::segment_bytes`], which `Segment::attach` checks.
    pub fn new(segment: Segment, layout: Layout, index: u32) -> io::Result<Self> {
        Self::at(segment, 0, layout, index)
    }

    /// Like [`new`](Self::new), from offset `start` of the segment on, a multiple of a cache line.
    pub fn at(segment: Segment, start: usize, layout: Layout, index: u32) -> io::Result<Self> {
        let base = segment.at(start, layout.segment_bytes());
        if !(base as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a ring must be aligned to a cache line"));
        }
        let payloads = segment.at(start + layout.payload_start(0), 0);
        let cursor = layout.cursor_offset(index.min(layout.cursors - 1));
        Ok(Self { layout, base, payloads, cursor, _segment: segment, places: PhantomData })
    }

    /// The header's `T` at `offset`, one of the layout's offsets.
    #[inline]
    #[allow(clippy::cast_ptr_alignment)] // `new` checked the base; the header's offsets are multiples of 128
    fn header<T: SharedLayout>(&self, offset: usize) -> &T {
        debug_assert!(offset.is_multiple_of(128) && offset + size_of::<T>() <= self.layout.sequence_offset(0));
        // SAFETY: the layout's own offsets lie within its header, which `new` checked to be mapped, and are aligned;
        // any bytes are a valid `T`, by the contract of SharedLayout.
        unsafe { &*self.base.add(offset).cast::<T>() }
    }
}

/// A position in the header.
#[repr(C, align(64))]
struct Position(AtomicU64);

// SAFETY: repr(C), one atomic, zero means nothing consumed or claimed yet. Never mapped under the model checker.
unsafe impl SharedLayout for Position {}

// SAFETY: `write` and `read` hand out the payload's own memory, which Slots allows; offsets of distinct slots never
// overlap (tested in layout.rs).
unsafe impl<R: WaitPoint + SharedLayout, W: WaitPoint + SharedLayout> Slots for SegmentSlots<R, W> {
    type Readers = R;
    type Writers = W;

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
        // SAFETY: slot < depth (the rings mask it), so the word right before its payload lies within the range checked
        // in `new`, 8-aligned.
        unsafe { &*self.payloads.add(slot as usize * self.layout.stride).sub(size_of::<u64>()).cast::<AtomicU64>() }
    }

    #[inline]
    fn consumed(&self) -> &AtomicU64 {
        &self.header::<Position>(self.cursor).0
    }

    fn slowest(&self, next: u64) -> u64 {
        let consumed = |index| {
            // PAIRS: slots-consumed
            self.header::<Position>(self.layout.cursor_offset(index)).0.load(Ordering::Acquire)
        };
        let lag = (0..self.layout.cursors).map(|index| next.wrapping_sub(consumed(index))).max();
        next.wrapping_sub(lag.unwrap_or(0))
    }

    #[inline]
    fn claimed(&self) -> &AtomicU64 {
        &self.header::<Position>(Layout::CLAIMED_OFFSET).0
    }

    #[inline]
    unsafe fn write(&self, slot: u32, len: usize, fill: impl FnOnce(&mut [u8])) {
        debug_assert!(slot < self.layout.depth && len <= self.layout.message_bytes);
        // SAFETY: in range as above; the caller owns the slot until it publishes it.
        fill(unsafe { std::slice::from_raw_parts_mut(self.payloads.add(slot as usize * self.layout.stride), len) });
    }

    #[inline]
    unsafe fn read<T>(&self, slot: u32, len: usize, read: impl FnOnce(&[u8]) -> T) -> T {
        debug_assert!(slot < self.layout.depth && len <= self.layout.message_bytes);
        // SAFETY: in range as above; the caller owns the slot until it publishes its position.
        read(unsafe { std::slice::from_raw_parts(self.payloads.add(slot as usize * self.layout.stride), len) })
    }

    #[inline]
    fn readers(&self) -> &R {
        self.header(Layout::READERS_OFFSET)
    }

    #[inline]
    fn writers(&self) -> &W {
        self.header(Layout::WRITERS_OFFSET)
    }
}
