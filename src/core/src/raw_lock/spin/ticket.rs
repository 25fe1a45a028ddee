//! Ticket locks, plain and with proportional backoff.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use super::{OWN_PAUSES, Poll, wait};
use crate::clock::pause::pause;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, Ordering, publish};
use crate::raw_lock::{Cost, MAX_CONTENDERS};
use crate::record::{Counts, Group, Wait};
use crate::wait::{PollPolicy, budget};

/// Ticket lock. Fair: first come, first served. Cost: all waiters read one line, so n misses per hand-off, of which the
/// next owner's may come last. While the next waiter has no CPU, all others wait for it.
///
/// Source: Mellor-Crummey and Scott, Algorithms for Scalable Synchronization on Shared-Memory Multiprocessors, 1991,
/// section 2.2; Reed and Kanodia 1979.
#[cfg_attr(not(loom), repr(C))]
#[cfg_attr(loom, derive(Default))]
pub struct Ticket<W, const STRONG: bool = true> {
    tickets: Tickets<STRONG>,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), two atomics and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model
// checker.
unsafe impl<W, const STRONG: bool> crate::shm::SharedLayout for Ticket<W, STRONG> {}

impl<W: Poll, const STRONG: bool> RawLock for Ticket<W, STRONG> {
    const SUMMARY: &'static str = "tickets, served in order";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, _: u32) -> io::Result<()> {
        let ticket = self.tickets.draw();
        if self.tickets.ahead(ticket) == 0 {
            return Ok(());
        }
        wait::<W>(PollPolicy::QUICK, || self.tickets.ahead(ticket) == 0)
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.tickets.try_draw()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.tickets.serve_next();
        Ok(())
    }

    fn cost() -> Cost {
        cost()
    }
}

/// Ticket lock with proportional backoff. A ticket tells how many contenders are served before it, so a waiter polls
/// again only after [`budget::PER_TICKET`] for each of them: waiters far behind do not disturb the line. Fair: first come,
/// first served. A hand-off to the next in line costs the same as with a plain ticket lock, without all the other
/// readers of the line.
///
/// Source: Mellor-Crummey and Scott 1991, section 2.2.
#[repr(C)]
pub struct TicketProportional<W> {
    tickets: Tickets,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), two atomics and a zero-sized marker; all-zero bytes are a free lock.
unsafe impl<W> crate::shm::SharedLayout for TicketProportional<W> {}

impl<W: Poll> RawLock for TicketProportional<W> {
    const SUMMARY: &'static str = "tickets, served in order; waiters far behind poll less often";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, _: u32) -> io::Result<()> {
        let ticket = self.tickets.draw();
        if self.tickets.ahead(ticket) == 0 {
            return Ok(());
        }
        let hints = budget::PER_TICKET.hints();
        wait::<W>(OWN_PAUSES, || {
            let ahead = self.tickets.ahead(ticket);
            // Limits the pause to the longest queue, whatever the words contain.
            pause(hints * ahead.min(MAX_CONTENDERS));
            ahead == 0
        })
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.tickets.try_draw()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.tickets.serve_next();
        Ok(())
    }

    fn cost() -> Cost {
        cost()
    }
}

/// Two counters: the next ticket, and the ticket now served. Both lie on one line, so that a free lock last used by
/// another core is fetched in one transfer. A contender that joins the queue takes the line from the waiters, which
/// costs each of them a miss.
///
/// They wrap around: only their difference is used. `STRONG` is false only in the mutant of a model
/// check.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[cfg_attr(loom, derive(Default))]
struct Tickets<const STRONG: bool = true> {
    next: AtomicU32,
    serving: AtomicU32,
}

impl<const STRONG: bool> Tickets<STRONG> {
    /// Draws a ticket. Orders nothing: acquisition is ordered when the ticket is served.
    #[inline]
    fn draw(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Number of tickets served before `ticket`: 0 if it is its turn.
    #[inline]
    fn ahead(&self, ticket: u32) -> u32 {
        // PAIRS: ticket-served
        ticket.wrapping_sub(self.serving.load(Ordering::Acquire))
    }

    /// Draws a ticket if it is served at once. True on success.
    ///
    /// The ticket now served is the next one to be drawn only if no contender has drawn it, and then the lock is free.
    /// (A stall of exactly 2^32 turns between the two loads would break this.)
    #[inline]
    fn try_draw(&self) -> bool {
        // PAIRS: ticket-served
        let served = self.serving.load(Ordering::Acquire);
        self.next.compare_exchange(served, served.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Serves the next ticket. Only the owner calls it, so no atomic addition is needed.
    #[inline]
    fn serve_next(&self) {
        let served = self.serving.load(Ordering::Relaxed);
        // PAIRS: ticket-served
        self.serving.store(served.wrapping_add(1), publish(STRONG));
    }
}

/// Cost of a ticket lock, for every wait strategy.
fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 1.0, ..Counts::default() },
        release: Counts::default(),
        // The ticket was drawn before the release, so only the load of the served counter is left.
        acquire: Counts { line_transfers: 1.0, ..Counts::default() },
    }
}
