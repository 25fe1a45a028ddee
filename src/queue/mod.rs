//! Queues of work between processes (or threads), with the semantics of Python's `Queue` and `JoinableQueue`: bounded puts
//! and gets that wait, give up at a time or do not wait at all, and a word for what is done. One file a mechanism, by kind;
//! `registry.rs` is the only list.
//!
//! What `task_done` and `join` need is the same for all, so it is written once, in [`unfinished`], beside the queue and not
//! in it; [`Joinable`] puts the two together.

mod joinable;
mod kernel;
mod registry;
mod shm_mpmc;
mod threads;
pub mod unfinished;

use std::io;

use crate::address::Address;
use crate::record::{Case, Isolation, Measure, Role, Wait};
use crate::wait::WaitLimit;

pub use joinable::{AnyQueue, Joinable};
pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "queue";

/// What can be asked of every queue.
pub const MEASURES: &[Measure] = &[Measure::Drain, Measure::Conformance];

/// What a queue is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of the longest item; at least 8, in which an item says whose it is.
    pub message_bytes: usize,
    /// Items it holds; 0 leaves it to the mechanism.
    pub depth: u32,
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The queue has the item.
    Taken,
    /// There was no room as long as the caller was willing to wait, and the item is still his.
    Full,
}

/// What became of a get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got<R> {
    /// The oldest item, as it was read.
    Item(R),
    /// There was none as long as the caller was willing to wait.
    Empty,
}

/// What became of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Every item that was put is done.
    AllDone,
    /// So many were not as long as the caller was willing to wait.
    Unfinished(u64),
}

/// How a mechanism gives up at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOuts {
    /// Its calls know a limit.
    InTheCall,
    /// They do not: calls that do not wait are repeated, with a pause between two, until the time is up.
    Repeated,
}

/// A queue of work.
pub trait WorkQueue: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Between what it can work; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How one who has to wait does it; part of the row's name.
    const WAIT: Wait;
    /// How it gives up.
    const TIME_OUTS: TimeOuts = TimeOuts::InTheCall;
    /// One side's handle.
    type Handle: Handle + 'static;

    /// Why this machine cannot run it at all.
    fn unavailable() -> Option<String> {
        None
    }
    /// Refuses a shape before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(shape: &Shape) -> Result<(), String>;
    /// Items it holds for this shape; nothing where what bounds it is not a number of items.
    fn depth(shape: &Shape) -> Option<u32>;
    /// Makes the queue, empty. Runs in the trial's host: the harness for processes, the worker for threads.
    fn create(shape: &Shape) -> io::Result<Address>;
    /// Runs in each role's worker, before the clock starts.
    fn attach(address: &Address, shape: &Shape) -> io::Result<Self::Handle>;
}

/// One side's handle. As in Python any side may put and get.
pub trait Handle {
    /// Waits for room as long as `wait_limit` allows, lets `fill` write the `len` bytes of an item and puts it last.
    ///
    /// Errors: `InvalidInput` when `len` exceeds what the queue was made for; `Interrupted` when the trial is called off
    /// while it waits; whatever the system says.
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put>;

    /// Waits for an item as long as `wait_limit` allows, takes the first and lets `read` see it.
    ///
    /// Errors: `InvalidData` when an item cannot be one; otherwise as for [`put`](Self::put).
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>>;

    /// Items in the queue at some moment during the call; nothing where the mechanism does not say. Advice only: by the time
    /// it is read others may have put and taken, so nobody may conclude that his next put or get finds it so. Those who want
    /// to know put or get with [`WaitLimit::Never`].
    fn items(&self) -> io::Result<Option<u64>>;

    /// Whether there was nothing to take: advice, as [`items`](Self::items).
    fn looks_empty(&self) -> io::Result<Option<bool>> {
        Ok(self.items()?.map(|items| items == 0))
    }

    /// Whether a queue of `depth` items had no room: advice, as [`items`](Self::items).
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

/// Items of a queue whose depth the plan leaves open.
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

    /// Errors: `InvalidInput` when an item of `len` bytes is longer than was agreed.
    fn check_length(message_bytes: usize, len: usize) -> io::Result<()> {
        if len > message_bytes { Err(too_long(len, message_bytes)) } else { Ok(()) }
    }
}

#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    let why = format!("an item of {len} bytes for a queue whose items have {agreed} at most");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

impl Put {
    /// What a mechanism's attempt came to.
    fn of(taken: bool) -> Self {
        if taken { Self::Taken } else { Self::Full }
    }
}

impl<R> Got<R> {
    /// What a mechanism's attempt came to.
    fn of(found: Option<R>) -> Self {
        found.map_or(Self::Empty, Self::Item)
    }
}
