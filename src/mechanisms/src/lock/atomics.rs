//! Updates without a lock: the floor of every lock, and the proof that a lock is needed.
//!
//! There is no object to create or to attach: the measure owns the updated state and does the update that
//! [`Update::GUARD`] stands for.

use std::io;
use std::marker::PhantomData;

use super::{Acquired, ContenderId, Cost, Guard, Handle, Lock, MEASURES_UNGUARDED};
use crate::address::Address;
use crate::record::{Counts, Group, Measure, Wait};

/// A way to update shared state without mutual exclusion.
pub(super) trait Update: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// How the measure updates.
    const GUARD: Guard;

    /// Declared cost of one update.
    fn cost() -> Cost;
}

/// Row of an update without a lock.
pub struct Unlocked<U>(PhantomData<U>);

/// Handle without a lock.
pub struct Unguarded;

impl<U: Update> Lock for Unlocked<U> {
    const SUMMARY: &'static str = U::SUMMARY;
    const GROUP: Group = Group::Atomics;
    const MEASURES: &'static [Measure] = MEASURES_UNGUARDED;
    const GUARD: Guard = U::GUARD;
    const WAIT: Option<Wait> = None;
    type Handle = Unguarded;

    fn create(_: u32) -> io::Result<Address> {
        Ok(Address::Inherited { sender: vec![], receiver: vec![] })
    }

    fn attach(_: &Address, _: ContenderId) -> io::Result<Unguarded> {
        Ok(Unguarded)
    }

    fn cost() -> Cost {
        U::cost()
    }
}

impl Handle for Unguarded {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        Ok(critical(Acquired::default()))
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        Ok(Some(critical(Acquired::default())))
    }
}

/// Cost of one atomic instruction, and of fetching its line from the core that made the last one.
fn one_instruction() -> Cost {
    Cost {
        alone: Counts { atomics: 1.0, ..Counts::default() },
        release: Counts::default(),
        acquire: Counts { line_transfers: 1.0, ..Counts::default() },
    }
}

/// No lock. Two contenders read the same value and both write the next one, so one of the two updates is lost. The row
/// shows that the check works: a check that misses this would miss a broken lock.
pub struct NoLock;

impl Update for NoLock {
    const SUMMARY: &'static str = "no lock: updates get lost, and the trial must detect it";
    const GUARD: Guard = Guard::Nothing;

    fn cost() -> Cost {
        Cost::default()
    }
}

/// One atomic addition: the cost of an update that needs no lock. One line hand-off if another core made the last
/// update.
pub struct FetchAdd;

impl Update for FetchAdd {
    const SUMMARY: &'static str = "one atomic addition instead of a lock";
    const GUARD: Guard = Guard::Atomic;

    fn cost() -> Cost {
        one_instruction()
    }
}

/// Optimistic update: read, compute, compare and swap, repeated when another update came first. One contender always
/// succeeds (lock-free); the failed attempts of the others are counted. Source: Herlihy, Wait-Free Synchronization,
/// 1991.
pub struct CompareSwap;

impl Update for CompareSwap {
    const SUMMARY: &'static str = "read, compute, compare-and-swap, repeated if another update came first";
    const GUARD: Guard = Guard::Retry;

    fn cost() -> Cost {
        one_instruction()
    }
}
