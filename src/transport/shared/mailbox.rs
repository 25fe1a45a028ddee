//! One slot in shared memory; payload written and read in place. The sender of the next message waits for the reader of
//! the last. Cost: two line hand-overs for a small message, of which one is waited for. Source: see [`crate::ring::mailbox`].

use std::io;

use super::{SUBSTRATES, ring};
use crate::address::{Address, End};
use crate::record::{Anatomy, Group, Isolation, Substrate, Wait};
use crate::ring::layout::Layout;
use crate::ring::mailbox::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::shm;
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};
use crate::wait::WaitStrategy;

/// The transport, by wait strategy.
pub struct ShmMailbox<W>(std::marker::PhantomData<W>);

fn layout(shape: &Shape) -> Layout {
    Layout::new(1, shape.message_bytes)
}

impl<W: WaitStrategy> Transport for ShmMailbox<W> {
    const SUMMARY: &'static str = "one slot in shared memory";
    const GROUP: Group = Group::SharedMemory;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    const SUBSTRATES: &'static [Substrate] = SUBSTRATES;
    type Sender = Producer<SegmentSlots, W>;
    type Receiver = Consumer<SegmentSlots, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 1 {
            return Err(format!("a mailbox holds one message, not {}", shape.depth));
        }
        ring::supports(shape)
    }

    fn depth(_: &Shape) -> Option<u32> {
        Some(1)
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
        // Two lines change hands, but emptying the slot overlaps with the answer, or with filling the next message.
        ring::anatomy::<W>(shape, 1.0)
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
