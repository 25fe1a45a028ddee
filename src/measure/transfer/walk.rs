//! Buffers of message transfers.
#![allow(unsafe_code)]

use super::super::MeasureError;
use super::PRODUCER;
use crate::payload::{Known, stamp};
use crate::shm::Segment;

/// Offset of the buffers in an arena's segment.
const DATA: usize = 4096;
const LINE: usize = 64;
/// Batch size for small messages.
const BATCH_BYTES: usize = 4096;
/// Largest piece of a streamed message.
const PIECE_BYTES: usize = 16 * 1024;

/// Size and number of a transfer's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Size of one message.
    pub message_bytes: usize,
    /// Messages per round, a power of two.
    pub slots: usize,
}

impl Walk {
    /// Creates a walk with as many slots as fit in `footprint_bytes`: at least four, or two for messages from 16 MiB
    /// on.
    pub fn within(footprint_bytes: usize, message_bytes: usize) -> Self {
        let least = if message_bytes >= 16 << 20 { 2 } else { 4 };
        let slots = (footprint_bytes / stride(message_bytes)).max(least);
        Self { message_bytes, slots: if slots.is_power_of_two() { slots } else { slots.next_power_of_two() / 2 } }
    }

    /// Limits the walk to `slots` slots, a power of two.
    #[must_use]
    pub fn of_at_most(self, slots: usize) -> Self {
        Self { slots: self.slots.min(slots), ..self }
    }

    /// Splits large messages into pieces over the same footprint. A stream of pieces does the same work and overlaps
    /// more of it, so it bounds a stream of whole messages, and a hundred pieces take little time.
    #[must_use]
    pub fn in_pieces(self) -> Self {
        if self.message_bytes <= PIECE_BYTES { self } else { Self::within(self.footprint_bytes(), PIECE_BYTES) }
    }

    /// Bytes accessed by the walk.
    pub fn footprint_bytes(&self) -> usize {
        self.slots * stride(self.message_bytes)
    }

    /// Size of a segment that holds the walk.
    pub fn segment_bytes(&self) -> usize {
        DATA + self.footprint_bytes()
    }

    /// Distance of two messages.
    pub(super) fn stride(&self) -> usize {
        stride(self.message_bytes)
    }

    /// Messages per batch, a power of two: small messages are handed over in batches, as in an ideal queue.
    pub(super) fn batch(&self) -> u64 {
        let fitting = (BATCH_BYTES / stride(self.message_bytes)).clamp(1, (self.slots / 4).max(1));
        1 << fitting.ilog2()
    }
}

/// Distance of two messages. Small ones are adjacent; those of at least a line are aligned to lines.
fn stride(message_bytes: usize) -> usize {
    message_bytes.max(1).next_multiple_of(if message_bytes < LINE { 8 } else { LINE })
}

/// Buffers of one walk, with bounds checked before the timed loop.
pub(super) struct Buffers {
    base: *mut u8,
    stride: usize,
    mask: u64,
    message_bytes: usize,
}

impl Buffers {
    /// Maps the buffers of `walk` in `segment`. Panics if they do not fit.
    pub(super) fn new(segment: &Segment, walk: Walk) -> Self {
        assert!(walk.slots.is_power_of_two(), "a walk's slots are a power of two");
        Self {
            base: segment.at(DATA, walk.footprint_bytes()),
            stride: stride(walk.message_bytes),
            mask: walk.slots as u64 - 1,
            message_bytes: walk.message_bytes,
        }
    }

    /// Writes message `i`, with the work of a stream's sender.
    #[inline]
    pub(super) fn fill(&self, i: u64) {
        self.known(i).fill(self.slot(i));
    }

    /// Reads every byte of message `i` and checks it, with the work of a stream's receiver.
    #[inline]
    pub(super) fn verify(&self, i: u64) -> Result<(), MeasureError> {
        self.known(i).check(self.slot(i)).map_err(|why| MeasureError::Invalid(format!("the floor's own {why}")))
    }

    #[inline]
    fn known(&self, i: u64) -> Known {
        Known::new(self.message_bytes, stamp(PRODUCER, i))
    }

    /// Copies the message in slot `from` to slot `to`, which must differ.
    #[inline]
    pub(super) fn copy(&self, from: u64, to: u64) {
        assert_ne!(from & self.mask, to & self.mask, "a copy needs two slots");
        let source = &*self.slot(from);
        self.slot(to).copy_from_slice(source);
    }

    #[inline]
    #[allow(clippy::mut_from_ref)] // the other process holds the same bytes; the loops decide which side may touch them
    fn slot(&self, i: u64) -> &mut [u8] {
        let slot = (i & self.mask) as usize;
        // SAFETY: slot < slots, so the range lies within what `new` took from the segment. In every loop of the arena a
        // slot belongs to one side at a time: to the writer until its Release store of the count, to the reader from the
        // matching Acquire load until it gives the slot back; `copy` holds two distinct ones.
        unsafe { std::slice::from_raw_parts_mut(self.base.add(slot * self.stride), self.message_bytes) }
    }
}
