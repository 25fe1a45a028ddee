//! Transport over a queue in shared memory: creates and maps the segment, and defines the common part of all queues.

use std::io;
use std::marker::PhantomData;

use super::{INHERITED_SUBSTRATES, SUBSTRATES};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Group, Isolation, Substrate, Wait};
use crate::ring::{Consume, Produce};
use crate::shm::{self, Segment};
use crate::transport::{Delivery, Peers, Receiver, Sender, Shape, Topology, Transport};
use crate::wait::Strategy;

/// Parts of one endpoint of a queue.
pub struct Attachment<W> {
    /// Mapped memory of the queue.
    pub segment: Segment,
    /// Index among the endpoints of its kind.
    pub index: u32,
    /// Wait strategy.
    pub wait: W,
}

/// Queue in a segment, which [`Shared`] turns into a transport. The provided methods describe a ring of slots.
pub trait Queue: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Delivery guarantee.
    const DELIVERY: Delivery = Delivery::Exact;
    /// Number of supported endpoints.
    const TOPOLOGY: Topology = Topology::OneToOne;
    /// Wait strategy of both endpoints.
    type Wait: Strategy;
    /// Sender.
    type Producer: Produce;
    /// Receiver.
    type Consumer: Consume;

    /// Checks a shape before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(shape: &Shape) -> Result<(), String> {
        super::supports(shape)
    }
    /// Number of messages held for this shape, if fixed.
    fn depth(shape: &Shape) -> Option<u32> {
        Some(super::depth(shape))
    }
    /// Size of the segment for a supported shape.
    fn segment_bytes(shape: &Shape) -> usize {
        super::layout(shape).segment_bytes()
    }
    /// Attaches the sender.
    fn producer(at: Attachment<Self::Wait>, shape: &Shape) -> io::Result<Self::Producer>;
    /// Attaches the receiver.
    fn consumer(at: Attachment<Self::Wait>, shape: &Shape) -> io::Result<Self::Consumer>;
    /// Declared cost of one message.
    fn cost_model(shape: &Shape) -> CostModel;
}

/// Wait strategy of the C library: blocks in the kernel, inside the call.
pub struct InLibrary;

impl Strategy for InLibrary {
    const WAIT: Wait = Wait::Block;
    const POLLS: bool = false;

    fn attach(_: &[Descriptor]) -> io::Result<Self> {
        Ok(Self)
    }
}

/// Transport over the queue `Q`.
pub struct Shared<Q>(PhantomData<Q>);

/// Sender of [`Shared`].
pub struct SharedSender<P>(P);

/// Receiver of [`Shared`].
pub struct SharedReceiver<C>(C);

impl<Q: Queue> Transport for Shared<Q> {
    const SUMMARY: &'static str = Q::SUMMARY;
    const GROUP: Group = Group::SharedMemory;
    const DELIVERY: Delivery = Q::DELIVERY;
    const TOPOLOGY: Topology = Q::TOPOLOGY;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Q::Wait::WAIT);
    const POLLS: bool = Q::Wait::POLLS;
    const SUBSTRATES: &'static [Substrate] = if Q::Wait::DESCRIPTORS > 0 { INHERITED_SUBSTRATES } else { SUBSTRATES };
    type Sender = SharedSender<Q::Producer>;
    type Receiver = SharedReceiver<Q::Consumer>;

    fn supports(shape: &Shape) -> Result<(), String> {
        Q::supports(shape)
    }

    fn depth(shape: &Shape) -> Option<u32> {
        Q::depth(shape)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let memory = shm::create(shape.substrate, Q::segment_bytes(shape))?;
        equipped(memory, Q::Wait::equip()?)
    }

    fn attach_sender(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        Q::producer(attachment::<Q>(address, Endpoint::Sender, &peers, shape)?, shape).map(SharedSender)
    }

    fn attach_receiver(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        Q::consumer(attachment::<Q>(address, Endpoint::Receiver, &peers, shape)?, shape).map(SharedReceiver)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        Q::cost_model(shape)
    }
}

/// Appends the descriptors by which the endpoints wake each other to the address of `memory`.
fn equipped(memory: Address, [for_sender, for_receiver]: [Vec<Descriptor>; 2]) -> io::Result<Address> {
    match memory {
        Address::Inherited { mut sender, mut receiver } => {
            sender.extend(for_sender);
            receiver.extend(for_receiver);
            Ok(Address::Inherited { sender, receiver })
        }
        named if for_sender.is_empty() && for_receiver.is_empty() => Ok(named),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "memory found by name cannot carry descriptors")),
    }
}

/// Maps the segment and attaches the wait strategy for endpoint `end`.
fn attachment<Q: Queue>(
    address: &Address,
    end: Endpoint,
    peers: &Peers,
    shape: &Shape,
) -> io::Result<Attachment<Q::Wait>> {
    let descriptors = match address {
        Address::Inherited { .. } => {
            let all = address.descriptors(end)?;
            &all[all.len() - Q::Wait::DESCRIPTORS.min(all.len())..]
        }
        _ => &[],
    };
    let wait = Q::Wait::attach(descriptors)?;
    let segment = Segment::attach(address, end, Q::segment_bytes(shape))?.settled(shape.substrate, shape.prefault)?;
    Ok(Attachment { segment, index: peers.index, wait })
}

impl<P: Produce> Sender for SharedSender<P> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.0.send(len, fill)
    }
}

impl<C: Consume> Receiver for SharedReceiver<C> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.0.receive(read)
    }
}
