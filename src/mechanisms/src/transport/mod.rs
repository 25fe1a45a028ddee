//! Transports: mechanisms that carry byte messages between processes or threads, listed in `registry.rs`.
//!
//! An [`Entry`], created outside the timed code, maps a row's name to its type:
//!
//! ```
//! use ipcmark_record::{Case, Measure};
//! use ipcmark_mechanisms::transport::{self, Entry, Peers, Receiver, Sender, Shape, Transport};
//!
//! /// Sends one message and receives it.
//! struct Once(fn() -> std::io::Result<Vec<u8>>);
//!
//! impl Entry for Once {
//!     fn of<T: Transport>() -> Self {
//!         Self(|| {
//!             let case = Case::new("transport", "pipe", Measure::Stream).with(|p| p.message_bytes = Some(2));
//!             let shape = Shape::of(&case);
//!             let address = T::create(&shape)?;
//!             T::attach_sender(&address, Peers::default(), &shape)?.send(2, |room| room.copy_from_slice(b"hi"))?;
//!             T::attach_receiver(&address, Peers::default(), &shape)?.receive(<[u8]>::to_vec)
//!         })
//!     }
//! }
//!
//! let rows: Vec<(&str, Once)> = transport::rows();
//! let (_, Once(message)) = rows.iter().find(|(name, _)| *name == "pipe/block").expect("a row of this name");
//! assert_eq!(message().expect("a pipe"), b"hi");
//! ```

mod byte_stream;
pub mod erased;
mod kernel_copies;
mod kernel_queues;
mod libraries;
mod notify;
mod null;
mod peer;
mod pipes;
mod readiness;
mod registry;
pub mod roles;
mod shared;
mod slice;
mod sockets;
mod threads;

use std::any::Any;
use std::io;

use crate::address::{Address, Endpoint};
use crate::record::{Case, CostModel, Group, Isolation, Measure, Substrate, Wait};

pub use registry::{Entry, rows};
pub use roles::{EndpointId, Roles};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "transport";

/// Delivery guarantee of a transport; it selects the check of the timed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Each message once, in order; with several producers, in the order of each producer.
    Exact,
    /// In order, but messages may be missing. `receive` returns `TimedOut` after a while without a message.
    Lossy,
    /// Newest message only: unread older ones are overwritten, and an older message never follows a newer one.
    Latest,
    /// Notification of at least one event since the last receive; several messages may arrive as one.
    Coalescing,
}

/// Number of endpoints that one channel supports.
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

/// Parameters of a trial, as values instead of types to limit the compile time.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Payload of a message.
    pub message_bytes: usize,
    /// Requested number of messages that the transport holds; 0 leaves it to the mechanism.
    pub depth: u32,
    /// Kind of the shared memory.
    pub substrate: Substrate,
    /// Measure that runs on the channel.
    pub measure: Measure,
    /// Senders of one channel.
    pub producers: u32,
    /// Receivers of one channel.
    pub consumers: u32,
    /// Whether `attach` maps all pages of shared memory at once.
    pub prefault: bool,
    /// Delay that the null transport adds to each message.
    pub delay_ns: u64,
}

impl Shape {
    /// Why a mechanism whose endpoints sleep in the kernel may cost something else than its declared counts.
    pub(crate) fn sleepers_reason(&self) -> &'static str {
        if self.closed_loop() {
            "how soon a sleeper runs depends on how long it has slept: its CPU first idles in a shallow state, and the price of \
             a wake holds for one that has slept for longer"
        } else {
            "in a stream an endpoint sleeps whenever the queue is empty or full, which depends on the scheduler: no wakes and \
             context switches are declared"
        }
    }

    /// Shape of `case`.
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

    /// True if each role both sends and receives.
    pub fn two_way(&self) -> bool {
        matches!(self.measure, Measure::RoundTrip | Measure::CostModel)
    }

    /// True if at most one message is outstanding.
    pub fn closed_loop(&self) -> bool {
        !matches!(self.measure, Measure::Stream | Measure::Paced)
    }
}

/// Data that only a running worker can create for a channel, kept until the peers have attached.
#[derive(Default)]
pub struct Offer {
    /// Text for the peer.
    pub text: Option<String>,
    /// Object that this worker keeps for its own attach.
    pub keep: Option<Box<dyn Any + Send>>,
}

/// Offers of one channel, as seen by one of its endpoints.
#[derive(Default)]
pub struct Peers {
    /// Text that the peer offered.
    pub text: Option<String>,
    /// Object that this worker kept from its own offer.
    pub keep: Option<Box<dyn Any + Send>>,
    /// Index among the endpoints of its kind on the channel.
    pub index: u32,
}

impl Peers {
    /// Object that this worker kept from its own offer.
    ///
    /// Errors: `InvalidData` if it kept no `T`.
    pub(crate) fn kept<T: Any>(self) -> io::Result<Box<T>> {
        let kept = self.keep.and_then(|kept| (kept as Box<dyn Any>).downcast().ok());
        kept.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this worker kept no object of its own offer"))
    }
}

/// Measures that most transports support.
pub const MEASURES: &[Measure] = &[
    Measure::RoundTrip,
    Measure::Stream,
    Measure::Paced,
    Measure::Wake,
    Measure::SetUp,
    Measure::CostModel,
    Measure::Conformance,
];

/// [`MEASURES`] without set-up, which runs both endpoints in one process and single messages by turns.
pub const MEASURES_APART: &[Measure] =
    &[Measure::RoundTrip, Measure::Stream, Measure::Paced, Measure::Wake, Measure::CostModel, Measure::Conformance];

/// Channel of byte messages.
pub trait Transport: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Kind of mechanism.
    const GROUP: Group;
    /// Supported measures.
    const MEASURES: &'static [Measure] = MEASURES;
    /// Delivery guarantee.
    const DELIVERY: Delivery = Delivery::Exact;
    /// Number of endpoints that one channel supports.
    const TOPOLOGY: Topology = Topology::OneToOne;
    /// Supported isolations; the first is the default.
    const ISOLATIONS: &'static [Isolation];
    /// Wait strategy of an idle endpoint; part of the row's name. `None` if no endpoint ever waits.
    const WAIT: Option<Wait> = None;
    /// True if an idle endpoint keeps its CPU busy.
    const POLLS: bool = false;
    /// Supported kinds of shared memory; empty if there is no choice.
    const SUBSTRATES: &'static [Substrate] = &[];
    /// True if one connection carries messages both ways; then [`attach_both`](Self::attach_both) works.
    const DUPLEX: bool = false;
    /// True if one thread runs both endpoints.
    const SOLO: bool = false;
    /// Sender.
    type Sender: Sender;
    /// Receiver.
    type Receiver: Receiver;

    /// Reason why this machine cannot run the transport at all.
    fn unavailable() -> Option<String> {
        None
    }
    /// Checks a shape before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(shape: &Shape) -> Result<(), String>;
    /// Messages held for this shape before a sender waits, if the mechanism determines that.
    fn depth(_: &Shape) -> Option<u32> {
        None
    }
    /// Creates the object. Called in the harness for processes, in the worker for threads.
    fn create(shape: &Shape) -> io::Result<Address>;
    /// Creates the data that only a running worker can create. Called in the worker before any endpoint attaches.
    fn offer(_: &Address, _: &Shape, _: Endpoint) -> io::Result<Offer> {
        Ok(Offer::default())
    }
    /// Attaches the sender. Called in the sending worker before the clock starts.
    fn attach_sender(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender>;
    /// Attaches the receiver. Called in the receiving worker before the clock starts.
    fn attach_receiver(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver>;
    /// Attaches both directions of a connection at endpoint `end`. Called in the worker before the clock starts.
    fn attach_both(_: &Address, _: Endpoint, _: Peers, _: &Shape) -> io::Result<(Self::Sender, Self::Receiver)> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this transport carries messages one way only"))
    }
    /// Declared cost of one message; nothing by default.
    fn cost_model(_: &Shape) -> CostModel {
        CostModel::default()
    }
}

/// Sender of a channel.
pub trait Sender {
    /// Waits for space if necessary, lets `fill` write `len` bytes and sends them.
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;
}

/// Receiver of a channel.
pub trait Receiver {
    /// Waits for a message and passes it to `read`.
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R>;
}
