//! One slot in shared memory; payload written and read in place. The sender of the next message waits for the reader of
//! the last. Cost: two line hand-overs for a small message, of which one is waited for. Source: see [`crate::ring::mailbox`].

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::ring;
use crate::record::Anatomy;
use crate::ring::layout::Layout;
use crate::ring::mailbox::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::transport::Shape;
use crate::wait::{Parker, WaitStrategy};

/// The transport, by wait strategy.
pub type ShmMailbox<W> = Shared<Mailbox<W>>;

/// The queue.
pub struct Mailbox<W>(PhantomData<W>);

type Slots = SegmentSlots<Parker, Parker>;

fn layout(shape: &Shape) -> Layout {
    Layout::new(1, shape.message_bytes)
}

impl<W: WaitStrategy<Parker>> Queue for Mailbox<W> {
    const SUMMARY: &'static str = "one slot in shared memory";
    type Wait = W;
    type Producer = Producer<Slots, W>;
    type Consumer = Consumer<Slots, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 1 {
            return Err(format!("a mailbox holds one message, not {}", shape.depth));
        }
        ring::supports(shape)
    }

    fn depth(_: &Shape) -> Option<u32> {
        Some(1)
    }

    fn segment_bytes(shape: &Shape) -> usize {
        layout(shape).segment_bytes()
    }

    fn producer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(Producer::new(Slots::new(attachment.segment, layout(shape), 0)?, attachment.wait))
    }

    fn consumer(attachment: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        Ok(Consumer::new(Slots::new(attachment.segment, layout(shape), 0)?, attachment.wait))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        // Two lines change hands, but emptying the slot overlaps with the answer, or with filling the next message.
        ring::anatomy::<W>(shape, 1.0)
    }
}
