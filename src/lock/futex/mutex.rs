//! Three-state mutex: free, taken, taken with sleepers. The last state is what tells the owner to pay for a wake; one who
//! slept takes the lock in that state, since there may be others. Barging is allowed, so it is quick and unfair.
//!
//! Source: Drepper, Futexes Are Tricky, 2011 (mutex2); futex(2).

use std::io;

use crate::abort;
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::lock::sync::Ordering;
use crate::record::{Counts, Group, Wait};
use crate::wait::Word;

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const AWAITED: u32 = 2;

/// The lock's word.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct FutexMutex {
    word: Word,
}

// SAFETY: repr(C), one atomic; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl crate::shm::SharedLayout for FutexMutex {}

impl FutexMutex {
    #[cold]
    fn acquire_contended(&self) -> io::Result<()> {
        // PAIRS: mutex-released
        while self.word.value().swap(AWAITED, Ordering::Acquire) != FREE {
            self.word.sleep(AWAITED)?;
            if abort::requested() {
                return Err(abort::error());
            }
        }
        Ok(())
    }

    #[cold]
    fn wake(&self) -> io::Result<()> {
        self.word.wake(1).map(drop)
    }
}

impl RawLock for FutexMutex {
    const SUMMARY: &'static str = "three-state futex mutex";
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
        // PAIRS: mutex-released
        self.word.value().compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        // PAIRS: mutex-released
        if self.word.value().swap(FREE, Ordering::Release) == AWAITED { self.wake() } else { Ok(()) }
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 2.0, ..Counts::default() },
            release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
        }
    }
}
