//! One word with two states, free and taken.

use crate::lock::sync::{AtomicU32, Ordering, publish};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// The word, on a line of its own. `STRONG` is false only in the mutant of a model check.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[cfg_attr(loom, derive(Default))]
pub(super) struct Flag<const STRONG: bool = true>(AtomicU32);

impl<const STRONG: bool> Flag<STRONG> {
    /// Whether a load finds it free. Orders nothing; [`take`](Self::take) does.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.0.load(Ordering::Relaxed) == FREE
    }

    /// Takes the word if it is free; true on success. A failed attempt changes nothing.
    #[inline]
    pub(super) fn take(&self) -> bool {
        // PAIRS: flag-released
        self.0.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Writes "taken" whatever the word held, as the lock's name says. True when it was free.
    #[inline]
    pub(super) fn test_and_set(&self) -> bool {
        // PAIRS: flag-released
        self.0.swap(TAKEN, Ordering::Acquire) == FREE
    }

    /// Releases the word.
    #[inline]
    pub(super) fn release(&self) {
        // PAIRS: flag-released
        self.0.store(FREE, publish(STRONG));
    }
}
