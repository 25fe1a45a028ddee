//! What every queue in shared memory shares: its limits, its attach and its anatomy. Not a mechanism.

use std::io;

use crate::address::{Address, End};
use crate::record::{Anatomy, Counts, Wait};
use crate::ring::layout::Layout;
use crate::ring::slots::SegmentSlots;
use crate::shm::Segment;
use crate::transport::Shape;
use crate::wait::WaitStrategy;

/// Largest message a slot's word can describe.
const MAX_MESSAGE_BYTES: usize = 1 << 30;
/// Largest ring: a round trip has two, and both must fit the memory of an ordinary machine.
const MAX_SEGMENT_BYTES: u64 = 2 << 30;

pub(super) fn supports(shape: &Shape) -> Result<(), String> {
    if shape.message_bytes > MAX_MESSAGE_BYTES {
        return Err(format!("a slot holds at most {MAX_MESSAGE_BYTES} bytes, not {}", shape.message_bytes));
    }
    if shape.depth > Layout::MAX_DEPTH {
        return Err(format!("a ring has at most {} slots, not {}", Layout::MAX_DEPTH, shape.depth));
    }
    let segment_bytes = u64::from(shape.depth.max(4)) * (shape.message_bytes as u64 + 64);
    if segment_bytes > MAX_SEGMENT_BYTES {
        return Err(format!("a ring of {segment_bytes} bytes exceeds the {MAX_SEGMENT_BYTES} it may have"));
    }
    if shape.depth > 0 && !shape.depth.is_power_of_two() {
        let near = shape.depth.next_power_of_two();
        return Err(format!("a ring's depth is a power of two: {} or {near}, not {}", near / 2, shape.depth));
    }
    Ok(())
}

pub(super) fn attach(address: &Address, end: End, layout: Layout, shape: &Shape) -> io::Result<SegmentSlots> {
    let segment = Segment::attach(address, end, layout.segment_bytes())?;
    SegmentSlots::new(segment.settled(shape.substrate, shape.prefault)?, layout)
}

/// `hand_overs` for the line with the word; the payload beyond it comes in bulk. A parked reader costs a futex call on
/// each side, a wake and a switch; so does a hybrid one only when the wait outlasts its polls, which a closed loop
/// between two CPUs does not.
pub(super) fn anatomy<W: WaitStrategy>(shape: &Shape, hand_overs: f64) -> Anatomy {
    let sleeps = if W::WAIT == Wait::Park && shape.closed_loop() { 1.0 } else { 0.0 };
    let beyond_first_line = if shape.message_bytes > 64 { shape.message_bytes as f64 } else { 0.0 };
    Anatomy {
        sender: Counts { system_calls: sleeps, ..Counts::default() },
        receiver: Counts {
            system_calls: sleeps,
            line_hand_overs: hand_overs,
            moved_bytes: beyond_first_line,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
    }
}
