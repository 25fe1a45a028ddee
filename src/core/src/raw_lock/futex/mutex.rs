//! Three-state mutex. A contender that finds it taken marks the word and sleeps; after a sleep it acquires the lock as
//! one with possible sleepers. Barging is allowed: a newcomer may acquire the lock before the woken sleeper runs, so it
//! is fast and unfair. A hand-off to a sleeper costs a system call and a wake-up for the owner, a system call and a
//! context switch for the sleeper.
//!
//! Source: Drepper, Futexes Are Tricky, 2011 (mutex2); the same scheme as glibc's normal mutex.
#![allow(unsafe_code)]

use std::io;

use super::states::{self, States};
use crate::raw_lock::Cost;
use crate::raw_lock::RawLock;
use crate::record::{Group, Wait};

/// Three-state mutex.
#[cfg_attr(not(loom), repr(C))]
#[derive(Default)]
pub struct FutexMutex {
    pub(super) states: States,
}

// SAFETY: repr(C), one atomic; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl crate::shm::SharedLayout for FutexMutex {}

impl FutexMutex {
    #[cold]
    fn acquire_contended(&self) -> io::Result<()> {
        while !self.states.take_awaited() {
            self.states.sleep()?;
        }
        Ok(())
    }
}

impl RawLock for FutexMutex {
    const SUMMARY: &'static str = "three-state futex mutex, sleeps after one attempt";
    const GROUP: Group = Group::FutexLocks;
    const WAIT: Wait = Wait::Park;
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

    fn cost() -> Cost {
        states::cost()
    }
}
