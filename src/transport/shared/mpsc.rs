//! Ring of fixed slots in shared memory, any number of producers, one consumer; payload written and read in place.
//! Cost: what [`super::spsc`] costs, and with several producers a hand-over of the line on which they claim positions.
//! Source: see [`crate::ring::mpsc`], also for what a producer's death does to it.

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::mpsc::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::transport::{Shape, Topology};
use crate::wait::{EventCount, Parker, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmMpsc<W> = Shared<Mpsc<W>>;

/// The queue.
pub struct Mpsc<W>(PhantomData<W>);

type Slots = SegmentSlots<Parker, EventCount>;

impl<W: WaitStrategy<Parker> + WaitStrategy<EventCount>> Queue for Mpsc<W> {
    const SUMMARY: &'static str = "ring of fixed slots in shared memory, many producers, one consumer";
    const TOPOLOGY: Topology = Topology::ManyToOne;
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
        anatomy
    }
}
