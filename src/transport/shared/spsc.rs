//! Ring of fixed slots in shared memory, one producer, one consumer; payload written and read in place.
//! Cost: one line hand-over for a small message, or less when several share a line; no system call unless a side sleeps.
//! Source: see [`crate::ring::spsc`].

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc::{Consumer, Producer};
use crate::transport::Shape;
use crate::wait::{Parker, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmSpsc<W> = Shared<Spsc<W>>;

/// The queue.
pub struct Spsc<W>(PhantomData<W>);

type Slots = SegmentSlots<Parker, Parker>;

impl<W: WaitStrategy<Parker>> Queue for Spsc<W> {
    const SUMMARY: &'static str = "ring of fixed slots in shared memory, one producer, one consumer";
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
        ring::anatomy::<W>(shape, ring::hand_overs(shape, &ring::layout(shape)))
    }
}
