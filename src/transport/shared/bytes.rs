//! Ring of bytes in shared memory, one producer, one consumer: messages of any length behind their lengths, written and
//! read in place. Cost: one line hand-over for a small message, or less when several share a line.
//! Source: see [`crate::ring::bytes`].

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::byte_room::{SegmentBytes, segment_bytes};
use crate::ring::bytes::{Consumer, Producer, message_bytes_max, record_bytes};
use crate::transport::Shape;
use crate::wait::{Parker, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmBytes<W> = Shared<Bytes<W>>;

/// The queue.
pub struct Bytes<W>(PhantomData<W>);

/// Largest ring. A message is at most a quarter of it.
const MAX_CAPACITY_BYTES: u64 = 1 << 30;

/// Bytes of the ring: as many as a ring of slots would take by default, or as the plan's depth in messages of this size
/// needs; and room enough for the largest message.
fn capacity(shape: &Shape) -> u64 {
    let record = record_bytes(shape.message_bytes);
    let wanted = if shape.depth > 0 { u64::from(shape.depth) * record } else { ring::DEFAULT_RING_BYTES as u64 };
    wanted.max(4 * record).max(64).next_power_of_two()
}

impl<W: WaitStrategy<Parker>> Queue for Bytes<W> {
    const SUMMARY: &'static str =
        "ring of bytes in shared memory, messages behind their lengths, one producer, one consumer";
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
            return Err(format!("{depth} messages of {bytes} bytes exceed the {MAX_CAPACITY_BYTES} bytes of a ring"));
        }
        Ok(())
    }

    /// It counts bytes, not messages.
    fn depth(_: &Shape) -> Option<u32> {
        None
    }

    fn segment_bytes(shape: &Shape) -> usize {
        segment_bytes(capacity(shape))
    }

    fn producer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(Producer::new(SegmentBytes::new(attachment.segment, capacity(shape))?, attachment.wait))
    }

    fn consumer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        Ok(Consumer::new(SegmentBytes::new(attachment.segment, capacity(shape))?, attachment.wait))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let lines = record_bytes(shape.message_bytes) as f64 / 64.0;
        ring::anatomy::<W>(shape, if shape.closed_loop() { 1.0 } else { lines.min(1.0) })
    }
}
