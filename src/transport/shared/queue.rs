//! From a queue in shared memory to a transport: finding the segment, attaching to it, and what all of them can do. Not a
//! mechanism.

use std::io;
use std::marker::PhantomData;

use super::{INHERITED_SUBSTRATES, SUBSTRATES, ring};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Substrate, Wait};
use crate::ring::{Consume, Produce};
use crate::shm::{self, Segment};
use crate::transport::{Delivery, Peers, Receiver, Sender, Shape, Topology, Transport};
use crate::wait::Strategy;

/// What one end of a queue is made from.
pub struct Attachment<W> {
    /// The memory, mapped.
    pub segment: Segment,
    /// Which of the ends of its kind this is.
    pub index: u32,
    /// How this end waits.
    pub wait: W,
}

/// A queue in a segment; [`Shared`] makes a transport of it. Unless it says otherwise it is a ring of slots as [`ring`]
/// lays it out.
pub trait Queue: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What it promises.
    const DELIVERY: Delivery = Delivery::Exact;
    /// How many ends it can have.
    const TOPOLOGY: Topology = Topology::OneToOne;
    /// How its sides wait.
    type Wait: Strategy;
    /// The sending end.
    type Producer: Produce;
    /// The receiving end.
    type Consumer: Consume;

    /// Refuses a shape before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(shape: &Shape) -> Result<(), String> {
        ring::supports(shape)
    }
    /// Messages it holds for this shape, where their number is fixed.
    fn depth(shape: &Shape) -> Option<u32> {
        Some(ring::depth(shape))
    }
    /// Size of its segment, for a shape it supports.
    fn segment_bytes(shape: &Shape) -> usize {
        ring::layout(shape).segment_bytes()
    }
    /// Makes the sending end.
    fn producer(attachment: Attachment<Self::Wait>, shape: &Shape) -> io::Result<Self::Producer>;
    /// Makes the receiving end.
    fn consumer(attachment: Attachment<Self::Wait>, shape: &Shape) -> io::Result<Self::Consumer>;
    /// What one message should cost.
    fn anatomy(shape: &Shape) -> Anatomy;
}

/// Waiting as the C library does it: in the kernel, inside the call.
pub struct InLibrary;

impl Strategy for InLibrary {
    const WAIT: Wait = Wait::Block;
    const POLLS: bool = false;

    fn attach(_: &[Descriptor]) -> io::Result<Self> {
        Ok(Self)
    }
}

/// The transport of a queue.
pub struct Shared<Q>(PhantomData<Q>);

/// Its sending end.
pub struct SharedSender<P>(P);

/// Its receiving end.
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

    fn anatomy(shape: &Shape) -> Anatomy {
        Q::anatomy(shape)
    }
}

/// The address of `memory` with what the ends need to wake each other behind it.
fn equipped(memory: Address, [for_sender, for_receiver]: [Vec<Descriptor>; 2]) -> io::Result<Address> {
    match memory {
        Address::Inherited { mut sender, mut receiver } => {
            sender.extend(for_sender);
            receiver.extend(for_receiver);
            Ok(Address::Inherited { sender, receiver })
        }
        named if for_sender.is_empty() && for_receiver.is_empty() => Ok(named),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "memory found by name comes without descriptors")),
    }
}

/// Where the end of `address` sits down.
fn attachment<Q: Queue>(
    address: &Address,
    end: Endpoint,
    peers: &Peers,
    shape: &Shape,
) -> io::Result<Attachment<Q::Wait>> {
    let equipment = match address {
        Address::Inherited { .. } => {
            let all = address.descriptors(end)?;
            &all[all.len() - Q::Wait::DESCRIPTORS.min(all.len())..]
        }
        _ => &[],
    };
    let wait = Q::Wait::attach(equipment)?;
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
