//! Adaptive mutex: the three-state mutex, but a contender that finds it taken polls a few times before it sleeps, as
//! long as no other contender sleeps. If a short critical section ends meanwhile, that saves two system calls and a
//! context switch. Once a contender sleeps none polls, since a woken sleeper would hardly ever win. Unfair, like the
//! three-state mutex.
//!
//! The number of polls is a trade-off: each poll takes the line away from the owner, which has to fetch it back to
//! release or to acquire again. Polls with pauses between them disturb the owner less. On two virtual processors of an
//! EPYC, two contenders without think time and with an empty critical section made 5 times as many acquisitions with 4
//! polls after 2.5 us each as without polling, and 1.2 times as many with 100 polls in a row; with 100 ns of critical
//! section and of think time it was 1.4 and 1.6 times. Polls in a row are counted, not timed, since the mutex that they
//! are taken from counts them too.
//!
//! Source: Karlin, Li, Manasse, Owicki, Empirical Studies of Competitive Spinning, 1991; Rust's own mutex polls 100
//! times.
#![allow(unsafe_code)]

use std::io;

use super::states::{self, States};
use crate::clock::pause::pause;
use crate::raw_lock::Cost;
use crate::raw_lock::RawLock;
use crate::record::{Group, Wait};
use crate::wait::budget;

/// Lock whose waiters poll `LOOKS` times before they sleep, after [`budget::MUTEX_POLL`] each if `SPACED`, else after one
/// pause hint each.
#[cfg_attr(not(loom), repr(C))]
#[derive(Default)]
pub struct FutexAdaptive<const LOOKS: u32, const SPACED: bool> {
    pub(super) states: States,
}

// SAFETY: repr(C), one atomic; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl<const LOOKS: u32, const SPACED: bool> crate::shm::SharedLayout for FutexAdaptive<LOOKS, SPACED> {}

impl<const LOOKS: u32, const SPACED: bool> FutexAdaptive<LOOKS, SPACED> {
    #[cold]
    fn acquire_contended(&self) -> io::Result<()> {
        self.look();
        if self.states.try_take() {
            return Ok(());
        }
        while !self.states.take_awaited() {
            self.states.sleep()?;
            self.look();
        }
        Ok(())
    }

    /// Returns when the word has another value than taken without sleepers, or after the last poll.
    pub(super) fn look(&self) {
        let hints = if SPACED { budget::MUTEX_POLL.hints() } else { 1 };
        for _ in 0..LOOKS {
            pause(hints);
            if !self.states.is_taken_only() {
                return;
            }
        }
    }
}

impl<const LOOKS: u32, const SPACED: bool> RawLock for FutexAdaptive<LOOKS, SPACED> {
    const SUMMARY: &'static str = match LOOKS {
        ..10 => "futex mutex, polls a few times, far apart, before it sleeps",
        10..1000 => "futex mutex, polls a hundred times in a row before it sleeps",
        _ => "futex mutex, polls a thousand times in a row before it sleeps",
    };
    const GROUP: Group = Group::FutexLocks;
    const WAIT: Wait = Wait::Hybrid;
    const POLLS: bool = false;
    const WAKES: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) { Ok(()) } else { self.acquire_contended() }
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.states.try_take()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.states.release()
    }

    /// Hand-off to a sleeper; a waiter that still polls saves both contenders the system call.
    fn cost() -> Cost {
        states::cost()
    }
}
