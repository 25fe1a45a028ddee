//! Ways for processes (or threads) to exclude each other. One file each, by kind; `registry.rs` is the only list.
#![allow(unsafe_code)]

mod atomics;
mod by_calls;
#[cfg(test)]
mod drill;
pub mod erased;
mod files;
mod futex;
mod in_memory;
#[cfg(all(test, loom))]
mod model;
mod placed;
pub mod prepare;
mod pthread;
mod read_mostly;
mod registry;
mod semaphores;
mod spin;
mod sync;
mod threads;
mod tokens;

use std::io;

use crate::address::Address;
use crate::record::{Counts, Group, Isolation, Measure, Wait};

// What protects other things than a trial's ledger: maps in shared memory.
pub(crate) use futex::mutex::FutexMutex;
pub(crate) use in_memory::RawLock;
pub use prepare::{anatomy, prepare, resolved, supports, variants};
pub(crate) use read_mostly::shm_rwlock::ShmRwLock;
pub use registry::{ROWS, visit};
pub(crate) use spin::ttas::Ttas;

/// Name of the family in cases and keys.
pub const FAMILY: &str = "lock";

/// What a mechanism does for the updates of its holders: selects the work of a trial and its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// One holder at a time is inside.
    Exclusive,
    /// Nothing at all: updates must be seen to get lost.
    Nothing,
    /// The update is one atomic addition, and there is no inside.
    Atomic,
    /// The update is prepared from what was read, and done over when somebody else came first.
    Retry,
}

/// Which of the holders one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// From 0.
    pub index: u32,
    /// How many there are.
    pub holders: u32,
}

/// What a holder is told as it gets the lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acquired {
    /// The last owner died inside; what the lock protects may be half changed. The lock itself was made consistent.
    pub owner_died: bool,
}

/// What a read gave, and how often it was begun in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked<R> {
    /// What the accepted look gave.
    pub seen: R,
    /// Looks that a writer disturbed.
    pub retries: u64,
}

/// What one acquisition should cost, in the terms of the cost anatomy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Taking it and letting it go with nobody else about.
    pub alone: Counts,
    /// Letting it go to somebody who waits.
    pub release: Counts,
    /// Getting it from somebody, having waited.
    pub acquire: Counts,
}

/// Questions that most locks answer.
pub const MEASURES: &[Measure] = &[
    Measure::Acquire,
    Measure::Contention,
    Measure::ReadMostly,
    Measure::Tickets,
    Measure::Recover,
    Measure::Anatomy,
    Measure::Conformance,
];

/// Questions for what is no lock: it has no owner who could die, nothing to wait for and no readers to let in.
pub const MEASURES_UNGUARDED: &[Measure] = &[Measure::Acquire, Measure::Contention, Measure::Tickets];

/// Most holders of one lock: lines of the control page.
pub const MAX_HOLDERS: u32 = crate::control::MAX_SLOTS;

/// A lock.
pub trait Lock: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What kind of thing it is.
    const GROUP: Group;
    /// What can be asked of it.
    const MEASURES: &'static [Measure] = MEASURES;
    /// What it does for its holders' updates.
    const GUARD: Guard = Guard::Exclusive;
    /// Between what it can work; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How one who has to wait does it; part of the row's name. None only where nobody ever waits.
    const WAIT: Option<Wait>;
    /// True when one who waits keeps his CPU busy without end.
    const POLLS: bool = false;
    /// Whether [`Holder::try_lock`] works.
    const TRIES: bool = true;
    /// Whether letting it go wakes somebody by a system call of its own, so that a death can fall between the two.
    const WAKES: bool = false;
    /// One holder's handle.
    type Holder: Holder + 'static;

    /// Why this machine cannot run it at all.
    fn unavailable() -> Option<String> {
        None
    }
    /// Makes the lock, free. Runs in the trial's host: the harness for processes, the worker for threads.
    fn create(holders: u32) -> io::Result<Address>;
    /// Runs in each holder's worker, before the clock starts.
    fn attach(address: &Address, seat: Seat) -> io::Result<Self::Holder>;
    /// What one acquisition should cost.
    fn cost() -> Cost;
}

/// One holder's handle of a lock.
pub trait Holder {
    /// Waits for the lock, runs `critical` under it and lets it go.
    ///
    /// Errors: `Interrupted` when the trial is called off while it waits, and whatever the system says.
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R>;

    /// Runs `critical` under the lock if it is free now; nothing when it is not.
    ///
    /// Errors: `Unsupported` unless [`Lock::TRIES`].
    fn try_lock<R>(&mut self, _: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this lock cannot be tried"))
    }

    /// Runs `look` on a copy of what is protected, whose number it is given, together with other readers where the lock
    /// knows them. Where readers do not stop a writer, `look` may run several times, and on what is half changed: it only
    /// copies out, and the last result counts.
    #[inline]
    fn read<R>(&mut self, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let seen = self.with_lock(|_| look(0))?;
        Ok(Looked { seen, retries: 0 })
    }

    /// Runs `change`, alone, on the copy whose number it is given, and which it writes as a whole.
    #[inline]
    fn write<R>(&mut self, change: impl FnOnce(u32) -> R) -> io::Result<R> {
        self.with_lock(|_| change(0))
    }
}

/// Copies of what is protected that a lock may tell apart: two for those that change one while the other is read.
pub const COPIES: u32 = 2;

/// Work to be done with a lock's type: the only way from a name to a type, once, outside the clock.
pub trait Visitor {
    /// What the work gives.
    type Output;
    /// The work.
    fn visit<L: Lock>(self) -> Self::Output;
}
