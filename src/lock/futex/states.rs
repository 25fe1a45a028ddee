//! The word of a mutex whose waiters sleep: free, taken, taken with sleepers. The last state is what tells the owner to pay
//! for a wake. No lock by itself: when to sleep, and what to do before that, is each mutex's own.
//!
//! Source: Drepper, Futexes Are Tricky, 2011 (mutex2); futex(2).

use std::io;

use crate::abort;
use crate::lock::Cost;
use crate::lock::sync::Ordering;
use crate::record::Counts;
use crate::wait::Word;

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const AWAITED: u32 = 2;

/// The word, on a line of its own. All zero bytes: free.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub(super) struct States {
    word: Word,
}

impl States {
    /// Takes it if it is free, for one who knows of no sleeper: with sleepers it is either taken or on its way to one whom
    /// a wake was sent to, and who will take it as [`take_awaited`](Self::take_awaited) does.
    #[inline]
    pub(super) fn try_take(&self) -> bool {
        // PAIRS: mutex-released
        self.word.value().compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes it if it is free; either way it counts as awaited from now on. For one who is about to sleep, and for one who
    /// slept: there may be others whom only he would wake.
    #[inline]
    pub(super) fn take_awaited(&self) -> bool {
        // PAIRS: mutex-released
        self.word.value().swap(AWAITED, Ordering::Acquire) == FREE
    }

    /// Whether it is taken by somebody who knows of no sleeper, so that it may soon be free.
    #[inline]
    pub(super) fn is_taken_only(&self) -> bool {
        self.word.value().load(Ordering::Relaxed) == TAKEN
    }

    /// Sleeps while it is taken with sleepers, but not for ever.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    pub(super) fn sleep(&self) -> io::Result<()> {
        self.word.sleep(AWAITED)?;
        if abort::requested() { Err(abort::error()) } else { Ok(()) }
    }

    /// Lets it go, and wakes one sleeper if there may be any.
    #[inline]
    pub(super) fn release(&self) -> io::Result<()> {
        if self.free() { self.wake() } else { Ok(()) }
    }

    /// The first half of [`release`](Self::release): true when somebody is to be woken.
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

/// What an acquisition costs where this word is the whole lock. The sleeper wrote to the line before he slept, so the owner
/// fetches it to let go, and he fetches it back.
pub(super) fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 2.0, ..Counts::default() },
        release: Counts { line_hand_overs: 1.0, system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { line_hand_overs: 1.0, system_calls: 1.0, context_switches: 1.0, ..Counts::default() },
    }
}
