//! Ticket lock with proportional backoff. A ticket tells how many contenders are served before it, so a waiter polls
//! again only after a pause as long as the queue ahead: waiters far behind leave the line alone. Fair: first come,
//! first served. A hand-over to the next in line costs the same as with a plain ticket lock, without all the other
//! readers of the line.
//!
//! Source: Mellor-Crummey and Scott 1991, section 2.2.

use std::io;
use std::marker::PhantomData;

use super::tickets::{self, Tickets};
use super::{OWN_PAUSES, Poll, wait};
use crate::lock::in_memory::RawLock;
use crate::lock::{Cost, MAX_HOLDERS};
use crate::record::{Group, Wait};

/// Pause hints for each contender ahead: less than a hand-over between two cores takes, so that no waiter misses its
/// turn even with empty critical sections.
const PAUSES_PER_TICKET: u32 = 4;

/// The lock's counters, by wait strategy.
#[repr(C)]
pub struct TicketProportional<W> {
    tickets: Tickets,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), two atomics and a zero-sized marker; all-zero bytes are a free lock.
unsafe impl<W> crate::shm::SharedLayout for TicketProportional<W> {}

impl<W: Poll> RawLock for TicketProportional<W> {
    const SUMMARY: &'static str = "tickets, served in order; those far behind look less often";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, _: u32) -> io::Result<()> {
        let ticket = self.tickets.draw();
        if self.tickets.ahead(ticket) == 0 {
            return Ok(());
        }
        wait::<W>(OWN_PAUSES, || {
            let ahead = self.tickets.ahead(ticket);
            // Bounds the pause by the longest queue, whatever the words say.
            for _ in 0..PAUSES_PER_TICKET * ahead.min(MAX_HOLDERS) {
                std::hint::spin_loop();
            }
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
        tickets::cost()
    }
}
