//! State that several processes (or threads) read and write: a map from numbers to small values. One file each;
//! `registry.rs` is the only list.
//!
//! There are two ways to have it between processes. Either one process keeps the map and answers requests, as Python's
//! Manager does; or the map lies in memory that all of them map, and they agree on who may look at it when.

mod bounded_map;
mod client;
mod in_process;
mod registry;
mod sequence;
mod store;
mod table;
#[cfg(all(test, not(loom)))]
mod tests;
mod wire;

mod dash_map;
mod manager;
mod manager_epoll;
mod mutex_map;
mod rwlock_map;
mod seqlock_cells;
mod shards;
mod shm_map;

use std::io;

use crate::address::{Address, Endpoint};
use crate::record::{Case, Group, Isolation, Measure, Wait};

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "shared_state";

/// Entries beyond those that a case asks for: counters, which a measure only updates.
pub const COUNTERS: u32 = 4;
/// Keys of a case that names none.
const KEYS: u32 = 1024;
/// Bytes of a value of a case that names none.
const VALUE_BYTES: u64 = 64;

/// Capacity of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Keys that the case reads and writes.
    pub keys: u32,
    /// Entries in all: those keys, and [`COUNTERS`] more.
    pub entries: u32,
    /// The longest value.
    pub value_bytes: usize,
    /// Number of accessors.
    pub seats: u32,
}

impl Shape {
    /// What `case` asks for.
    pub fn of(case: &Case) -> Self {
        let keys = case.params.keys.unwrap_or(KEYS);
        // Where promises are checked, more accessors than most machines have CPUs.
        let seats = if case.measure == Measure::Conformance { 4 } else { 2 };
        Self {
            keys,
            entries: keys.saturating_add(COUNTERS),
            value_bytes: case.params.message_bytes.unwrap_or(VALUE_BYTES) as usize,
            seats: case.params.contenders.unwrap_or(seats),
        }
    }
}

/// Where the sides of one state find it.
#[derive(Debug)]
pub struct Places {
    /// The process that keeps it, where there is one.
    pub keeper: Option<Address>,
    /// Those that use it, by seat.
    pub seats: Vec<Address>,
}

impl Places {
    /// Memory that all of them map.
    fn same(memory: &Address, shape: &Shape) -> Self {
        Self { keeper: None, seats: (0..shape.seats).map(|_| memory.only(Endpoint::Sender)).collect() }
    }
}

/// A way to share state.
pub trait State: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What kind of thing it is.
    const GROUP: Group = Group::SharedState;
    /// Between what it can work; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How one who has to wait for another does it; part of the row's name.
    const WAIT: Wait;
    /// True when one who waits keeps his CPU busy without end.
    const POLLS: bool = false;
    /// Whether [`Handle::update`] is one step: of several at the same time none is lost.
    const ATOMIC_UPDATE: bool = true;
    /// Whether a process of its own keeps the state and runs [`keep`](Self::keep).
    const KEPT: bool = false;
    /// One user's handle.
    type Handle: Handle + 'static;

    /// Shared memory that it takes, in bytes.
    fn memory_bytes(_: &Shape) -> u64 {
        0
    }
    /// Makes the state, empty. Runs in the trial's host: the harness for processes, the worker for threads.
    fn create(shape: &Shape) -> io::Result<Places>;
    /// Answers everybody who uses the state until all of them have gone. Takes the address, so that no copy of it here keeps
    /// a connection open that nobody answers any more.
    ///
    /// Errors: `Unsupported` unless [`KEPT`](Self::KEPT); and whatever the system says.
    fn keep(_: Address, _: &Shape) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this state needs nobody to keep it"))
    }
    /// Runs in each user's worker, before the clock starts.
    fn attach(address: &Address, shape: &Shape, seat: u32) -> io::Result<Self::Handle>;
}

/// One user's handle of shared state.
///
/// Keys are any numbers below `u64::MAX`. What goes wrong leaves the state as it was.
pub trait Handle {
    /// Gives the value of `key` to `read`; nothing while nobody has set it. The value is one that was there at some moment
    /// of the call.
    ///
    /// Errors: `Interrupted` when the trial is called off while it waits; `UnexpectedEof`, `BrokenPipe` or
    /// `ConnectionReset` when the keeper is gone.
    fn get<R>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>>;

    /// Sets the value of `key` to the `len` bytes that `fill` writes.
    ///
    /// Errors: `InvalidInput` for a value that is longer than agreed, or a key that cannot be one; `StorageFull` for a
    /// further key when all entries are taken; and those of [`get`](Self::get).
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;

    /// Lets `change` alter the value of `key` in place; nothing while nobody has set it. Where the update is tried until
    /// nobody came between, `change` runs each time, and the last result counts.
    ///
    /// Errors: those of [`get`](Self::get).
    fn update<R>(&mut self, key: u64, change: impl FnMut(&mut [u8]) -> R) -> io::Result<Option<R>>;
}

/// The refusal of a value longer than agreed.
#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("a value of {len} bytes where at most {agreed} were agreed"))
}

/// The refusal of one key more.
#[cold]
fn full(entries: u32) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, format!("the state holds {entries} entries, and all of them are taken"))
}

/// What a lock of the standard library says when somebody panicked inside.
#[cold]
fn poisoned() -> io::Error {
    io::Error::other("somebody panicked while he had the state to himself")
}
