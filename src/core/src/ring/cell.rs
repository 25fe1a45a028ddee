//! Storage of the latest value of a [`super::seqlock`], and its implementation in a shared segment.

use std::io;

use super::sync::{AtomicU64, Ordering};
use crate::shm::{Segment, SharedLayout};
use crate::wait::EventCount;

/// Storage of one value. All fields are atomic words, since readers may copy the value while it changes.
pub trait Cell {
    /// Ordering that publishes a value. Mutants in the model check weaken it.
    const PUBLISH: Ordering = Ordering::Release;
    /// Fence between the odd version and the value's words. Mutants in the model check weaken it.
    const MARK: Ordering = Ordering::Release;
    /// Largest value in bytes.
    fn message_bytes(&self) -> usize;
    /// Version of the value; odd while it is being written.
    fn version(&self) -> &AtomicU64;
    /// Length of the value in bytes.
    fn length(&self) -> &AtomicU64;
    /// Words of the value, enough for the largest.
    fn words(&self) -> &[AtomicU64];
    /// Event count of readers that have already seen the current value.
    fn readers(&self) -> &EventCount;
}

/// Version, length and value are adjacent: a small value fits in one cache line.
const READERS_OFFSET: usize = 0;
const HEAD_OFFSET: usize = 128;
const WORD_BYTES: usize = size_of::<u64>();

/// Size of the segment for values of up to `message_bytes`.
pub const fn segment_bytes(message_bytes: usize) -> usize {
    HEAD_OFFSET + size_of::<Head>() + message_bytes.next_multiple_of(WORD_BYTES)
}

/// Cell in a segment that several processes map.
pub struct SegmentCell {
    segment: Segment,
    message_bytes: usize,
    words: *const AtomicU64,
}

#[repr(C)]
struct Head {
    version: AtomicU64,
    length: AtomicU64,
}

// SAFETY: repr(C), two atomics, zero means that nothing was written yet. Never mapped under the model checker.
unsafe impl SharedLayout for Head {}

impl SegmentCell {
    /// Places a cell for values of up to `message_bytes` in `segment`.
    ///
    /// Errors: `InvalidInput` when the segment is not aligned to a cache line. Panics when it is smaller than
    /// [`segment_bytes`], which `Segment::attach` checks.
    #[allow(clippy::cast_ptr_alignment)] // checked below
    pub fn new(segment: Segment, message_bytes: usize) -> io::Result<Self> {
        let start = HEAD_OFFSET + size_of::<Head>();
        let words = segment.at(start, segment_bytes(message_bytes) - start).cast::<AtomicU64>();
        if !(segment.at(0, 0) as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a cell must be aligned to a cache line"));
        }
        Ok(Self { segment, message_bytes, words })
    }

    #[inline]
    fn head(&self) -> &Head {
        self.segment.view(HEAD_OFFSET)
    }
}

impl Cell for SegmentCell {
    #[inline]
    fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    #[inline]
    fn version(&self) -> &AtomicU64 {
        &self.head().version
    }

    #[inline]
    fn length(&self) -> &AtomicU64 {
        &self.head().length
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `new` checked that this many words are mapped; they are 8-aligned, since the segment starts on a cache
        // line and the head has 16 bytes; they are accessed as atomics only.
        unsafe { std::slice::from_raw_parts(self.words, self.message_bytes.div_ceil(WORD_BYTES)) }
    }

    #[inline]
    fn readers(&self) -> &EventCount {
        self.segment.view(READERS_OFFSET)
    }
}
