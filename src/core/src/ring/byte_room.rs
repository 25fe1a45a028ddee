//! Storage of a byte ring, and its implementation in a shared segment.
#![allow(unsafe_code)]

use std::io;

use super::sync::{AtomicU64, Ordering};
use crate::shm::{Segment, SharedLayout};
use crate::wait::Parker;

/// Bytes of the word before each payload; payloads are rounded up to a multiple of it.
pub const WORD_BYTES: u64 = size_of::<u64>() as u64;

/// Storage of a byte ring's words and payloads. A position counts the bytes sent since the start and never wraps; the
/// storage maps it to an offset.
///
/// # Safety
/// `write` and `read` may pass the payload's own memory to their closure: the ring calls them only between acquiring
/// those bytes and releasing them, while no other process accesses them.
pub unsafe trait ByteRoom {
    /// Ordering that publishes a record. Mutants in the model check weaken it.
    const PUBLISH: Ordering = Ordering::Release;
    /// Ordering that frees space. Mutants in the model check weaken it.
    const GIVE_BACK: Ordering = Ordering::Release;
    /// Size of the record area in bytes; a power of two.
    fn capacity(&self) -> u64;
    /// The word at `position`, a multiple of 8.
    fn word(&self, position: u64) -> &AtomicU64;
    /// Clears the word at `position`, before the record that will start there.
    fn clear(&self, position: u64) {
        // Relaxed: published together with the previous record, which the consumer reads first.
        self.word(position).store(0, Ordering::Relaxed);
    }
    /// The consumer's published position.
    fn consumed(&self) -> &AtomicU64;
    /// Calls `fill` on the `len` bytes at `position`.
    ///
    /// # Safety
    /// The caller owns these bytes, and they end within the ring.
    unsafe fn write(&self, position: u64, len: usize, fill: impl FnOnce(&mut [u8]));
    /// Calls `read` on the `len` bytes at `position`.
    ///
    /// # Safety
    /// The caller owns these bytes, and they end within the ring.
    unsafe fn read<R>(&self, position: u64, len: usize, read: impl FnOnce(&[u8]) -> R) -> R;
    /// Parker of a consumer that found the ring empty.
    fn reader(&self) -> &Parker;
    /// Parker of a producer that found the ring full.
    fn writer(&self) -> &Parker;
}

/// Header: the consumer's position, then the two parkers, each on a separate pair of cache lines.
const WRITER_OFFSET: usize = 128;
const READER_OFFSET: usize = 256;
const HEADER_BYTES: usize = 384;

/// Size of the segment for a ring of `capacity` bytes.
pub const fn segment_bytes(capacity: u64) -> usize {
    HEADER_BYTES + capacity as usize
}

/// Byte ring in a segment that several processes map.
pub struct SegmentBytes {
    segment: Segment,
    records: *mut u8,
    capacity: u64,
}

#[repr(C, align(64))]
struct Position(AtomicU64);

// SAFETY: repr(C), one atomic, zero means nothing consumed yet. Never mapped under the model checker.
unsafe impl SharedLayout for Position {}

impl SegmentBytes {
    /// Places a ring of `capacity` bytes, a power of two of at least 64, in `segment`.
    ///
    /// Errors: `InvalidInput` when the segment is not aligned to a cache line. Panics when it is smaller than
    /// [`segment_bytes`], which `Segment::attach` checks.
    pub fn new(segment: Segment, capacity: u64) -> io::Result<Self> {
        assert!(
            capacity.is_power_of_two() && capacity >= 64,
            "capacity {capacity} is not a power of two of at least 64"
        );
        let records = segment.at(HEADER_BYTES, capacity as usize);
        if !(records as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a ring must be aligned to a cache line"));
        }
        Ok(Self { segment, records, capacity })
    }

    #[inline]
    fn offset(&self, position: u64) -> usize {
        (position & (self.capacity - 1)) as usize
    }
}

// SAFETY: `write` and `read` hand out the payload's own memory, which ByteRoom allows.
unsafe impl ByteRoom for SegmentBytes {
    #[inline]
    fn capacity(&self) -> u64 {
        self.capacity
    }

    #[inline]
    #[allow(clippy::cast_ptr_alignment)] // `new` checked the start; positions of words are multiples of 8
    fn word(&self, position: u64) -> &AtomicU64 {
        let offset = self.offset(position) & !(WORD_BYTES as usize - 1);
        // SAFETY: the offset is below the capacity, which `new` checked to be mapped, and a multiple of 8. While either
        // process may read these bytes as a word, they are accessed by atomic operations only.
        unsafe { &*self.records.add(offset).cast::<AtomicU64>() }
    }

    #[inline]
    fn consumed(&self) -> &AtomicU64 {
        &self.segment.view::<Position>(0).0
    }

    #[inline]
    unsafe fn write(&self, position: u64, len: usize, fill: impl FnOnce(&mut [u8])) {
        debug_assert!(self.offset(position) + len <= self.capacity as usize);
        // SAFETY: the caller owns these bytes until it publishes them, and they end within the ring.
        fill(unsafe { std::slice::from_raw_parts_mut(self.records.add(self.offset(position)), len) });
    }

    #[inline]
    unsafe fn read<R>(&self, position: u64, len: usize, read: impl FnOnce(&[u8]) -> R) -> R {
        debug_assert!(self.offset(position) + len <= self.capacity as usize);
        // SAFETY: the caller owns these bytes until it gives them back, and they end within the ring.
        read(unsafe { std::slice::from_raw_parts(self.records.add(self.offset(position)), len) })
    }

    #[inline]
    fn reader(&self) -> &Parker {
        self.segment.view(READER_OFFSET)
    }

    #[inline]
    fn writer(&self) -> &Parker {
        self.segment.view(WRITER_OFFSET)
    }
}
