//! Ring of fixed slots in shared memory, any number of producers and consumers; each message goes to one consumer, and
//! payload is written and read in place. Cost: one line hand-over for a small message, and on a side of several a hand-over
//! of the line on which they claim positions. Source: see [`crate::ring::mpmc`], also for what a death does to it.

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::mpmc::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::transport::{Shape, Topology};
use crate::wait::{EventCount, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmMpmc<W> = Shared<Mpmc<W>>;

/// The queue.
pub struct Mpmc<W>(PhantomData<W>);

type Slots = SegmentSlots<EventCount, EventCount>;

impl<W: WaitStrategy<EventCount>> Queue for Mpmc<W> {
    const SUMMARY: &'static str = "ring of fixed slots in shared memory, many producers, many consumers";
    const TOPOLOGY: Topology = Topology::ManyToMany;
    type Wait = W;
    type Producer = Producer<Slots, W>;
    type Consumer = Consumer<Slots, W>;

    fn producer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(Producer::new(Slots::new(attachment.segment, ring::layout(shape), 0)?, attachment.wait))
    }

    fn consumer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        Ok(Consumer::new(Slots::new(attachment.segment, ring::layout(shape), 0)?, attachment.wait))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let mut anatomy = ring::anatomy::<W>(shape, ring::hand_overs(shape, &ring::layout(shape)));
        anatomy.sender.line_hand_overs += ring::contended(shape.producers);
        anatomy.receiver.line_hand_overs += ring::contended(shape.consumers);
        anatomy
    }
}
