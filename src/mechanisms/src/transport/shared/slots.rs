//! Slots in shared memory: a mailbox of one slot, and rings of fixed slots, by number of producers and consumers.
//! Payload is written and read in place, without a system call unless an endpoint sleeps.

use std::io;
use std::marker::PhantomData;

use super::queue::{Attachment, Queue, Shared};
use super::{contended, cost_model, depth, layout, transfers, waited};
use crate::record::CostModel;
use crate::ring::layout::Layout;
use crate::ring::slots::SegmentSlots;
use crate::ring::{mailbox, mpmc, mpsc, spsc};
use crate::transport::{Shape, Topology};
use crate::wait::{EventCount, Parker, WaitStrategy};

/// Transport over [`Mailbox`], by wait strategy.
pub type ShmMailbox<W> = Shared<Mailbox<W>>;
/// Transport over [`Spsc`], by wait strategy and by whether the receiver's poll policy adapts.
pub type ShmSpsc<W, const ADAPTIVE: bool = true> = Shared<Spsc<W, ADAPTIVE>>;
/// Transport over [`Mpsc`], by wait strategy and by whether the receiver's poll policy adapts.
pub type ShmMpsc<W, const ADAPTIVE: bool = true> = Shared<Mpsc<W, ADAPTIVE>>;
/// Transport over [`Mpmc`], by wait strategy and by whether the receiver's poll policy adapts.
pub type ShmMpmc<W, const ADAPTIVE: bool = true> = Shared<Mpmc<W, ADAPTIVE>>;
/// Transport over [`Broadcast`], by wait strategy and by whether the receiver's poll policy adapts.
pub type ShmBroadcast<W, const ADAPTIVE: bool = true> = Shared<Broadcast<W, ADAPTIVE>>;

/// Reason of streams.
const IN_TURNS: &str =
    "with one slot the endpoints take turns; the price is that of endpoints that work at the same time";

/// One slot; a sender waits until the receiver has read the previous message.
/// Cost: two line transfers for a small message, of which an endpoint waits for one. Source: see [`mailbox`].
pub struct Mailbox<W>(PhantomData<W>);

impl<W: WaitStrategy<Parker>> Queue for Mailbox<W> {
    const SUMMARY: &'static str = "one slot in shared memory";
    type Wait = W;
    type Producer = mailbox::Producer<SegmentSlots<Parker, Parker>, W>;
    type Consumer = mailbox::Consumer<SegmentSlots<Parker, Parker>, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 1 {
            return Err(format!("a mailbox holds one message, not {}", shape.depth));
        }
        super::supports(shape)
    }

    fn depth(_: &Shape) -> Option<u32> {
        Some(1)
    }

    fn segment_bytes(shape: &Shape) -> usize {
        Layout::new(1, shape.message_bytes).segment_bytes()
    }

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        let slots = SegmentSlots::new(at.segment, Layout::new(1, shape.message_bytes), 0)?;
        Ok(mailbox::Producer::new(slots, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let slots = SegmentSlots::new(at.segment, Layout::new(1, shape.message_bytes), 0)?;
        Ok(mailbox::Consumer::new(slots, at.wait))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        // There are two transfers, but emptying the slot overlaps with the response or with filling the next message.
        let mut cost_model = cost_model::<W>(shape, 1.0);
        if !shape.closed_loop() {
            cost_model.unexplained.get_or_insert_with(|| IN_TURNS.into());
        }
        cost_model
    }
}

/// Ring with one producer and one consumer.
/// Cost: one line transfer for a small message, or less if several share a line. Source: see [`spsc`].
pub struct Spsc<W, const ADAPTIVE: bool = true>(PhantomData<W>);

impl<W: WaitStrategy<Parker>, const ADAPTIVE: bool> Queue for Spsc<W, ADAPTIVE> {
    const SUMMARY: &'static str = if ADAPTIVE {
        "ring of fixed slots in shared memory, one producer, one consumer"
    } else {
        "ring of fixed slots in shared memory, one producer, one consumer; polls without adapting"
    };
    type Wait = W;
    type Producer = spsc::Producer<SegmentSlots<Parker, Parker>, W>;
    type Consumer = spsc::Consumer<SegmentSlots<Parker, Parker>, W>;

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(spsc::Producer::new(SegmentSlots::new(at.segment, layout(shape), 0)?, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let consumer = spsc::Consumer::new(SegmentSlots::new(at.segment, layout(shape), 0)?, at.wait);
        Ok(if ADAPTIVE { consumer } else { consumer.with_fixed_poll() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model::<W>(shape, waited(shape))
    }
}

/// Ring with any number of producers and one consumer.
/// Cost: as [`Spsc`]; with several producers also a transfer of the line on which they claim positions.
/// Source, and the effect of a producer's death: see [`mpsc`].
pub struct Mpsc<W, const ADAPTIVE: bool = true>(PhantomData<W>);

impl<W: WaitStrategy<Parker> + WaitStrategy<EventCount>, const ADAPTIVE: bool> Queue for Mpsc<W, ADAPTIVE> {
    const SUMMARY: &'static str = if ADAPTIVE {
        "ring of fixed slots in shared memory, many producers, one consumer"
    } else {
        "ring of fixed slots in shared memory, many producers, one consumer; polls without adapting"
    };
    const TOPOLOGY: Topology = Topology::ManyToOne;
    type Wait = W;
    type Producer = mpsc::Producer<SegmentSlots<Parker, EventCount>, W>;
    type Consumer = mpsc::Consumer<SegmentSlots<Parker, EventCount>, W>;

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(mpsc::Producer::new(SegmentSlots::new(at.segment, layout(shape), 0)?, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let consumer = mpsc::Consumer::new(SegmentSlots::new(at.segment, layout(shape), 0)?, at.wait);
        Ok(if ADAPTIVE { consumer } else { consumer.with_fixed_poll() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let mut cost_model = cost_model::<W>(shape, transfers(shape, &layout(shape)));
        cost_model.sender.line_transfers += contended(shape.producers);
        cost_model.sender.atomics += 1.0;
        cost_model
    }
}

/// Reason of small messages.
const CLAIMS: &str = "the atomic instruction of a claim waits until the stores before it have reached the cache; its price is \
                      without that wait";

/// Ring with any number of producers and consumers; each message goes to one consumer.
/// Cost: as [`Spsc`]; with several producers or consumers also a transfer of the line on which they claim positions.
/// Source, and the effect of a death: see [`mpmc`].
pub struct Mpmc<W, const ADAPTIVE: bool = true>(PhantomData<W>);

impl<W: WaitStrategy<EventCount>, const ADAPTIVE: bool> Queue for Mpmc<W, ADAPTIVE> {
    const SUMMARY: &'static str = if ADAPTIVE {
        "ring of fixed slots in shared memory, many producers, many consumers"
    } else {
        "ring of fixed slots in shared memory, many producers, many consumers; polls without adapting"
    };
    const TOPOLOGY: Topology = Topology::ManyToMany;
    type Wait = W;
    type Producer = mpmc::Producer<SegmentSlots<EventCount, EventCount>, W>;
    type Consumer = mpmc::Consumer<SegmentSlots<EventCount, EventCount>, W>;

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(mpmc::Producer::new(SegmentSlots::new(at.segment, layout(shape), 0)?, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let consumer = mpmc::Consumer::new(SegmentSlots::new(at.segment, layout(shape), 0)?, at.wait);
        Ok(if ADAPTIVE { consumer } else { consumer.with_fixed_poll() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let mut cost_model = cost_model::<W>(shape, transfers(shape, &layout(shape)));
        cost_model.sender.line_transfers += contended(shape.producers);
        cost_model.receiver.line_transfers += contended(shape.consumers);
        cost_model.sender.atomics += 1.0;
        cost_model.receiver.atomics += 1.0;
        cost_model.unexplained.get_or_insert_with(|| CLAIMS.into());
        cost_model
    }
}

/// Ring with one producer; each consumer has its own position and gets every message. The producer waits for the
/// slowest consumer. Cost: one line transfer per consumer for a small message.
/// Source: the ring of [`spsc`]; one position per consumer as in the LMAX Disruptor, 2011.
pub struct Broadcast<W, const ADAPTIVE: bool = true>(PhantomData<W>);

fn broadcast_layout(shape: &Shape) -> Layout {
    Layout::with_cursors(depth(shape), shape.message_bytes, shape.consumers.max(1))
}

impl<W: WaitStrategy<EventCount> + WaitStrategy<Parker>, const ADAPTIVE: bool> Queue for Broadcast<W, ADAPTIVE> {
    const SUMMARY: &'static str = if ADAPTIVE {
        "ring of fixed slots in shared memory, each consumer gets every message"
    } else {
        "ring of fixed slots in shared memory, each consumer gets every message; polls without adapting"
    };
    const TOPOLOGY: Topology = Topology::Broadcast;
    type Wait = W;
    type Producer = spsc::Producer<SegmentSlots<EventCount, Parker>, W>;
    type Consumer = spsc::Consumer<SegmentSlots<EventCount, Parker>, W>;

    fn segment_bytes(shape: &Shape) -> usize {
        broadcast_layout(shape).segment_bytes()
    }

    fn producer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Producer> {
        Ok(spsc::Producer::new(SegmentSlots::new(at.segment, broadcast_layout(shape), 0)?, at.wait))
    }

    fn consumer(at: Attachment<W>, shape: &Shape) -> io::Result<Self::Consumer> {
        let consumer = spsc::Consumer::new(SegmentSlots::new(at.segment, broadcast_layout(shape), at.index)?, at.wait);
        Ok(if ADAPTIVE { consumer } else { consumer.with_fixed_poll() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model::<W>(shape, waited(shape))
    }
}
