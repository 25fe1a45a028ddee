//! Where the latest value of a [`super::seqlock`] lives, and that place in a shared segment.

use std::io;

use super::sync::{AtomicU64, Ordering};
use crate::shm::{Segment, SharedLayout};
use crate::wait::Crowd;

/// Where one value lives. Everything is an atomic word, since sides look at it while it changes.
pub trait Cell {
    /// How a value is published; the model check weakens it to see that it notices.
    const PUBLISH: Ordering = Ordering::Release;
    /// The fence between the odd version and the value's words; likewise.
    const MARK: Ordering = Ordering::Release;
    /// Largest value.
    fn message_bytes(&self) -> usize;
    /// Even, and one higher while it is being written.
    fn version(&self) -> &AtomicU64;
    /// Bytes of the value.
    fn length(&self) -> &AtomicU64;
    /// The value's words, enough for the largest.
    fn words(&self) -> &[AtomicU64];
    /// Where readers sleep who have seen the value.
    fn readers(&self) -> &Crowd;
}

/// Version, length and value lie one after another: a small value is one line.
const READERS_OFFSET: usize = 0;
const HEAD_OFFSET: usize = 128;
const WORD_BYTES: usize = size_of::<u64>();

/// Size of the segment for values of up to `message_bytes`.
pub const fn segment_bytes(message_bytes: usize) -> usize {
    HEAD_OFFSET + size_of::<Head>() + message_bytes.next_multiple_of(WORD_BYTES)
}

/// A cell in a segment that other processes map too.
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
    /// Lays a cell for values of up to `message_bytes` over `segment`.
    ///
    /// Errors: `InvalidInput` when the segment does not start on a cache line. Panics when it is smaller than
    /// [`segment_bytes`], which `Segment::attach` was to check.
    #[allow(clippy::cast_ptr_alignment)] // checked below
    pub fn new(segment: Segment, message_bytes: usize) -> io::Result<Self> {
        let start = HEAD_OFFSET + size_of::<Head>();
        let words = segment.at(start, segment_bytes(message_bytes) - start).cast::<AtomicU64>();
        if !(segment.at(0, 0) as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a cell starts on a cache line"));
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
        // SAFETY: `new` checked that so many words are mapped, 8-aligned since the segment starts on a line and the head
        // has 16 bytes; they are only ever used as atomics.
        unsafe { std::slice::from_raw_parts(self.words, self.message_bytes.div_ceil(WORD_BYTES)) }
    }

    #[inline]
    fn readers(&self) -> &Crowd {
        self.segment.view(READERS_OFFSET)
    }
}
