//! Layout of a ring's segment: a header, then slots packed one after another.
//!
//! Packing is faster than one slot per cache line: four 8-byte messages with their words move in one line transfer. At
//! 64 bytes a 72-byte stride moved a message in 16 ns; an 80-byte stride (16-byte rounding) took 23 ns and one line per
//! slot 23-26 ns, with both sides accessing every byte on two distant CPUs. From 4 KiB on, a payload starts on a
//! separate line, with its word at the end of the previous line.

/// Payloads of this size and more start on their own cache line.
const ALIGNED_FROM_BYTES: usize = 4096;
const LINE: usize = 64;
const WORD: usize = 8;

/// Distance between words written by different processes: two lines, since processors fetch lines in pairs.
const ZONE: usize = 128;

/// Offsets within the segment; every process computes the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Number of slots.
    pub depth: u32,
    /// Payload capacity of one slot.
    pub message_bytes: usize,
    /// Distance between the starts of two slots.
    pub stride: usize,
    /// Offset of the payload within its slot; the word directly precedes it.
    pub payload_offset: usize,
    /// Number of consumer positions, each in a separate zone.
    pub cursors: u32,
}

impl Layout {
    /// Offset of the producers' parker or event count.
    pub const WRITERS_OFFSET: usize = ZONE;
    /// Offset of the consumers' parker or event count.
    pub const READERS_OFFSET: usize = 2 * ZONE;
    /// Offset of the next position to claim, in rings with several producers.
    pub const CLAIMED_OFFSET: usize = 3 * ZONE;
    /// Header size with one consumer position. The first position is at offset 0, others follow the header.
    const HEADER_BYTES: usize = 4 * ZONE;

    /// Largest number of slots: with 32-bit positions, the word of one lap is then never mistaken for that of another.
    pub const MAX_DEPTH: u32 = 1 << 30;

    /// A ring of `depth` slots, a power of two, for messages of up to `message_bytes`.
    pub fn new(depth: u32, message_bytes: usize) -> Self {
        Self::with_cursors(depth, message_bytes, 1)
    }

    /// Layout with one position for each of `cursors` consumers, at least one.
    pub fn with_cursors(depth: u32, message_bytes: usize, cursors: u32) -> Self {
        assert!(cursors > 0, "a ring has at least one consumer");
        assert!(depth.is_power_of_two() && depth <= Self::MAX_DEPTH, "depth {depth} is not a power of two up to 2^30");
        let (payload_offset, unit) = if message_bytes >= ALIGNED_FROM_BYTES { (LINE, LINE) } else { (WORD, WORD) };
        let stride = (payload_offset + message_bytes).next_multiple_of(unit);
        Self { depth, message_bytes, stride, payload_offset, cursors }
    }

    /// Size of the segment.
    pub fn segment_bytes(&self) -> usize {
        self.header_bytes() + self.stride * self.depth as usize
    }

    /// Offset of the position of consumer `index`.
    pub fn cursor_offset(&self, index: u32) -> usize {
        assert!(index < self.cursors, "consumer {index} is out of range: the ring has {} consumers", self.cursors);
        if index == 0 { 0 } else { Self::HEADER_BYTES + (index as usize - 1) * ZONE }
    }

    fn header_bytes(&self) -> usize {
        Self::HEADER_BYTES + (self.cursors as usize - 1) * ZONE
    }

    /// Offset of the word of `slot`.
    pub fn sequence_offset(&self, slot: u32) -> usize {
        self.payload_start(slot) - WORD
    }

    /// Offset of the payload of `slot`.
    pub fn payload_start(&self, slot: u32) -> usize {
        self.header_bytes() + slot as usize * self.stride + self.payload_offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_pack_and_large_ones_start_on_a_line() {
        assert_eq!(Layout::new(4, 8).stride, 16);
        assert_eq!(Layout::new(4, 64).stride, 72);
        assert_eq!(Layout::new(4, 13).stride, 24);
        let large = Layout::new(4, 4096);
        for slot in 0..4 {
            assert_eq!(large.payload_start(slot) % LINE, 0);
            assert_eq!(large.sequence_offset(slot) + WORD, large.payload_start(slot));
        }
    }

    #[test]
    fn slots_lie_one_after_another_within_the_segment() {
        for bytes in [0, 1, 8, 100, 4096, 5000] {
            let layout = Layout::new(8, bytes);
            for slot in 1..8 {
                assert!(layout.sequence_offset(slot) >= layout.payload_start(slot - 1) + bytes);
            }
            assert!(layout.payload_start(7) + bytes <= layout.segment_bytes());
            assert_eq!(layout.sequence_offset(3) % WORD, 0);
        }
    }
    #[test]
    fn every_consumer_has_a_separate_zone_before_the_slots() {
        let layout = Layout::with_cursors(2, 8, 3);
        let mut taken = vec![Layout::WRITERS_OFFSET, Layout::READERS_OFFSET, Layout::CLAIMED_OFFSET];
        taken.extend((0..3).map(|index| layout.cursor_offset(index)));
        taken.push(layout.sequence_offset(0));
        taken.sort_unstable();
        assert!(taken.windows(2).all(|pair| pair[1] - pair[0] >= ZONE), "{taken:?}");
    }
}
