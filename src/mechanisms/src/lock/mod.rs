//! Locks between processes or threads, in a folder for each kind. `registry.rs` lists all of them.

mod atomics;
mod by_calls;
#[cfg(test)]
mod drill;
pub mod erased;
mod files;
mod in_memory;
mod placed;
mod pthread;
mod registry;
mod semaphores;
#[cfg(test)]
mod spin_tests;
mod threads;
mod tokens;

use std::io;

use crate::address::Address;
use crate::record::{Case, Group, Isolation, Measure, Wait};

pub use crate::raw_lock::{COPIES, Cost, Looked, MAX_CONTENDERS};
pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "lock";

/// How a mechanism protects updates. Selects the work of a trial and its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Mutual exclusion: one holder at a time.
    Exclusive,
    /// No protection: the check must detect lost updates.
    Nothing,
    /// The update is one atomic addition; there is no critical section.
    Atomic,
    /// The update is computed from a value read before, and repeated if another update came first.
    Retry,
}

/// Identity of one contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContenderId {
    /// Index, from 0.
    pub index: u32,
    /// Number of contenders.
    pub contenders: u32,
}

/// What an acquisition reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acquired {
    /// The last owner died while it held the lock, so the protected state may be inconsistent. The lock itself is
    /// consistent again.
    pub owner_died: bool,
}

/// Measures that most locks support.
pub const MEASURES: &[Measure] = &[
    Measure::Acquire,
    Measure::Contention,
    Measure::ReadMostly,
    Measure::Tickets,
    Measure::Recover,
    Measure::CostModel,
    Measure::Conformance,
];

/// Measures of mechanisms that are not locks: without owner, waiters and readers.
pub const MEASURES_UNGUARDED: &[Measure] = &[Measure::Acquire, Measure::Contention, Measure::Tickets];

/// Lock.
pub trait Lock: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Kind of mechanism.
    const GROUP: Group;
    /// Measures it supports.
    const MEASURES: &'static [Measure] = MEASURES;
    /// How it protects updates.
    const GUARD: Guard = Guard::Exclusive;
    /// Isolations it supports; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How a waiter waits; part of the row's name. `None` only where no contender ever waits.
    const WAIT: Option<Wait>;
    /// True when a waiter keeps its CPU busy.
    const POLLS: bool = false;
    /// Whether [`Handle::try_lock`] works.
    const TRIES: bool = true;
    /// Whether a release wakes a waiter by a system call of its own, so that the holder can be killed between the two
    /// steps.
    const WAKES: bool = false;
    /// One contender's handle.
    type Handle: Handle + 'static;

    /// Why it is unavailable on this machine.
    fn unavailable() -> Option<String> {
        None
    }
    /// Creates the lock, free. Runs in the harness for processes, in the worker for threads.
    fn create(holders: u32) -> io::Result<Address>;
    /// Opens the lock. Runs in each contender's worker, before the clock starts.
    fn attach(address: &Address, contender: ContenderId) -> io::Result<Self::Handle>;
    /// Declared cost of one acquisition; nothing is declared by default.
    fn cost() -> Cost {
        Cost::default()
    }
}

/// One contender's handle of a lock.
pub trait Handle {
    /// Acquires the lock, runs `critical` and releases the lock.
    ///
    /// Errors: `Interrupted` when the trial is aborted during the wait, and the errors of the system calls.
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R>;

    /// Runs `critical` under the lock if it is free now; returns `None` otherwise.
    ///
    /// Errors: `Unsupported` unless [`Lock::TRIES`].
    fn try_lock<R>(&mut self, _: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this lock cannot be tried"))
    }

    /// Runs `look` with the number of a copy of the protected state, together with other readers where the lock admits
    /// them. Where readers do not exclude a writer, `look` may run several times, also on a half-written copy: it must
    /// only copy data out, and the last result counts.
    #[inline]
    fn read<R>(&mut self, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let seen = self.with_lock(|_| look(0))?;
        Ok(Looked { seen, retries: 0 })
    }

    /// Runs `change` exclusively, with the number of a copy, which it overwrites as a whole.
    #[inline]
    fn write<R>(&mut self, change: impl FnOnce(u32) -> R) -> io::Result<R> {
        self.with_lock(|_| change(0))
    }
}

/// Contenders of the case's lock: the plan's number, else two; for conformance four, so that some wait while one holds
/// the lock and another one arrives.
pub fn contenders(case: &Case) -> u32 {
    case.params.contenders.unwrap_or(if case.measure == Measure::Conformance { 4 } else { 2 })
}
