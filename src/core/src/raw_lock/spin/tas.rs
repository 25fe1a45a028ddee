//! Locks of one word: test-and-set, test-and-test-and-set, and the latter with backoff.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use super::{OWN_PAUSES, Poll, wait};
use crate::clock::pause::pause;
use crate::raw_lock::Cost;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, Ordering, publish};
use crate::record::{Counts, Group, Wait};
use crate::wait::{PollPolicy, budget};
use crate::{clock, payload};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// The word, on its own cache line. `STRONG` is false only in the mutant of a model check.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[cfg_attr(loom, derive(Default))]
struct Flag<const STRONG: bool = true>(AtomicU32);

impl<const STRONG: bool> Flag<STRONG> {
    /// True if a load finds it free. Orders nothing; [`take`](Self::take) does.
    #[inline]
    fn is_free(&self) -> bool {
        self.0.load(Ordering::Relaxed) == FREE
    }

    /// Takes the word if it is free; true on success. A failed attempt changes nothing.
    #[inline]
    fn take(&self) -> bool {
        // PAIRS: flag-released
        self.0.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Writes "taken" whatever the word held. True if it was free.
    #[inline]
    fn test_and_set(&self) -> bool {
        // PAIRS: flag-released
        self.0.swap(TAKEN, Ordering::Acquire) == FREE
    }

    /// Releases the word.
    #[inline]
    fn release(&self) {
        // PAIRS: flag-released
        self.0.store(FREE, publish(STRONG));
    }
}

/// Test-and-set. Waiters try to take the word over and over, a pause between, and each try fetches the line for
/// writing, from the other waiters and from the owner alike. Unfair. A hand-off moves the line twice, to the owner that
/// writes "free" and to the waiter that tries next, and a new owner may have to win it back from every waiter first.
///
/// Source: Anderson, The Performance of Spin Lock Alternatives for Shared-Memory Multiprocessors, 1990, section 3.1.
#[repr(C)]
pub struct Tas<W> {
    flag: Flag,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock.
unsafe impl<W> crate::shm::SharedLayout for Tas<W> {}

impl<W: Poll> RawLock for Tas<W> {
    const SUMMARY: &'static str = "test-and-set: every poll tries to acquire";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) { Ok(()) } else { wait::<W>(PollPolicy::QUICK, || self.flag.test_and_set()) }
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.flag.test_and_set()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.flag.release();
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            // The line is with a waiter, after its last failed try.
            release: Counts { line_transfers: 1.0, ..Counts::default() },
            acquire: Counts { line_transfers: 1.0, ..Counts::default() },
        }
    }
}

/// Test-and-test-and-set. Waiters read their own copy of the line until it is free, and only then try to acquire it, so
/// the owner keeps the line meanwhile. Then all of them try at once: n misses per hand-off. Unfair.
///
/// Source: Rudolph and Segall 1984; Anderson 1990.
#[cfg_attr(not(loom), repr(C))]
#[cfg_attr(loom, derive(Default))]
pub struct Ttas<W, const STRONG: bool = true> {
    flag: Flag<STRONG>,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model
// checker.
unsafe impl<W, const STRONG: bool> crate::shm::SharedLayout for Ttas<W, STRONG> {}

impl<W: Poll, const STRONG: bool> RawLock for Ttas<W, STRONG> {
    const SUMMARY: &'static str = "test-and-test-and-set: tries to acquire only after a poll finds it free";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    /// Tries before the first load: the line of a free lock then moves once, instead of once to be read and once to be
    /// written.
    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) {
            return Ok(());
        }
        wait::<W>(PollPolicy::QUICK, || self.flag.is_free() && self.flag.take())
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.flag.take()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.flag.release();
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            // The line is fetched once to be read, and once more to be written.
            acquire: Counts { line_transfers: 2.0, ..Counts::default() },
        }
    }
}

/// Test-and-test-and-set with bounded exponential backoff. After each failed poll a waiter pauses for a random time,
/// from a range that doubles from [`budget::BACKOFF_FIRST`] to [`budget::BACKOFF_LONGEST`], so that waiters neither poll
/// the owner's line all the time nor all try at once. An owner that returns soon finds the lock free before any waiter
/// polls: fast, and the least fair of all. A hand-off costs the same as without backoff, plus half a pause.
///
/// Source: Agarwal and Cherian, Adaptive Backoff Synchronization Techniques, 1989; Anderson 1990, section 3.3.
#[repr(C)]
pub struct TtasBackoff<W> {
    flag: Flag,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock.
unsafe impl<W> crate::shm::SharedLayout for TtasBackoff<W> {}

/// Pauses of a waiter after failed polls.
struct Backoff {
    /// Pause hints of the longest pause now, and of the longest ever.
    range: u32,
    longest: u32,
    random: u64,
}

impl Backoff {
    /// Starts with another random sequence each time; a fixed one would always favour the same contender.
    fn new(me: u32) -> Self {
        Self {
            range: budget::BACKOFF_FIRST.hints(),
            longest: budget::BACKOFF_LONGEST.hints(),
            random: payload::mix(clock::ticks() ^ u64::from(me) << 56),
        }
    }

    fn pause(&mut self) {
        // The upper half of the number, scaled to the range without a division.
        let below_range = ((self.random >> 32) * u64::from(self.range)) >> 32;
        pause(1 + below_range as u32);
        self.random = payload::mix(self.random);
        self.range = (2 * self.range).min(self.longest);
    }
}

impl<W: Poll> TtasBackoff<W> {
    #[cold]
    fn acquire_contended(&self, me: u32) -> io::Result<()> {
        let mut backoff = Backoff::new(me);
        wait::<W>(OWN_PAUSES, || {
            let taken = self.flag.is_free() && self.flag.take();
            if !taken {
                backoff.pause();
            }
            taken
        })
    }
}

impl<W: Poll> RawLock for TtasBackoff<W> {
    const SUMMARY: &'static str = "test-and-test-and-set, pausing longer after every failed poll";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) { Ok(()) } else { self.acquire_contended(me) }
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.flag.take()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.flag.release();
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            // The line is fetched once to be read, and once more to be written. The pause depends on the critical
            // section, so it is not a fixed delay.
            acquire: Counts { line_transfers: 2.0, ..Counts::default() },
        }
    }
}
