//! Places to sleep, in shared memory beside the condition that is waited for.
//!
//! The waiter announces itself, looks once more and sleeps; the other side publishes, then looks whether somebody is
//! announced. Both put a full fence between their store and their load, so at least one of the two sees the other
//! (Dekker's argument). What differs is how many can sleep in one place.

use std::io;
use std::time::Duration;

use super::word::Word;
#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, Ordering};

/// Wakes everybody.
pub const ALL: u32 = u32::MAX;

/// Where those sleep who wait for one kind of condition. All zero bytes: nobody.
pub trait Place {
    /// What a sleeper remembers from announcing itself until it sleeps.
    type Ticket: Copy;
    /// Says that somebody is about to sleep. To be followed by a fence and a last look at the condition.
    fn announce(&self) -> Self::Ticket;
    /// Takes the announcement back: the last look found what was waited for.
    fn withdraw(&self);
    /// True when somebody is announced. To be preceded by a fence that follows the publishing of the condition.
    fn is_taken(&self) -> bool;
    /// Sleeps until woken, but not for ever, and not at all when somebody was woken since `ticket`. The announcement is
    /// used up then.
    fn sleep(&self, ticket: Self::Ticket) -> io::Result<()> {
        self.sleep_for(ticket, Duration::MAX)
    }
    /// The same for at most `limit`.
    fn sleep_for(&self, ticket: Self::Ticket, limit: Duration) -> io::Result<()>;
    /// Wakes up to `most` of those announced.
    fn wake(&self, most: u32) -> io::Result<()>;
}

/// A place for one: 0 nobody, 1 somebody. Any number of others may wake him.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct Gate(Word);

impl Gate {
    /// Forgets the announcement, of which a waker has taken note.
    pub(super) fn clear(&self) {
        self.0.value().store(0, Ordering::Relaxed);
    }
}

impl Place for Gate {
    type Ticket = ();

    fn announce(&self) {
        self.0.value().store(1, Ordering::Relaxed);
    }

    fn withdraw(&self) {
        self.clear();
    }

    #[inline]
    fn is_taken(&self) -> bool {
        self.0.value().load(Ordering::Relaxed) != 0
    }

    /// Not taken back after a wake: the waker did that, and after anything else a stale 1 costs one needless wake at most.
    fn sleep_for(&self, (): (), limit: Duration) -> io::Result<()> {
        self.0.sleep_for(1, limit).map(drop)
    }

    /// A waker that comes late may clear the announcement of the sleeper's next wait; it wakes him after that, so he looks
    /// and announces himself again.
    fn wake(&self, _: u32) -> io::Result<()> {
        self.clear();
        self.0.wake(1).map(drop)
    }
}

/// A place for many: an event count. Sleepers are counted, and each wake moves the epoch on, so that one who is announced
/// but not yet asleep stays awake and looks again.
///
/// Source: Reed, Kanodia, "Synchronization with eventcounts and sequencers", CACM 1979; in this form Vyukov 2008.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct Crowd {
    epoch: Word,
    /// Announced and not yet woken. A sleeper is taken off by the waker that woke him, and by himself when he came back
    /// for any other reason; so while a wake is on its way, nobody else pays for a second one.
    announced: AtomicU32,
}

impl Place for Crowd {
    type Ticket = u32;

    fn announce(&self) -> u32 {
        // PAIRS: crowd-epoch. Whoever sees the epoch of a wake sees also what was published before it.
        let ticket = self.epoch.value().load(Ordering::Acquire);
        self.announced.fetch_add(1, Ordering::Relaxed);
        ticket
    }

    fn withdraw(&self) {
        self.announced.fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    fn is_taken(&self) -> bool {
        self.announced.load(Ordering::Relaxed) != 0
    }

    fn sleep_for(&self, ticket: u32, limit: Duration) -> io::Result<()> {
        if !self.epoch.sleep_for(ticket, limit)? {
            self.withdraw();
        }
        Ok(())
    }

    fn wake(&self, most: u32) -> io::Result<()> {
        // PAIRS: crowd-epoch
        self.epoch.value().fetch_add(1, Ordering::Release);
        let woken = self.epoch.wake(most)?;
        self.announced.fetch_sub(woken, Ordering::Relaxed);
        Ok(())
    }
}

/// A place where nobody sleeps, for strategies that only poll.
#[derive(Clone, Copy, Default)]
pub struct Nowhere;

impl Place for Nowhere {
    type Ticket = ();

    fn announce(&self) {}

    fn withdraw(&self) {}

    #[inline]
    fn is_taken(&self) -> bool {
        false
    }

    fn sleep_for(&self, (): (), _: Duration) -> io::Result<()> {
        Ok(())
    }

    fn wake(&self, _: u32) -> io::Result<()> {
        Ok(())
    }
}
