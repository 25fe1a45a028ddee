//! Two counters: the next ticket, and the ticket now served.
//!
//! Both lie on one line, so that a free lock last used by another core is fetched in one transfer. A contender that
//! joins the queue takes the line from the waiters, which costs each of them a miss.

use crate::lock::Cost;
use crate::lock::sync::{AtomicU32, Ordering, publish};
use crate::record::Counts;

/// The counters. They wrap around: only their difference is used. `STRONG` is false only in the mutant of a model
/// check.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[cfg_attr(loom, derive(Default))]
pub(super) struct Tickets<const STRONG: bool = true> {
    next: AtomicU32,
    serving: AtomicU32,
}

impl<const STRONG: bool> Tickets<STRONG> {
    /// Draws a ticket. Orders nothing: acquisition is ordered when the ticket is served.
    #[inline]
    pub(super) fn draw(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Number of tickets served before `ticket`: 0 when it is its turn.
    #[inline]
    pub(super) fn ahead(&self, ticket: u32) -> u32 {
        // PAIRS: ticket-served
        ticket.wrapping_sub(self.serving.load(Ordering::Acquire))
    }

    /// Draws a ticket if it is served at once. True on success.
    ///
    /// The ticket now served is the next one to be drawn only if no contender has drawn it, and then the lock is free.
    /// (A stall of exactly 2^32 turns between the two loads would break this.)
    #[inline]
    pub(super) fn try_draw(&self) -> bool {
        // PAIRS: ticket-served
        let served = self.serving.load(Ordering::Acquire);
        self.next.compare_exchange(served, served.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Serves the next ticket. Only the owner calls it, so no atomic addition is needed.
    #[inline]
    pub(super) fn serve_next(&self) {
        let served = self.serving.load(Ordering::Relaxed);
        // PAIRS: ticket-served
        self.serving.store(served.wrapping_add(1), publish(STRONG));
    }
}

/// Cost of a ticket lock, for every wait strategy.
pub(super) fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 1.0, ..Counts::default() },
        release: Counts::default(),
        // The ticket was drawn before the release, so only the load of the served counter is left.
        acquire: Counts { line_hand_overs: 1.0, ..Counts::default() },
    }
}
