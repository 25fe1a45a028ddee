//! Locks made of words in shared memory, without what a process needs to find them: the part that a model checker can
//! check. Spin locks, locks whose waiters sleep on a futex, and locks for readers and writers.

pub mod futex;
#[cfg(all(test, loom))]
mod model;
pub mod read_mostly;
pub mod spin;
mod sync;

use std::io;

use crate::record::{Counts, Group, Wait};
use crate::shm::SharedLayout;

/// Largest number of contenders of one lock: the slots of the control page.
pub const MAX_CONTENDERS: u32 = crate::control::MAX_SLOTS;

/// Copies of the protected state that a lock may distinguish: two for locks that change one copy while the other is
/// read.
pub const COPIES: u32 = 2;

/// Result of a read, and the number of failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked<R> {
    /// Result of the accepted attempt.
    pub seen: R,
    /// Attempts that a writer disturbed.
    pub retries: u64,
}

/// Declared cost of one acquisition, in the terms of the cost model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Uncontended acquire and release.
    pub alone: Counts,
    /// Release to a waiter.
    pub release: Counts,
    /// Acquisition by a waiter.
    pub acquire: Counts,
}

/// Lock made of words in shared memory. All-zero bytes are a free lock.
pub trait RawLock: SharedLayout + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Kind of mechanism.
    const GROUP: Group;
    /// How a waiter waits.
    const WAIT: Wait;
    /// True when a waiter keeps its CPU busy.
    const POLLS: bool;
    /// Whether [`try_acquire`](Self::try_acquire) works.
    const TRIES: bool = true;
    /// Whether a release wakes a waiter by a system call of its own.
    const WAKES: bool = false;

    /// Waits for the lock on behalf of contender `me`.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    fn acquire(&self, me: u32) -> io::Result<()>;
    /// Acquires the lock if it is free.
    fn try_acquire(&self, me: u32) -> bool;
    /// Releases the lock that `me` holds.
    fn release(&self, me: u32) -> io::Result<()>;
    /// Reads the protected state; under the lock unless the lock distinguishes readers and writers.
    #[inline]
    fn read<R>(&self, me: u32, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        self.acquire(me)?;
        let seen = look(0);
        self.release(me)?;
        Ok(Looked { seen, retries: 0 })
    }
    /// Changes the protected state, under the lock.
    #[inline]
    fn write<R>(&self, me: u32, change: impl FnOnce(u32) -> R) -> io::Result<R> {
        self.acquire(me)?;
        let result = change(0);
        self.release(me)?;
        Ok(result)
    }
    /// Declared cost of one acquisition.
    fn cost() -> Cost;
}
