//! Test-and-test-and-set. Waiters read their own copy of the line until it says free, and only then try to take it, so
//! the owner keeps the line meanwhile. All of them try at once then: n misses per hand-over. Unfair.
//!
//! Source: Rudolph and Segall 1984; Anderson 1990.

use std::io;
use std::marker::PhantomData;

use super::flag::Flag;
use super::{Poll, wait};
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::record::{Counts, Group, Wait};
use crate::wait::PollPolicy;

/// The lock's word, by wait strategy. `STRONG` is false only in the mutant of the model check.
#[cfg_attr(not(loom), repr(C))]
#[cfg_attr(loom, derive(Default))]
pub struct Ttas<W, const STRONG: bool = true> {
    flag: Flag<STRONG>,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl<W, const STRONG: bool> crate::shm::SharedLayout for Ttas<W, STRONG> {}

impl<W: Poll, const STRONG: bool> RawLock for Ttas<W, STRONG> {
    const SUMMARY: &'static str = "test-and-test-and-set: tries to take it only when a look says free";
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
            acquire: Counts { line_hand_overs: 2.0, ..Counts::default() },
        }
    }
}
