//! Queues and cells in memory that both endpoints map. [`queue`] turns each into a transport; this file has the limits,
//! default depth and cost model of those with slots.

pub(super) mod bytes;
pub(super) mod loan;
pub(super) mod posix;
mod queue;
pub(super) mod seqlock;
pub(super) mod slots;

use super::Shape;
use crate::record::{CostModel, Counts, Substrate, Wait};
use crate::ring::layout::Layout;
use crate::wait::Strategy;

/// Substrates of a queue's segment; the first is the default.
pub(super) const SUBSTRATES: &[Substrate] = &[
    Substrate::Memfd,
    Substrate::PosixShm,
    Substrate::TmpfsFile,
    Substrate::SysvShm,
    Substrate::MemfdHugetlb,
    Substrate::MemfdThp,
];

/// Substrates of a queue that also passes descriptors, so its segment must be inherited too.
const INHERITED_SUBSTRATES: &[Substrate] =
    &[Substrate::Memfd, Substrate::TmpfsFile, Substrate::MemfdHugetlb, Substrate::MemfdThp];

/// Maximum size of a message in a slot.
const MAX_MESSAGE_BYTES: usize = 1 << 30;
/// Maximum size of a ring. A round trip has two, which must fit into an ordinary machine's memory.
const MAX_SEGMENT_BYTES: u64 = 2 << 30;
/// Default size of a ring; it fits into the level-2 caches of both cores.
const DEFAULT_RING_BYTES: usize = 256 * 1024;
/// Limits of the default depth.
const DEFAULT_DEPTHS: std::ops::RangeInclusive<u32> = 4..=1024;

fn supports(shape: &Shape) -> Result<(), String> {
    if shape.message_bytes > MAX_MESSAGE_BYTES {
        return Err(format!("a slot holds at most {MAX_MESSAGE_BYTES} bytes, not {}", shape.message_bytes));
    }
    if shape.depth > Layout::MAX_DEPTH {
        return Err(format!("a ring has at most {} slots, not {}", Layout::MAX_DEPTH, shape.depth));
    }
    let segment_bytes = u64::from(shape.depth.max(4)) * (shape.message_bytes as u64 + 64);
    if segment_bytes > MAX_SEGMENT_BYTES {
        return Err(format!("a ring of {segment_bytes} bytes exceeds the limit of {MAX_SEGMENT_BYTES}"));
    }
    if shape.depth > 0 && !shape.depth.is_power_of_two() {
        let near = shape.depth.next_power_of_two();
        return Err(format!("a ring's depth is a power of two: {} or {near}, not {}", near / 2, shape.depth));
    }
    Ok(())
}

/// Slots of the ring for a supported shape.
fn depth(shape: &Shape) -> u32 {
    if shape.depth > 0 {
        return shape.depth;
    }
    let fitting = (DEFAULT_RING_BYTES / Layout::new(1, shape.message_bytes).stride).max(1) as u32;
    (1 << fitting.ilog2()).clamp(*DEFAULT_DEPTHS.start(), *DEFAULT_DEPTHS.end())
}

/// Layout of the ring for a supported shape.
fn layout(shape: &Shape) -> Layout {
    Layout::new(depth(shape), shape.message_bytes)
}

/// Line transfers per message in a slot of `layout`. In a stream, small messages share a line and its transfer. In a
/// closed loop the receiver waits for the line of the slot's word, which overlaps with the fetch of a second line.
fn transfers(shape: &Shape, layout: &Layout) -> f64 {
    if shape.closed_loop() { 1.0 } else { (layout.stride as f64 / 64.0).min(1.0) }
}

/// Size up to which the instructions of a ring take longer than those of the payload.
const SMALL_BYTES: usize = 256;

/// Reason of small messages in a stream.
const OWN_WORK: &str =
    "the instructions of the ring for each message have no price, and take longer than a small payload";

/// Line transfers per message that the receiver waits for in a ring without atomic claims: none in a stream, where the
/// transfers of several messages overlap and all bytes move in bulk.
fn waited(shape: &Shape) -> f64 {
    if shape.closed_loop() { 1.0 } else { 0.0 }
}

/// Fetch of a line that nobody polls, as a share of the transfer of a polled one: there the writer first takes the line back
/// from its poller.
const FETCH: f64 = 0.5;

/// Transfers of the line on which several `endpoints` of one kind claim positions.
fn contended(endpoints: u32) -> f64 {
    if endpoints > 1 { 1.0 } else { 0.0 }
}

/// Cost model with `transfers` of the line of the slot's word; payload beyond the first line moves in bulk. A receiver
/// that sleeps costs a wake, a context switch and system calls of both endpoints: one each for a futex; a write, a poll
/// and a read for an eventfd. A hybrid wait sleeps only if it outlasts its polls, which does not happen in a closed
/// loop between two CPUs.
fn cost_model<W: Strategy>(shape: &Shape, transfers: f64) -> CostModel {
    let (sleeps, sleeper_calls) = match W::WAIT {
        Wait::Park | Wait::Block if shape.closed_loop() => (1.0, 1.0),
        Wait::Eventfd if shape.closed_loop() => (1.0, 2.0),
        _ => (0.0, 0.0),
    };
    let in_bulk = if shape.message_bytes > 64 || transfers == 0.0 { shape.message_bytes as f64 } else { 0.0 };
    CostModel {
        sender: Counts { system_calls: sleeps, ..Counts::default() },
        receiver: Counts {
            system_calls: sleeper_calls,
            line_transfers: transfers,
            moved_bytes: in_bulk,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
        unexplained: match W::WAIT {
            Wait::Park | Wait::Block | Wait::Eventfd => Some(shape.sleepers_reason().into()),
            _ if !shape.closed_loop() && shape.message_bytes <= SMALL_BYTES => Some(OWN_WORK.into()),
            _ => None,
        },
    }
}
