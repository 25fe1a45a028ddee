//! Ring of bytes in shared memory for one producer and one consumer: each message follows its length, and is written
//! and read in place. Cost: one line transfer for a small message, or less if several share a line. Source: see
//! [`crate::ring::bytes`].

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::{DEFAULT_RING_BYTES, cost_model, waited};
use crate::record::CostModel;
use crate::ring::byte_room::{SegmentBytes, segment_bytes};
use crate::ring::bytes::{Consumer, Producer, message_bytes_max, record_bytes};
use crate::transport::Shape;
use crate::wait::{Parker, WaitStrategy};

/// Transport, by wait strategy and by whether the receiver's poll policy adapts.
pub type ShmBytes<W, const ADAPTIVE: bool = true> = Shared<Bytes<W, ADAPTIVE>>;

/// Ring of bytes.
pub struct Bytes<W, const ADAPTIVE: bool = true>(PhantomData<W>);

/// Maximum size of a ring. A message takes at most a quarter of it.
const MAX_CAPACITY_BYTES: u64 = 1 << 30;

/// Size of the ring: the default, or the size for the plan's depth; always enough for the largest message.
fn capacity(shape: &Shape) -> u64 {
    let record = record_bytes(shape.message_bytes);
    let wanted = if shape.depth > 0 { u64::from(shape.depth) * record } else { DEFAULT_RING_BYTES as u64 };
    wanted.max(4 * record).max(64).next_power_of_two()
}

impl<W: WaitStrategy<Parker>, const ADAPTIVE: bool> Queue for Bytes<W, ADAPTIVE> {
    const SUMMARY: &'static str = if ADAPTIVE {
        "ring of bytes in shared memory, each message after its length, one producer, one consumer"
    } else {
        "ring of bytes in shared memory, each message after its length, one producer, one consumer; polls without adapting"
    };
    type Wait = W;
    type Producer = Producer<SegmentBytes, W>;
    type Consumer = Consumer<SegmentBytes, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        let largest = message_bytes_max(MAX_CAPACITY_BYTES);
        if shape.message_bytes as u64 > largest {
            return Err(format!(
                "a ring of bytes carries messages of up to {largest} bytes, not {}",
                shape.message_bytes
            ));
        }
        if capacity(shape) > MAX_CAPACITY_BYTES {
            let (depth, bytes) = (shape.depth, shape.message_bytes);
            return Err(format!(
                "{depth} messages of {bytes} bytes exceed the {MAX_CAPACITY_BYTES} bytes that a ring may have"
            ));
        }
        Ok(())
    }

    /// None, since the size is fixed in bytes, not in messages.
    fn depth(_: &Shape) -> Option<u32> {
        None
    }

    fn segment_bytes(shape: &Shape) -> usize {
        segment_bytes(capacity(shape))
    }

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(Producer::new(SegmentBytes::new(at.segment, capacity(shape))?, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let consumer = Consumer::new(SegmentBytes::new(at.segment, capacity(shape))?, at.wait);
        Ok(if ADAPTIVE { consumer } else { consumer.with_fixed_poll() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model::<W>(shape, waited(shape))
    }
}
