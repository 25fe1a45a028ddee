//! One word that says free or taken.

use crate::lock::sync::{AtomicU32, Ordering, publish};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// The word, on a line of its own. `STRONG` is false only in the mutant of a model check.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[cfg_attr(loom, derive(Default))]
pub(super) struct Flag<const STRONG: bool = true>(AtomicU32);

impl<const STRONG: bool> Flag<STRONG> {
    /// Whether a look finds it free. Orders nothing; [`take`](Self::take) does.
    #[inline]
    pub(super) fn is_free(&self) -> bool {
        self.0.load(Ordering::Relaxed) == FREE
    }

    /// Takes it if it is free; true when it is the caller's now. One who comes too late changes nothing.
    #[inline]
    pub(super) fn take(&self) -> bool {
        // PAIRS: flag-released
        self.0.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// The instruction that gave the lock its name: writes "taken" whatever was there. True when it was free.
    #[inline]
    pub(super) fn test_and_set(&self) -> bool {
        // PAIRS: flag-released
        self.0.swap(TAKEN, Ordering::Acquire) == FREE
    }

    /// Lets it go.
    #[inline]
    pub(super) fn release(&self) {
        // PAIRS: flag-released
        self.0.store(FREE, publish(STRONG));
    }
}
