//! Ways for processes (or threads) to pass byte messages. One file each, by kind; `registry.rs` is the only list.

mod byte_stream;
pub mod erased;
mod kernel_copies;
mod kernel_queues;
mod libraries;
mod notify;
mod null;
mod peer;
mod pipes;
pub mod prepare;
mod readiness;
mod registry;
pub mod roles;
mod shared;
mod slice;
mod sockets;
mod threads;
mod topology;

use std::any::Any;
use std::io;

use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Case, Group, Isolation, Measure, Substrate, Wait};

pub use registry::{ROWS, rows, visit};
pub use roles::{EndpointId, Roles};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "transport";

/// What a transport promises about the messages it was given: selects the check of the timed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Each message once, in order; with several producers, in the order of each.
    Exact,
    /// In order, but some may be missing. Its `receive` gives `TimedOut` when nothing came for a while.
    Lossy,
    /// The newest message only: older ones that nobody read in time are overwritten. Never an older one after a newer.
    Latest,
    /// Only that something happened since the last look: several messages may arrive as one.
    Coalescing,
}

/// How many ends of each kind one channel can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// One sender and one receiver.
    OneToOne,
    /// Any number of senders, one receiver.
    ManyToOne,
    /// Any number of both; each message goes to one receiver.
    ManyToMany,
    /// One sender; each receiver gets every message.
    Broadcast,
}

/// The trial's shape, resolved before any loop. Sizes and depths are values, not types, or compile time explodes.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Payload of every message.
    pub message_bytes: usize,
    /// Messages the transport should hold, where that can be chosen; 0 leaves it to the mechanism.
    pub depth: u32,
    /// What shared memory is made of.
    pub substrate: Substrate,
    /// What runs on it.
    pub measure: Measure,
    /// Sending ends of one channel.
    pub producers: u32,
    /// Receiving ends of one channel.
    pub consumers: u32,
    /// Whether `attach` brings in the pages of shared memory.
    pub prefault: bool,
    /// What the null transport adds to each message.
    pub delay_ns: u64,
}

impl Shape {
    /// The shape a case asks for.
    pub fn of(case: &Case) -> Self {
        Self {
            message_bytes: case.params.message_bytes.unwrap_or(0) as usize,
            depth: case.params.depth.unwrap_or(0),
            substrate: case.params.substrate.unwrap_or(Substrate::Memfd),
            measure: case.measure,
            producers: case.pattern().senders,
            consumers: case.pattern().receivers,
            prefault: case.params.prefault.unwrap_or(false),
            delay_ns: case.params.delay_ns.unwrap_or(0),
        }
    }

    /// True when each side both sends and receives.
    pub fn two_way(&self) -> bool {
        matches!(self.measure, Measure::RoundTrip | Measure::CostModel)
    }

    /// True when one message is outstanding at a time.
    pub fn closed_loop(&self) -> bool {
        !matches!(self.measure, Measure::Stream | Measure::Paced)
    }
}

/// What only a live worker could make for a channel, and what it must keep until the others have attached.
#[derive(Default)]
pub struct Offer {
    /// What the other end is told.
    pub text: Option<String>,
    /// What this end keeps for its own attach.
    pub keep: Option<Box<dyn Any + Send>>,
}

/// The offers of one channel as seen by one of its ends.
#[derive(Default)]
pub struct Peers {
    /// What the other end offered.
    pub text: Option<String>,
    /// What this end kept from its own offer.
    pub keep: Option<Box<dyn Any + Send>>,
    /// Which of the ends of its kind this is, from 0; not 0 only where a channel has several.
    pub index: u32,
}

impl Peers {
    /// What this end kept from its own offer.
    ///
    /// Errors: `InvalidData` when it kept nothing of this type.
    pub(crate) fn kept<T: Any>(self) -> io::Result<Box<T>> {
        let kept = self.keep.and_then(|kept| (kept as Box<dyn Any>).downcast().ok());
        kept.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this end kept nothing it could attach with"))
    }
}

/// Questions that most transports answer.
pub const MEASURES: &[Measure] = &[
    Measure::RoundTrip,
    Measure::Stream,
    Measure::Paced,
    Measure::Wake,
    Measure::SetUp,
    Measure::CostModel,
    Measure::Conformance,
];

/// The same without a set-up, which has both ends in one process and, for single messages, in turns.
pub const MEASURES_APART: &[Measure] =
    &[Measure::RoundTrip, Measure::Stream, Measure::Paced, Measure::Wake, Measure::CostModel, Measure::Conformance];

/// A channel of byte messages.
pub trait Transport: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What kind of thing it is.
    const GROUP: Group;
    /// What can be asked of it.
    const MEASURES: &'static [Measure] = MEASURES;
    /// What it promises.
    const DELIVERY: Delivery = Delivery::Exact;
    /// How many ends one channel can have.
    const TOPOLOGY: Topology = Topology::OneToOne;
    /// Between what it can work; the first is the default.
    const ISOLATIONS: &'static [Isolation];
    /// How an idle side waits; part of the row's name. None only where nobody ever waits.
    const WAIT: Option<Wait> = None;
    /// True when an idle side keeps its CPU busy.
    const POLLS: bool = false;
    /// What its memory can be made of; empty when it has none to choose.
    const SUBSTRATES: &'static [Substrate] = &[];
    /// True when one connection carries both ways: then [`attach_both`](Self::attach_both) works.
    const DUPLEX: bool = false;
    /// True when a single thread plays both sides.
    const SOLO: bool = false;
    /// The sending end.
    type Sender: Sender;
    /// The receiving end.
    type Receiver: Receiver;

    /// Why this machine cannot run it at all.
    fn unavailable() -> Option<String> {
        None
    }
    /// Refuses a shape before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(shape: &Shape) -> Result<(), String>;
    /// Messages it holds for this shape before a sender waits, where the mechanism sets that.
    fn depth(_: &Shape) -> Option<u32> {
        None
    }
    /// Makes the object. Runs in the trial's host: the harness for processes, the worker for threads.
    fn create(shape: &Shape) -> io::Result<Address>;
    /// Makes what only a live worker can make. Runs in the worker, before any end attaches.
    fn offer(_: &Address, _: &Shape, _: Endpoint) -> io::Result<Offer> {
        Ok(Offer::default())
    }
    /// Runs in the sending worker, before the clock starts.
    fn attach_sender(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender>;
    /// Runs in the receiving worker, before the clock starts.
    fn attach_receiver(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver>;
    /// Both directions of one connection, for the side at `end`. Runs in the worker, before the clock starts.
    fn attach_both(_: &Address, _: Endpoint, _: Peers, _: &Shape) -> io::Result<(Self::Sender, Self::Receiver)> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this transport carries messages one way"))
    }
    /// What one message should cost. Nothing is declared unless the transport says.
    fn anatomy(_: &Shape) -> Anatomy {
        Anatomy::default()
    }
}

/// The sending end of a channel.
pub trait Sender {
    /// Waits for room if need be, lets `fill` write `len` bytes and passes them on.
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;
}

/// The receiving end of a channel.
pub trait Receiver {
    /// Waits for a message and lets `read` see it.
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R>;
}

/// Work to be done with a transport's type: the only way from a name to a type, once, outside the clock.
pub trait Visitor {
    /// What the work gives.
    type Output;
    /// The work.
    fn visit<T: Transport>(self) -> Self::Output;
}

/// Functions made from a transport's type: what a registry keeps for each row.
pub trait Operations: Copy {
    /// Those of `T`.
    fn of<T: Transport>() -> Self;
}
