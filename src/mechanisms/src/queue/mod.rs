//! Work queues between processes or threads, with the semantics of Python's `Queue` and `JoinableQueue`: bounded, with
//! puts and gets that wait, time out or do not wait, and with `task_done`. One file per mechanism, by kind;
//! `registry.rs` lists them.
//!
//! `task_done` and `join` are the same for all rows. The count that they need is in [`crate::unfinished`], separate from the
//! queue; [`Joinable`] combines the two.

mod joinable;
mod kernel;
mod registry;
mod shm_mpmc;
mod threads;

use std::io;

use crate::address::Address;
use crate::record::{Case, Isolation, Measure, Role, Wait};
use crate::wait::WaitLimit;

pub use crate::unfinished::Joined;
pub use joinable::{AnyQueue, Joinable};
pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "queue";

/// Measures of every queue.
pub const MEASURES: &[Measure] = &[Measure::Drain, Measure::Conformance];

/// Size of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of the longest item; at least 8, in which an item identifies itself.
    pub message_bytes: usize,
    /// Capacity in items; 0 for the mechanism's default.
    pub depth: u32,
}

/// Result of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The queue accepted the item.
    Taken,
    /// There was no room within the caller's wait_limit, and the item was not put.
    Full,
}

/// Result of a get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got<R> {
    /// The oldest item, as it was read.
    Item(R),
    /// There was no item within the caller's wait_limit.
    Empty,
}

/// How a mechanism implements time-outs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOuts {
    /// By a limit of its calls.
    InTheCall,
    /// By repeated calls that do not wait, with a pause between them.
    Repeated,
}

/// A work queue.
pub trait WorkQueue: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Supported isolations; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How an endpoint waits; part of the row's name.
    const WAIT: Wait;
    /// How it implements time-outs.
    const TIME_OUTS: TimeOuts = TimeOuts::InTheCall;
    /// An endpoint's handle.
    type Handle: Handle + 'static;

    /// Why this machine cannot run it, if it cannot.
    fn unavailable() -> Option<String> {
        None
    }
    /// Checks a shape before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(shape: &Shape) -> Result<(), String>;
    /// Capacity in items for this shape; `None` if the queue is not bounded by a number of items.
    fn depth(shape: &Shape) -> Option<u32>;
    /// Creates an empty queue. Runs in the host of the trial: the harness for processes, the worker for threads.
    fn create(shape: &Shape) -> io::Result<Address>;
    /// Attaches an endpoint. Runs in each role's worker, before the clock starts.
    fn attach(address: &Address, shape: &Shape) -> io::Result<Self::Handle>;
}

/// An endpoint's handle. As in Python, every endpoint may put and get.
pub trait Handle {
    /// Waits for room as long as `wait_limit` allows, lets `fill` write the `len` bytes of an item, and appends it.
    ///
    /// Errors: `InvalidInput` if `len` exceeds the agreed length; `Interrupted` when the trial is aborted during the
    /// wait; those of the system.
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put>;

    /// Waits for an item as long as `wait_limit` allows, removes the first one, and passes it to `read`.
    ///
    /// Errors: `InvalidData` for an invalid item; otherwise as for [`put`](Self::put).
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>>;

    /// Number of items at some moment during the call; `None` if the mechanism does not tell. A hint only: other
    /// endpoints may put and get before it is read. To be sure, put or get with [`WaitLimit::Never`].
    fn items(&self) -> io::Result<Option<u64>>;

    /// Whether the queue was empty: a hint, as [`items`](Self::items).
    fn looks_empty(&self) -> io::Result<Option<bool>> {
        Ok(self.items()?.map(|items| items == 0))
    }

    /// Whether a queue of `depth` items was full: a hint, as [`items`](Self::items).
    fn looks_full(&self, depth: u32) -> io::Result<Option<bool>> {
        Ok(self.items()?.map(|items| items >= u64::from(depth)))
    }
}

/// Producers and consumers of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// On the first slots.
    pub producers: u32,
    /// On the slots after them.
    pub consumers: u32,
}

impl Sides {
    /// Those of the case; one of each where it leaves that open.
    pub fn of(case: &Case) -> Self {
        let pattern = case.pattern();
        Self { producers: pattern.senders, consumers: pattern.receivers }
    }

    /// Number of roles.
    pub fn roles(self) -> u32 {
        self.producers.saturating_add(self.consumers)
    }

    /// The role on `slot`.
    pub fn role(self, slot: u32) -> Role {
        if slot < self.producers { Role::Producer } else { Role::Consumer }
    }
}

/// Capacity by default.
const DEFAULT_DEPTH: u32 = 64;
/// Bytes of an item where the plan leaves it open.
const DEFAULT_BYTES: u64 = 64;

impl Shape {
    /// What the case wants of its queue.
    pub fn of(case: &Case) -> Self {
        Self {
            message_bytes: case.params.message_bytes.unwrap_or(DEFAULT_BYTES) as usize,
            depth: case.params.depth.unwrap_or_default(),
        }
    }

    /// Its depth, or what is usual.
    fn depth_or_default(&self) -> u32 {
        if self.depth > 0 { self.depth } else { DEFAULT_DEPTH }
    }

    /// Errors: `InvalidInput` if an item of `len` bytes exceeds the agreed length.
    fn check_length(message_bytes: usize, len: usize) -> io::Result<()> {
        if len > message_bytes { Err(too_long(len, message_bytes)) } else { Ok(()) }
    }
}

#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    let why = format!("an item of {len} bytes exceeds the agreed {agreed} bytes");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

impl Put {
    /// The result of an attempt.
    fn of(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Full }
    }
}

impl<R> Got<R> {
    /// The result of an attempt.
    fn of(found: Option<R>) -> Self {
        found.map_or(Self::Empty, Self::Item)
    }
}
