//! Two counters: the next ticket, and the one that is served.
//!
//! Both lie on one line, so that a free lock which another core had comes over in one transfer. Who joins the queue takes
//! the line from those who wait, which costs them a look each.

use crate::lock::Cost;
use crate::lock::sync::{AtomicU32, Ordering, publish};
use crate::record::Counts;

/// The counters. They wrap around: all that is ever asked is how far they are apart. `STRONG` is false only in the mutant of
/// a model check.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[cfg_attr(loom, derive(Default))]
pub(super) struct Tickets<const STRONG: bool = true> {
    next: AtomicU32,
    serving: AtomicU32,
}

impl<const STRONG: bool> Tickets<STRONG> {
    /// Draws a ticket. Orders nothing: what matters is when it is served.
    #[inline]
    pub(super) fn draw(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How many are served before `ticket`: none when it is its turn.
    #[inline]
    pub(super) fn ahead(&self, ticket: u32) -> u32 {
        // PAIRS: ticket-served
        ticket.wrapping_sub(self.serving.load(Ordering::Acquire))
    }

    /// Draws a ticket if it is its turn at once. True when it was.
    ///
    /// The ticket that was served a moment ago is still the next one to be drawn only if nobody has drawn it, and then
    /// nobody is inside. (A stall of exactly 2^32 turns between the two looks would deceive it.)
    #[inline]
    pub(super) fn try_draw(&self) -> bool {
        // PAIRS: ticket-served
        let served = self.serving.load(Ordering::Acquire);
        self.next.compare_exchange(served, served.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Serves the next ticket. Only the owner does, so no atomic addition is needed.
    #[inline]
    pub(super) fn serve_next(&self) {
        let served = self.serving.load(Ordering::Relaxed);
        // PAIRS: ticket-served
        self.serving.store(served.wrapping_add(1), publish(STRONG));
    }
}

/// What a lock of tickets costs, however its waiters look.
pub(super) fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 1.0, ..Counts::default() },
        release: Counts::default(),
        // The ticket was drawn while the owner was still inside, so all that is left is to see it served.
        acquire: Counts { line_hand_overs: 1.0, ..Counts::default() },
    }
}
