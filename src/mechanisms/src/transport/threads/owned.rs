//! Channels between threads: a message is a vector that the sender allocates and the receiver frees, as in most
//! programs. An endpoint gets an error once all its peers are dropped. Each crate's channel provides its endpoints
//! ([`Push`], [`Pop`]) and their constructor ([`Channel`]), and [`Owned`] turns it into a transport.
//! Cost of a message: an allocation freed by another thread, the lines of the queue and of the vector.

use std::io;
use std::marker::PhantomData;
use std::sync::Mutex;

use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Measure, Operation, Wait};
use crate::transport::{MEASURES, MEASURES_APART, Peers, Receiver, Sender, Shape, Topology, Transport};

/// Message.
pub type Message = Vec<u8>;

/// Default number of messages in flight.
const DEFAULT_DEPTH: u32 = 1024;
/// Default limit of bytes in flight, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;
/// Maximum message in an open loop over an unbounded channel.
const UNBOUNDED_STREAM_BYTES_MAX: usize = 64 << 10;

/// Reason of channels that poll before they park.
const YIELDS: &str = "the channel calls sched_yield between polls, and parks after some: how often depends on its peer";

/// Number of messages that a channel holds before a sender waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Set by the plan.
    Bounded,
    /// Zero: the sender waits for a receiver.
    Rendezvous,
    /// Limited by memory only.
    Unbounded,
}

/// Sending endpoint of a crate's channel.
pub trait Push: Sized + Send + 'static {
    /// Waits for space and sends `message`.
    ///
    /// Errors: `BrokenPipe` if no receiver is left, `Interrupted` if the trial was aborted.
    fn push(&mut self, message: Message) -> io::Result<()>;
    /// Endpoint for another sender; the original if there can be only one.
    fn another(kept: &mut Option<Self>) -> Option<Self>;
}

/// Receiving endpoint of a crate's channel.
pub trait Pop: Sized + Send + 'static {
    /// Waits for a message and takes it.
    ///
    /// Errors: `BrokenPipe` if no sender is left, `Interrupted` if the trial was aborted.
    fn pop(&mut self) -> io::Result<Message>;
    /// Endpoint for another receiver; the original if there can be only one.
    fn another(kept: &mut Option<Self>) -> Option<Self>;
}

/// Channel of owned messages of a crate.
pub trait Channel: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Wait strategy of an idle endpoint.
    const WAIT: Wait;
    /// Number of messages held.
    const CAPACITY: Capacity;
    /// Number of supported endpoints.
    const TOPOLOGY: Topology = Topology::ManyToMany;
    /// Cache lines of the queue that a receiver fetches one after the other from the sender's core per message.
    const LINES: f64;
    /// Sending endpoint.
    type Push: Push;
    /// Receiving endpoint.
    type Pop: Pop;

    /// Creates the channel; `depth` applies only to bounded capacity.
    fn open(depth: usize) -> (Self::Push, Self::Pop);
}

/// Transport over a channel.
pub struct Owned<C>(PhantomData<C>);

/// Endpoints until the threads attach.
struct Ends<C: Channel> {
    push: Mutex<Option<C::Push>>,
    pop: Mutex<Option<C::Pop>>,
}

/// Sender, which allocates each message.
pub struct Tail<P> {
    end: P,
    message_bytes_max: usize,
}

/// Receiver, which frees each message.
pub struct Head<P>(P);

impl<C: Channel> Transport for Owned<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const GROUP: Group = Group::Threads;
    const MEASURES: &'static [Measure] = match C::CAPACITY {
        Capacity::Rendezvous => MEASURES_APART,
        Capacity::Bounded | Capacity::Unbounded => MEASURES,
    };
    const TOPOLOGY: Topology = C::TOPOLOGY;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const WAIT: Option<Wait> = Some(C::WAIT);
    const POLLS: bool = matches!(C::WAIT, Wait::Spin | Wait::SpinYield | Wait::Busy);
    type Sender = Tail<C::Push>;
    type Receiver = Head<C::Pop>;

    fn supports(shape: &Shape) -> Result<(), String> {
        let bytes = shape.message_bytes;
        match C::CAPACITY {
            Capacity::Rendezvous if shape.depth > 0 => {
                Err(format!("this channel holds no messages, so its depth cannot be set to {}", shape.depth))
            }
            Capacity::Unbounded if shape.depth > 0 => {
                Err(format!("this channel is unbounded, so its depth cannot be set to {}", shape.depth))
            }
            Capacity::Unbounded if !shape.closed_loop() && bytes > UNBOUNDED_STREAM_BYTES_MAX => Err(format!(
                "an unbounded channel may hold the whole stream in memory, so its messages have at most \
                 {UNBOUNDED_STREAM_BYTES_MAX} bytes here, not {bytes}"
            )),
            _ => Ok(()),
        }
    }

    fn depth(shape: &Shape) -> Option<u32> {
        let fitting = (DEFAULT_BYTES / shape.message_bytes.max(1)).clamp(4, DEFAULT_DEPTH as usize) as u32;
        match C::CAPACITY {
            Capacity::Bounded => Some(if shape.depth > 0 { shape.depth } else { fitting }),
            Capacity::Rendezvous => Some(0),
            Capacity::Unbounded => None,
        }
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let depth = Self::depth(shape).unwrap_or(DEFAULT_DEPTH);
        let (push, pop) = C::open(depth as usize);
        Ok(Address::from_here(Ends::<C> { push: Mutex::new(Some(push)), pop: Mutex::new(Some(pop)) }))
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        let ends = address.here::<Ends<C>>()?;
        let mut kept = ends.push.lock().map_err(|_| taken(Endpoint::Sender))?;
        let end = Push::another(&mut kept).ok_or_else(|| taken(Endpoint::Sender))?;
        // Without a buffer, a message that no receiver accepts would block its sender for ever.
        let agreed_only = C::CAPACITY == Capacity::Rendezvous;
        Ok(Tail { end, message_bytes_max: if agreed_only { shape.message_bytes } else { usize::MAX } })
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        let ends = address.here::<Ends<C>>()?;
        let mut kept = ends.pop.lock().map_err(|_| taken(Endpoint::Receiver))?;
        Pop::another(&mut kept).map(Head).ok_or_else(|| taken(Endpoint::Receiver))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        // In a closed loop an endpoint that parks without polls sleeps for every message, and its peer wakes it.
        let sleeps = if C::WAIT == Wait::Park && shape.closed_loop() { 1.0 } else { 0.0 };
        let allocations = if bytes > 0.0 { 1.0 } else { 0.0 };
        CostModel {
            // The new vector is zeroed before it is written.
            sender: Counts { system_calls: sleeps, copied_bytes: bytes, ..Counts::default() }
                .with(Operation::Allocate, allocations),
            receiver: Counts {
                system_calls: sleeps,
                // Dependent transfers: the queue's lines, then the vector.
                line_transfers: C::LINES + if bytes > 0.0 { 1.0 } else { 0.0 },
                moved_bytes: if bytes > 64.0 { bytes } else { 0.0 },
                wakes: sleeps,
                context_switches: sleeps,
                ..Counts::default()
            }
            .with(Operation::RemoteFree, allocations),
            unexplained: match C::WAIT {
                Wait::Park => Some(shape.sleepers_reason().into()),
                Wait::Hybrid => Some(YIELDS.into()),
                _ => None,
            },
        }
    }
}

impl<P: Push> Sender for Tail<P> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.message_bytes_max {
            return Err(too_large(len, self.message_bytes_max));
        }
        let mut message = vec![0; len];
        fill(&mut message);
        self.end.push(message)
    }
}

impl<P: Pop> Receiver for Head<P> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        self.0.pop().map(|message| read(&message))
    }
}

/// Error of an endpoint whose peers are all dropped.
#[cold]
pub fn gone(end: Endpoint) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, format!("the {end:?} is gone"))
}

#[cold]
fn too_large(len: usize, max: usize) -> io::Error {
    let why = format!("a message of {len} bytes, where at most {max} were agreed");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn taken(end: Endpoint) -> io::Error {
    io::Error::other(format!("there is only one {end:?}, which is attached already"))
}
