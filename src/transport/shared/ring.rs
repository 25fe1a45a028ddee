//! What every queue of slots in shared memory shares: its limits, its default depth and its anatomy. Not a mechanism.

use crate::record::{Anatomy, Counts, Wait};
use crate::ring::layout::Layout;
use crate::transport::Shape;
use crate::wait::Strategy;

/// Largest message a slot's word can describe.
const MAX_MESSAGE_BYTES: usize = 1 << 30;
/// Largest ring: a round trip has two, and both must fit the memory of an ordinary machine.
pub(super) const MAX_SEGMENT_BYTES: u64 = 2 << 30;
/// Slots of a ring whose depth the plan leaves open: as many as fit this, which both cores' level-2 caches hold ...
pub(super) const DEFAULT_RING_BYTES: usize = 256 * 1024;
/// ... within these bounds.
const DEFAULT_DEPTHS: std::ops::RangeInclusive<u32> = 4..=1024;

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

/// Slots of the ring for a shape it supports.
pub(super) fn depth(shape: &Shape) -> u32 {
    if shape.depth > 0 {
        return shape.depth;
    }
    let fitting = (DEFAULT_RING_BYTES / Layout::new(1, shape.message_bytes).stride).max(1) as u32;
    (1 << fitting.ilog2()).clamp(*DEFAULT_DEPTHS.start(), *DEFAULT_DEPTHS.end())
}

/// The ring for a shape it supports.
pub(super) fn layout(shape: &Shape) -> Layout {
    Layout::new(depth(shape), shape.message_bytes)
}

/// Lines that change hands for a message in a slot of `layout`. In a stream several small messages share a line and one
/// hand-over. In a closed loop the line with the word is waited for; a second one comes along with it.
pub(super) fn hand_overs(shape: &Shape, layout: &Layout) -> f64 {
    if shape.closed_loop() { 1.0 } else { (layout.stride as f64 / 64.0).min(1.0) }
}

/// Hand-overs of the line that each side of a kind claims its positions on: one, unless the side is alone with it.
pub(super) fn contended(sides: u32) -> f64 {
    if sides > 1 { 1.0 } else { 0.0 }
}

/// `hand_overs` for the line with the word; the payload beyond it comes in bulk. A sleeping reader costs a wake and a
/// switch, and system calls on both sides: one each on a futex, or a poll and a read against a write on an eventfd. A
/// hybrid one pays that only when the wait outlasts its polls, which a closed loop between two CPUs does not.
pub(super) fn anatomy<W: Strategy>(shape: &Shape, hand_overs: f64) -> Anatomy {
    let (sleeps, sleeper_calls) = match W::WAIT {
        Wait::Park | Wait::Block if shape.closed_loop() => (1.0, 1.0),
        Wait::Eventfd if shape.closed_loop() => (1.0, 2.0),
        _ => (0.0, 0.0),
    };
    let beyond_first_line = if shape.message_bytes > 64 { shape.message_bytes as f64 } else { 0.0 };
    Anatomy {
        sender: Counts { system_calls: sleeps, ..Counts::default() },
        receiver: Counts {
            system_calls: sleeper_calls,
            line_hand_overs: hand_overs,
            moved_bytes: beyond_first_line,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
    }
}
