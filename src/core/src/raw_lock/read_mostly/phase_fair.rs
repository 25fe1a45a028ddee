//! Phase-fair reader-writer lock. Phases of readers and of one writer alternate: a reader waits for at most one writer,
//! however many there are, and a writer for the readers of one phase and the writers before it. So neither readers nor
//! writers starve. The order is strict: with more contenders than CPUs, all wait for a contender that has no CPU.
//! Readers change one counter on entry and another on exit, both on the line of the writers' tickets, which is
//! transferred at every access.
//!
//! Source: Brandenburg and Anderson, Reader-Writer Synchronization for Shared-Memory Multiprocessor Real-Time Systems,
//! ECRTS 2009 (the ticket-based form).
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, Ordering};
use crate::raw_lock::{Cost, Looked};
use crate::record::{Counts, Group, Wait};
use crate::wait::{NoWaiters, PollPolicy, WaitStrategy};

/// Bit of `came`: a writer waits or writes.
const WRITER: u32 = 0b10;
/// Bit of `came`: the writer's ticket is odd, so that the next writer's phase differs from this one's.
const PHASE: u32 = 0b01;
const WRITER_BITS: u32 = WRITER | PHASE;
/// One reader, in both counts. Both wrap around in the same way above the writer's bits.
const READER: u32 = 0x100;

/// Two counts of readers and the tickets of writers, by wait strategy.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct PhaseFair<W> {
    /// Readers that entered, and the phase of the next or active writer.
    came: AtomicU32,
    /// Readers that left.
    left: AtomicU32,
    /// Tickets drawn by writers.
    drawn: AtomicU32,
    /// Ticket whose turn it is.
    turn: AtomicU32,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model
// checker.
unsafe impl<W> crate::shm::SharedLayout for PhaseFair<W> {}

/// Phase bits of the writer with `ticket`, as readers see them.
const fn phase(ticket: u32) -> u32 {
    WRITER | (ticket & PHASE)
}

impl<W: WaitStrategy<NoWaiters> + Default> PhaseFair<W> {
    fn poll(ready: impl Fn() -> bool) -> io::Result<()> {
        if ready() {
            return Ok(());
        }
        W::default().until(&NoWaiters, PollPolicy::QUICK, || ready().then_some(())).map(drop)
    }

    #[inline]
    fn enter(&self) -> io::Result<()> {
        // PAIRS: phase-ended. Every change of this word is a read-modify-write, so a later one still carries what the
        // writer released.
        let writer = self.came.fetch_add(READER, Ordering::Acquire) & WRITER_BITS;
        if writer == 0 { Ok(()) } else { Self::poll(|| self.came.load(Ordering::Acquire) & WRITER_BITS != writer) }
    }

    #[inline]
    fn leave(&self) {
        // PAIRS: phase-readers-left
        self.left.fetch_add(READER, Ordering::Release);
    }
}

impl<W: WaitStrategy<NoWaiters> + Default> RawLock for PhaseFair<W> {
    const SUMMARY: &'static str = "phase-fair reader-writer lock: one writer, then all waiting readers, and so on";
    const GROUP: Group = Group::ReadMostly;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, _: u32) -> io::Result<()> {
        let ticket = self.drawn.fetch_add(1, Ordering::Relaxed);
        // PAIRS: phase-turn
        Self::poll(|| self.turn.load(Ordering::Acquire) == ticket)?;
        // Later readers wait for this writer, which waits for the earlier ones.
        let before = self.came.fetch_add(phase(ticket), Ordering::Relaxed);
        // PAIRS: phase-readers-left
        Self::poll(|| self.left.load(Ordering::Acquire) == before)
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        // PAIRS: phase-turn
        let ticket = self.turn.load(Ordering::Acquire);
        let next = ticket.wrapping_add(1);
        if self.drawn.compare_exchange(ticket, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return false;
        }
        // PAIRS: phase-readers-left
        let left = self.left.load(Ordering::Acquire);
        let alone =
            self.came.compare_exchange(left, left | phase(ticket), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !alone {
            // PAIRS: phase-turn
            self.turn.store(next, Ordering::Release);
        }
        alone
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        // PAIRS: phase-ended
        self.came.fetch_and(!WRITER_BITS, Ordering::Release);
        let ticket = self.turn.load(Ordering::Relaxed);
        // PAIRS: phase-turn
        self.turn.store(ticket.wrapping_add(1), Ordering::Release);
        Ok(())
    }

    #[inline]
    fn read<R>(&self, _: u32, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        self.enter()?;
        let seen = look(0);
        self.leave();
        Ok(Looked { seen, retries: 0 })
    }

    fn cost() -> Cost {
        Cost {
            // A ticket, and the writer's bits set and cleared.
            alone: Counts { atomics: 3.0, ..Counts::default() },
            release: Counts::default(),
            // The line is fetched once to be read, and once more to be written.
            acquire: Counts { line_transfers: 2.0, ..Counts::default() },
        }
    }
}
