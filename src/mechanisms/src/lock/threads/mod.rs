//! Locks of libraries between threads of one process, for comparison with locks between processes. They are in private
//! memory and their futexes are private, so the kernel need not look up the file of the page.

#[cfg(test)]
mod tests;

use std::io;
use std::marker::PhantomData;
use std::sync::{self, Arc, TryLockError};

use crossbeam::utils::CachePadded;

use super::{Acquired, ContenderId, Cost, Handle, Lock, Looked};
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

/// Lock of a library.
pub(super) trait Library: Default + Send + Sync + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;

    /// Runs `critical` exclusively.
    fn exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R>;
    /// Runs `critical` exclusively if the lock is free.
    fn try_exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>>;
    /// Runs `look`, together with other readers where the lock admits them.
    fn shared<R>(&self, look: impl FnOnce() -> R) -> io::Result<R> {
        self.exclusive(look)
    }
}

/// Lock of a library, on its own cache lines.
pub struct InProcess<M>(PhantomData<M>);

/// Reference to the lock.
pub struct Shared<M>(Arc<CachePadded<M>>);

impl<M: Library> Lock for InProcess<M> {
    const SUMMARY: &'static str = M::SUMMARY;
    const GROUP: Group = Group::Threads;
    const MEASURES: &'static [Measure] = MEASURES;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    // All of them poll for a while before they sleep.
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    const WAKES: bool = true;
    type Handle = Shared<M>;

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
            acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_transfers: 1.0, ..Counts::default() },
        }
    }
}

impl<M: Library> Handle for Shared<M> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        self.0.exclusive(|| critical(Acquired::default()))
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        self.0.try_exclusive(|| critical(Acquired::default()))
    }

    #[inline]
    fn read<R>(&mut self, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let seen = self.0.shared(|| look(0))?;
        Ok(Looked { seen, retries: 0 })
    }
}

/// Error of a lock of the standard library after a holder panicked.
#[cold]
fn poisoned() -> io::Error {
    io::Error::other("a holder of the lock panicked")
}

/// Mutex of the standard library: three states in one word, a hundred polls before it sleeps on a private futex, and a
/// flag that says whether a holder panicked. Barging is allowed, so it is unfair. A hand-off to a sleeper costs a
/// system call on each side, a wake-up and a context switch; to a polling waiter, the line.
///
/// Source: `std::sync::Mutex`; Rust, library/std/src/sys/sync/mutex/futex.rs.
#[derive(Default)]
pub struct StdMutex(sync::Mutex<()>);

impl Library for StdMutex {
    const SUMMARY: &'static str = "std::sync::Mutex, between threads";

    #[inline]
    fn exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.lock().map_err(|_| poisoned())?;
        Ok(critical())
    }

    #[inline]
    fn try_exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        match self.0.try_lock() {
            Ok(_held) => Ok(Some(critical())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Poisoned(_)) => Err(poisoned()),
        }
    }
}

/// Readers-writer lock of the standard library: readers counted in one word, writers first, a hundred polls before
/// either sleeps on a private futex. A releasing writer wakes one writer, or all readers where no writer waits. Every
/// reader writes the word twice, so readers hand its line around. Unfair among writers.
///
/// Source: `std::sync::RwLock`; Rust, library/std/src/sys/sync/rwlock/futex.rs.
#[derive(Default)]
pub struct StdRwLock(sync::RwLock<()>);

impl Library for StdRwLock {
    const SUMMARY: &'static str = "std::sync::RwLock, between threads";

    #[inline]
    fn exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.write().map_err(|_| poisoned())?;
        Ok(critical())
    }

    #[inline]
    fn try_exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        match self.0.try_write() {
            Ok(_held) => Ok(Some(critical())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Poisoned(_)) => Err(poisoned()),
        }
    }

    #[inline]
    fn shared<R>(&self, look: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.read().map_err(|_| poisoned())?;
        Ok(look())
    }
}

/// Mutex of parking_lot: one byte, polled for a while, and a queue of sleepers in a table of the process. Barging is
/// allowed, but about every half millisecond a release hands the lock to the first in the queue: fair in the long run.
/// A hand-off to a sleeper costs a system call on each side, a wake-up, a context switch and the table's own lock; to a
/// polling waiter, the line.
///
/// Source: the crate parking_lot, `Mutex`; after WebKit's WTF::Lock (Pizlo, Locking in WebKit, 2016).
#[derive(Default)]
pub struct ParkingLot(parking_lot::Mutex<()>);

impl Library for ParkingLot {
    const SUMMARY: &'static str = "parking_lot::Mutex, between threads";

    #[inline]
    fn exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.lock();
        Ok(critical())
    }

    #[inline]
    fn try_exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        Ok(self.0.try_lock().map(|_held| critical()))
    }
}

/// Readers-writer lock of parking_lot: readers counted in one word, polled for a while, and queues of sleepers in a
/// table of the process. A waiting writer holds off new readers, and as with its mutex a release now and then hands the
/// lock to a waiter instead of allowing barging: fair in the long run. Every reader writes the word twice.
///
/// Source: the crate parking_lot, `RwLock`.
#[derive(Default)]
pub struct ParkingLotRwLock(parking_lot::RwLock<()>);

impl Library for ParkingLotRwLock {
    const SUMMARY: &'static str = "parking_lot::RwLock, between threads";

    #[inline]
    fn exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.write();
        Ok(critical())
    }

    #[inline]
    fn try_exclusive<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        Ok(self.0.try_write().map(|_held| critical()))
    }

    #[inline]
    fn shared<R>(&self, look: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.read();
        Ok(look())
    }
}
