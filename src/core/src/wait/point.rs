//! Parkers and event counts: words in shared memory where waiters sleep, next to the condition that they wait for.
//!
//! The waiter announces itself, checks the condition once more and sleeps; the waker publishes the condition, then
//! checks for announcements. Both execute a full fence between their store and their load, so at least one of them sees
//! the other (Dekker's argument). The types differ in how many waiters they support.

use std::io;
use std::time::Duration;

use super::word::Word;
#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, Ordering};

/// Wakes all sleepers.
pub const ALL: u32 = u32::MAX;

/// Where waiters for one kind of condition sleep. All bytes zero means no sleeper.
pub trait WaitPoint {
    /// Value passed from `announce` to `sleep`.
    type Ticket: Copy;
    /// Announces a sleeper. Must be followed by a fence and a last check of the condition.
    fn announce(&self) -> Self::Ticket;
    /// Withdraws the announcement after the last check found the condition true.
    fn withdraw(&self);
    /// True if a sleeper is announced. Must be preceded by a fence that follows the publication of the condition.
    fn has_waiter(&self) -> bool;
    /// Sleeps until woken, for a limited time; returns at once if a wake-up came since `ticket`. Consumes the
    /// announcement.
    fn sleep(&self, ticket: Self::Ticket) -> io::Result<()> {
        self.sleep_for(ticket, Duration::MAX)
    }
    /// Like [`sleep`](Self::sleep), for at most `limit`.
    fn sleep_for(&self, ticket: Self::Ticket, limit: Duration) -> io::Result<()>;
    /// Wakes up to `most` announced sleepers.
    fn wake(&self, most: u32) -> io::Result<()>;
}

/// Parker for one waiter: 0 no sleeper, 1 announced. Any number of processes may wake it.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct Parker(Word);

impl Parker {
    /// Clears the announcement, which a waker has seen.
    pub(super) fn clear(&self) {
        self.0.value().store(0, Ordering::Relaxed);
    }
}

impl WaitPoint for Parker {
    type Ticket = ();

    fn announce(&self) {
        self.0.value().store(1, Ordering::Relaxed);
    }

    fn withdraw(&self) {
        self.clear();
    }

    #[inline]
    fn has_waiter(&self) -> bool {
        self.0.value().load(Ordering::Relaxed) != 0
    }

    /// Does not clear the word: a waker did that, and otherwise a stale 1 costs one needless wake-up at most.
    fn sleep_for(&self, (): (), limit: Duration) -> io::Result<()> {
        self.0.sleep_for(1, limit).map(drop)
    }

    /// A late waker may clear the announcement of the sleeper's next wait; it wakes the sleeper after that, so the
    /// sleeper checks its condition and announces itself again.
    fn wake(&self, _: u32) -> io::Result<()> {
        self.clear();
        self.0.wake(1).map(drop)
    }
}

/// Event count for many waiters. Sleepers are counted, and each wake-up increments the epoch, so that a waiter that is
/// announced but not yet asleep stays awake and checks again.
///
/// Source: Reed, Kanodia, "Synchronization with eventcounts and sequencers", CACM 1979; in this form Vyukov 2008.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct EventCount {
    epoch: Word,
    /// Sleepers announced and not yet woken. The waker subtracts those it woke, and a sleeper that returned for another
    /// reason subtracts itself; so while a wake-up is in progress, no other process makes a second one.
    announced: AtomicU32,
}

impl WaitPoint for EventCount {
    type Ticket = u32;

    fn announce(&self) -> u32 {
        // PAIRS: event-count-epoch. A process that sees the epoch of a wake-up also sees what was published before it.
        let ticket = self.epoch.value().load(Ordering::Acquire);
        self.announced.fetch_add(1, Ordering::Relaxed);
        ticket
    }

    fn withdraw(&self) {
        self.announced.fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    fn has_waiter(&self) -> bool {
        self.announced.load(Ordering::Relaxed) != 0
    }

    fn sleep_for(&self, ticket: u32, limit: Duration) -> io::Result<()> {
        if !self.epoch.sleep_for(ticket, limit)? {
            self.withdraw();
        }
        Ok(())
    }

    fn wake(&self, most: u32) -> io::Result<()> {
        // PAIRS: event-count-epoch
        self.epoch.value().fetch_add(1, Ordering::Release);
        let woken = self.epoch.wake(most)?;
        self.announced.fetch_sub(woken, Ordering::Relaxed);
        Ok(())
    }
}

/// Wait point without sleepers, for strategies that only poll.
#[derive(Clone, Copy, Default)]
pub struct NoWaiters;

impl WaitPoint for NoWaiters {
    type Ticket = ();

    fn announce(&self) {}

    fn withdraw(&self) {}

    #[inline]
    fn has_waiter(&self) -> bool {
        false
    }

    fn sleep_for(&self, (): (), _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn wake(&self, _: u32) -> io::Result<()> {
        Ok(())
    }
}
