//! Ticket lock. Fair: first come, first served. Cost: all waiters read one line, so n misses per hand-over, of which
//! the next owner's may come last. While the next waiter has no CPU, all others wait for it.
//!
//! Source: Mellor-Crummey and Scott, Algorithms for Scalable Synchronization on Shared-Memory Multiprocessors, 1991,
//! section 2.2; Reed and Kanodia 1979.

use std::io;
use std::marker::PhantomData;

use super::tickets::{self, Tickets};
use super::{Poll, wait};
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::record::{Group, Wait};
use crate::wait::PollPolicy;

/// The lock's counters, by wait strategy. `STRONG` is false only in the mutant of the model check.
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
        tickets::cost()
    }
}
