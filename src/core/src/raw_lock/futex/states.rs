//! Word of a mutex whose waiters sleep: free, taken, taken with sleepers. The last state tells the owner that a wake-up
//! is needed. Not a lock by itself: each mutex decides what to do before it sleeps.
//!
//! Source: Drepper, Futexes Are Tricky, 2011 (mutex2); futex(2).

use std::io;

use crate::abort;
use crate::raw_lock::Cost;
use crate::raw_lock::sync::Ordering;
use crate::record::Counts;
use crate::wait::Word;

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const AWAITED: u32 = 2;

/// The word, on its own cache line. All zero bytes mean free.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub(super) struct States {
    word: Word,
}

impl States {
    /// Takes the word if it is free, for a contender that knows of no sleeper: with sleepers the word is either taken
    /// or about to be taken by a woken sleeper through [`take_awaited`](Self::take_awaited).
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        // PAIRS: mutex-released
        self.word.value().compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes the word if it is free; either way it counts as awaited from now on. Called before and after a sleep:
    /// there may be other sleepers that only this contender would wake.
    #[inline]
    pub(super) fn take_awaited(&self) -> bool {
        // PAIRS: mutex-released
        self.word.value().swap(AWAITED, Ordering::Acquire) == FREE
    }

    /// True if it is taken without known sleepers, so that it may soon be free.
    #[inline]
    pub(super) fn is_taken_only(&self) -> bool {
        self.word.value().load(Ordering::Relaxed) == TAKEN
    }

    /// Sleeps while it is taken with sleepers, with a time limit.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    pub(super) fn sleep(&self) -> io::Result<()> {
        self.word.sleep(AWAITED)?;
        if abort::requested() { Err(abort::error()) } else { Ok(()) }
    }

    /// Releases the word, and wakes one sleeper if there may be any.
    #[inline]
    pub(super) fn release(&self) -> io::Result<()> {
        if self.free() { self.wake() } else { Ok(()) }
    }

    /// First half of [`release`](Self::release): true when a sleeper must be woken.
    #[inline]
    pub(super) fn free(&self) -> bool {
        // PAIRS: mutex-released
        self.word.value().swap(FREE, Ordering::Release) == AWAITED
    }

    #[cold]
    fn wake(&self) -> io::Result<()> {
        self.word.wake(1).map(drop)
    }
}

/// Cost of an acquisition if this word is the whole lock. The sleeper wrote to the line before it slept, so the owner
/// fetches it to release, and the sleeper fetches it back.
pub(super) fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 2.0, ..Counts::default() },
        release: Counts { line_transfers: 1.0, system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { line_transfers: 1.0, system_calls: 1.0, context_switches: 1.0, ..Counts::default() },
    }
}
