//! Where a ring of bytes lives, and that place in a shared segment.

use std::io;

use super::sync::{AtomicU64, Ordering};
use crate::shm::{Segment, SharedLayout};
use crate::wait::Gate;

/// Bytes of the word before each payload; payloads are rounded up to a multiple of it.
pub const WORD_BYTES: u64 = size_of::<u64>() as u64;

/// Where a ring's words and payloads live. Positions count bytes from the first ever sent on and never wrap; the ring
/// finds their place.
///
/// # Safety
/// `write` and `read` may be given the payload's own memory: the ring calls them only between acquiring those bytes and
/// releasing them, when no other side touches them.
pub unsafe trait ByteRoom {
    /// How a record is published; the model check weakens it to see that it notices.
    const PUBLISH: Ordering = Ordering::Release;
    /// How room is given back; likewise.
    const GIVE_BACK: Ordering = Ordering::Release;
    /// Bytes for records; a power of two.
    fn capacity(&self) -> u64;
    /// The word at `position`, a multiple of 8.
    fn word(&self, position: u64) -> &AtomicU64;
    /// Clears the word at `position`, ahead of the record that will lie there.
    fn clear(&self, position: u64) {
        // Relaxed: it is published with the record before, which is how the consumer comes here.
        self.word(position).store(0, Ordering::Relaxed);
    }
    /// How far the consumer says it has come.
    fn consumed(&self) -> &AtomicU64;
    /// Lets `fill` write `len` bytes from `position` on.
    ///
    /// # Safety
    /// The caller owns them, and they end within the ring.
    unsafe fn write(&self, position: u64, len: usize, fill: impl FnOnce(&mut [u8]));
    /// Lets `read` see `len` bytes from `position` on.
    ///
    /// # Safety
    /// The caller owns them, and they end within the ring.
    unsafe fn read<R>(&self, position: u64, len: usize, read: impl FnOnce(&[u8]) -> R) -> R;
    /// Where an empty-handed consumer sleeps.
    fn reader(&self) -> &Gate;
    /// Where a producer without room sleeps.
    fn writer(&self) -> &Gate;
}

/// Header: the consumer's position, then the two gates, on pairs of lines of their own.
const WRITER_OFFSET: usize = 128;
const READER_OFFSET: usize = 256;
const HEADER_BYTES: usize = 384;

/// Size of the segment for a ring of `capacity` bytes.
pub const fn segment_bytes(capacity: u64) -> usize {
    HEADER_BYTES + capacity as usize
}

/// A ring of bytes in a segment that other processes map too.
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
    /// Lays a ring of `capacity` bytes, a power of two of at least 64, over `segment`.
    ///
    /// Errors: `InvalidInput` when the segment does not start on a cache line. Panics when it is smaller than
    /// [`segment_bytes`], which `Segment::attach` was to check.
    pub fn new(segment: Segment, capacity: u64) -> io::Result<Self> {
        assert!(capacity.is_power_of_two() && capacity >= 64, "{capacity} bytes are no power of two from 64 on");
        let records = segment.at(HEADER_BYTES, capacity as usize);
        if !(records as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a ring starts on a cache line"));
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
        // SAFETY: the offset is below the capacity, which `new` checked to be mapped, and a multiple of 8. What lies there
        // is touched by atomic operations only while either side may look at it as a word.
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
    fn reader(&self) -> &Gate {
        self.segment.view(READER_OFFSET)
    }

    #[inline]
    fn writer(&self) -> &Gate {
        self.segment.view(WRITER_OFFSET)
    }
}
