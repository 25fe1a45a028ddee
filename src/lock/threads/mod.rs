//! Locks of libraries between threads of one process: the comparison for locks between processes. They lie in private
//! memory, and their futexes are private, so the kernel need not look up the file of the page.

pub(super) mod parking_lot_mutex;
pub(super) mod parking_lot_rwlock;
pub(super) mod std_mutex;
pub(super) mod std_rwlock;
#[cfg(test)]
mod tests;

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use crossbeam::utils::CachePadded;

use super::{Acquired, ContenderId, Cost, Holder, Lock, Looked};
use crate::address::Address;
use crate::record::{Counts, Group, Isolation, Measure, Wait};

/// A thread cannot be killed without its process, so no contender would be left to recover.
const MEASURES: &[Measure] = &[
    Measure::Acquire,
    Measure::Contention,
    Measure::ReadMostly,
    Measure::Tickets,
    Measure::CostModel,
    Measure::Conformance,
];

/// A library's lock.
pub(super) trait Library: Default + Send + Sync + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;

    /// Runs `critical` exclusively.
    fn alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R>;
    /// Runs `critical` exclusively if the lock is free.
    fn try_alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>>;
    /// Runs `look`, together with other readers where the lock admits them.
    fn among_readers<R>(&self, look: impl FnOnce() -> R) -> io::Result<R> {
        self.alone(look)
    }
}

/// Lock of a library, on cache lines of its own.
pub struct InProcess<M>(PhantomData<M>);

/// A reference to it.
pub struct Shared<M>(Arc<CachePadded<M>>);

impl<M: Library> Lock for InProcess<M> {
    const SUMMARY: &'static str = M::SUMMARY;
    const GROUP: Group = Group::Threads;
    const MEASURES: &'static [Measure] = MEASURES;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    // All of them poll for a while before they sleep.
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    const WAKES: bool = true;
    type Holder = Shared<M>;

    fn create(_: u32) -> io::Result<Address> {
        Ok(Address::from_here(CachePadded::new(M::default())))
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Shared<M>> {
        address.here().map(Shared)
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 2.0, ..Counts::default() },
            // For a waiter that slept; some also yield their CPU before they sleep.
            release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
        }
    }
}

impl<M: Library> Holder for Shared<M> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        self.0.alone(|| critical(Acquired::default()))
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        self.0.try_alone(|| critical(Acquired::default()))
    }

    #[inline]
    fn read<R>(&mut self, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let seen = self.0.among_readers(|| look(0))?;
        Ok(Looked { seen, retries: 0 })
    }
}

/// Error of a poisoned lock of the standard library: a holder panicked.
#[cold]
fn poisoned() -> io::Error {
    io::Error::other("a holder panicked inside the lock")
}
