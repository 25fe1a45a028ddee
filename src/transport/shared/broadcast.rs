//! Ring of fixed slots in shared memory, one producer; each consumer has a position of its own and gets every message, and
//! the producer waits for the slowest. Payload is written and read in place. Cost: one line hand-over a consumer for a
//! small message. Source: the ring of [`crate::ring::spsc`]; one position a consumer as in the LMAX Disruptor, 2011.

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::layout::Layout;
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc::{Consumer, Producer};
use crate::transport::{Shape, Topology};
use crate::wait::{EventCount, Parker, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmBroadcast<W> = Shared<Broadcast<W>>;

/// The queue.
pub struct Broadcast<W>(PhantomData<W>);

type Slots = SegmentSlots<EventCount, Parker>;

fn layout(shape: &Shape) -> Layout {
    Layout::with_cursors(ring::depth(shape), shape.message_bytes, shape.consumers.max(1))
}

impl<W: WaitStrategy<EventCount> + WaitStrategy<Parker>> Queue for Broadcast<W> {
    const SUMMARY: &'static str = "ring of fixed slots in shared memory, each consumer gets every message";
    const TOPOLOGY: Topology = Topology::Broadcast;
    type Wait = W;
    type Producer = Producer<Slots, W>;
    type Consumer = Consumer<Slots, W>;

    fn segment_bytes(shape: &Shape) -> usize {
        layout(shape).segment_bytes()
    }

    fn producer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(Producer::new(Slots::new(attachment.segment, layout(shape), 0)?, attachment.wait))
    }

    fn consumer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        Ok(Consumer::new(Slots::new(attachment.segment, layout(shape), attachment.index)?, attachment.wait))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        ring::anatomy::<W>(shape, ring::hand_overs(shape, &layout(shape)))
    }
}
