//! Test-and-test-and-set with bounded exponential backoff. After each failed poll a waiter pauses for a random number
//! of hints, from a range that doubles up to a bound, so that waiters neither poll the owner's line all the time nor
//! all try at once. An owner that returns soon finds the lock free before any waiter polls: quick, and the least fair
//! of all. A hand-over costs the same as without backoff, plus half a pause.
//!
//! Source: Agarwal and Cherian, Adaptive Backoff Synchronization Techniques, 1989; Anderson 1990, section 3.3.

use std::io;
use std::marker::PhantomData;

use super::flag::Flag;
use super::{OWN_PAUSES, Poll, wait};
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::record::{Counts, Group, Wait};
use crate::{clock, payload};

/// Range of the first pause, in pause hints.
const FIRST_PAUSES: u64 = 4;
/// Largest range: about 10 us where a hint takes 40 ns, longer than any hand-over and far shorter than a time slice. A
/// power of two times the first.
const MOST_PAUSES: u64 = 256;

/// The lock's word, by wait strategy.
#[repr(C)]
pub struct TtasBackoff<W> {
    flag: Flag,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock.
unsafe impl<W> crate::shm::SharedLayout for TtasBackoff<W> {}

/// Pauses of a waiter after failed polls.
struct Backoff {
    range: u64,
    random: u64,
}

impl Backoff {
    /// Starts with another random sequence each time: a fixed one would favour one contender for ever.
    fn new(me: u32) -> Self {
        Self { range: FIRST_PAUSES, random: payload::mix(clock::ticks() ^ u64::from(me) << 56) }
    }

    fn pause(&mut self) {
        // The range is a power of two, so its bits are as random as the whole number.
        for _ in 0..=self.random & (self.range - 1) {
            std::hint::spin_loop();
        }
        self.random = payload::mix(self.random);
        self.range = (2 * self.range).min(MOST_PAUSES);
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
    const SUMMARY: &'static str = "test-and-test-and-set, waiting longer after every look in vain";
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
            // The line is fetched once to be read, and once more to be written. The pause itself depends on the
            // critical section, so it is no fixed delay.
            acquire: Counts { line_hand_overs: 2.0, ..Counts::default() },
        }
    }
}
