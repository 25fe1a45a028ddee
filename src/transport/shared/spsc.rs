//! Ring of fixed slots in shared memory, one producer, one consumer; payload written and read in place.
//! Cost: one line hand-over for a small message, or less when several share a line; no system call unless a side sleeps.
//! Source: see [`crate::ring::spsc`].

use std::io;

use super::{SUBSTRATES, ring};
use crate::address::{Address, End};
use crate::record::{Anatomy, Group, Isolation, Substrate, Wait};
use crate::ring::layout::Layout;
use crate::ring::slots::SegmentSlots;
use crate::ring::spsc::{Consumer, Producer};
use crate::shm;
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};
use crate::wait::WaitStrategy;

/// Slots of a ring whose depth the plan leaves open: as many as fit this, which both cores' level-2 caches hold ...
const DEFAULT_RING_BYTES: usize = 256 * 1024;
/// ... within these bounds.
const DEFAULT_DEPTHS: std::ops::RangeInclusive<u32> = 4..=1024;

/// The transport, by wait strategy.
pub struct ShmSpsc<W>(std::marker::PhantomData<W>);

fn layout(shape: &Shape) -> Layout {
    let depth = if shape.depth > 0 {
        shape.depth
    } else {
        let fitting = (DEFAULT_RING_BYTES / Layout::new(1, shape.message_bytes).stride).max(1) as u32;
        (1 << fitting.ilog2()).clamp(*DEFAULT_DEPTHS.start(), *DEFAULT_DEPTHS.end())
    };
    Layout::new(depth, shape.message_bytes)
}

impl<W: WaitStrategy> Transport for ShmSpsc<W> {
    const SUMMARY: &'static str = "ring of fixed slots in shared memory, one producer, one consumer";
    const GROUP: Group = Group::SharedMemory;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    const SUBSTRATES: &'static [Substrate] = SUBSTRATES;
    type Sender = Producer<SegmentSlots, W>;
    type Receiver = Consumer<SegmentSlots, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        ring::supports(shape)
    }

    fn depth(shape: &Shape) -> Option<u32> {
        Some(layout(shape).depth)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        shm::create(shape.substrate, layout(shape).segment_bytes())
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        Ok(Producer::new(ring::attach(address, End::Sender, layout(shape), shape)?))
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        Ok(Consumer::new(ring::attach(address, End::Receiver, layout(shape), shape)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        // In a stream several small messages share a line and one hand-over. In a closed loop the line with the word is
        // waited for; a second one comes along with it.
        let hand_overs = if shape.closed_loop() { 1.0 } else { (layout(shape).stride as f64 / 64.0).min(1.0) };
        ring::anatomy::<W>(shape, hand_overs)
    }
}

impl<W: WaitStrategy> Sender for Producer<SegmentSlots, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.send(len, fill)
    }
}

impl<W: WaitStrategy> Receiver for Consumer<SegmentSlots, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.receive(read)
    }
}
