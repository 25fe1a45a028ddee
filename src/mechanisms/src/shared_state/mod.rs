//! Shared state: a map from numbers to small values that several processes or threads read and write. One file per
//! mechanism; `registry.rs` lists them.
//!
//! Between processes, either a manager process owns the map and serves requests, as in Python's
//! `multiprocessing.Manager`, or the map is in memory that all users map, and they synchronise their accesses.

mod client;
mod in_process;
mod registry;
mod sequence;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod wire;

mod dash_map;
mod locked_map;
mod manager;
mod manager_epoll;
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
    pub users: u32,
}

impl Shape {
    /// What `case` asks for.
    pub fn of(case: &Case) -> Self {
        let keys = case.params.keys.unwrap_or(KEYS);
        // Where promises are checked, more accessors than most machines have CPUs.
        let users = if case.measure == Measure::Conformance { 4 } else { 2 };
        Self {
            keys,
            entries: keys.saturating_add(COUNTERS),
            value_bytes: case.params.message_bytes.unwrap_or(VALUE_BYTES) as usize,
            users: case.params.contenders.unwrap_or(users),
        }
    }
}

/// Addresses of one state.
#[derive(Debug)]
pub struct Addresses {
    /// For the manager process, if there is one.
    pub manager: Option<Address>,
    /// For each user.
    pub users: Vec<Address>,
}

impl Addresses {
    /// Memory that all of them map.
    fn same(memory: &Address, shape: &Shape) -> Self {
        Self { manager: None, users: (0..shape.users).map(|_| memory.only(Endpoint::Sender)).collect() }
    }
}

/// A way to share state.
pub trait State: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Group of mechanisms, for the report.
    const GROUP: Group = Group::SharedState;
    /// Supported isolations; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How a user waits for another; part of the row's name.
    const WAIT: Wait;
    /// True if a waiting user keeps its CPU busy.
    const POLLS: bool = false;
    /// Whether [`Handle::update`] is atomic: no concurrent update is lost.
    const ATOMIC_UPDATE: bool = true;
    /// Whether a manager process owns the state and runs [`run_manager`](Self::run_manager).
    const HAS_MANAGER: bool = false;
    /// One user's handle.
    type Handle: Handle + 'static;

    /// Bytes of shared memory.
    fn memory_bytes(_: &Shape) -> u64 {
        0
    }
    /// Creates an empty state. Runs in the host of the trial: the harness for processes, the worker for threads.
    fn create(shape: &Shape) -> io::Result<Addresses>;
    /// Serves all users until they have disconnected. Takes the address, so that no copy of it keeps a connection open
    /// that is not served.
    ///
    /// Errors: `Unsupported` unless [`HAS_MANAGER`](Self::HAS_MANAGER); and those of the system.
    fn run_manager(_: Address, _: &Shape) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this state has no manager"))
    }
    /// Attaches a user. Runs in its worker, before the clock starts.
    fn attach(address: &Address, shape: &Shape, user: u32) -> io::Result<Self::Handle>;
}

/// One user's handle of shared state.
///
/// Keys are numbers below `u64::MAX`. A failed access leaves the state unchanged.
pub trait Handle {
    /// Passes the value of `key` to `read`, or returns `None` if it was never set. The value is one that was current at
    /// some moment during the call.
    ///
    /// Errors: `Interrupted` when the trial is aborted during a wait; `UnexpectedEof`, `BrokenPipe` or
    /// `ConnectionReset` when the manager has died.
    fn get<R>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>>;

    /// Sets the value of `key` to the `len` bytes that `fill` writes.
    ///
    /// Errors: `InvalidInput` for a value longer than agreed or an invalid key; `StorageFull` for a new key when all
    /// entries are taken; and those of [`get`](Self::get).
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;

    /// Lets `change` modify the value of `key` in place; returns `None` if it was never set. If the update is retried
    /// after an interfering one, `change` runs again, and its last result counts.
    ///
    /// Errors: those of [`get`](Self::get).
    fn update<R>(&mut self, key: u64, change: impl FnMut(&mut [u8]) -> R) -> io::Result<Option<R>>;
}

/// The error for a value longer than agreed.
#[cold]
fn too_long(len: usize, agreed: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("a value of {len} bytes exceeds the agreed {agreed} bytes"))
}

/// The error for a new key when all entries are taken.
#[cold]
fn full(entries: u32) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, format!("all {entries} entries of the state are taken"))
}
