//! Strict hand-off: a ticket lock whose waiters sleep, each on its own word. Perfectly fair, first come first served,
//! and therefore slow: the lock is handed to a sleeper and stays unused until it runs. The row shows the cost of strict
//! fairness with sleeping waiters: a wake-up and a context switch per hand-off.
//!
//! Tickets use a ring of words in turn. A word records the ticket that was served there last, and whether the next one
//! sleeps; a release is one swap on the word of the next ticket, which tells the owner whether to wake a sleeper.
//!
//! Source: Reed, Kanodia 1979 (tickets, as sequencers); Anderson 1990 (a word for each waiter); futex(2).
#![allow(unsafe_code)]

use std::io;

use crate::abort;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, Ordering};
use crate::raw_lock::{Cost, MAX_CONTENDERS};
use crate::record::{Counts, Group, Wait};
use crate::wait::Word;

/// Words that tickets use in turn: a power of two, so that the order survives the wrap-around of the numbers, and
/// enough that no two contenders ever wait at the same one.
const TURNS: usize = if cfg!(loom) { 4 } else { 64 };
const HOLDERS: usize = if cfg!(loom) { 3 } else { MAX_CONTENDERS as usize };
const _: () = assert!(HOLDERS <= TURNS && TURNS.is_power_of_two());

/// Set in a word at which a contender sleeps; the bits above are those of a ticket.
const ASLEEP: u32 = 1;

/// Ticket lock with sleeping waiters.
#[cfg_attr(not(loom), repr(C))]
pub struct FutexHandoff {
    next: Line<AtomicU32>,
    turns: [Line<Word>; TURNS],
    /// Ticket that each contender has drawn, for its release: written and read by that contender only.
    drawn: [Line<AtomicU32>; HOLDERS],
}

/// Value on its own cache line.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Line<T>(T);

#[cfg(not(loom))]
const _: () = {
    use std::mem::offset_of;
    assert!(offset_of!(FutexHandoff, turns) == 64 && offset_of!(FutexHandoff, drawn) == 64 * (1 + TURNS));
};

// SAFETY: repr(C), atomics only; all-zero bytes mean that ticket 0 is next, which no contender has drawn. Never mapped
// under the model checker.
unsafe impl crate::shm::SharedLayout for FutexHandoff {}

/// Value of a word when it is the turn of `ticket`.
const fn turn_of(ticket: u32) -> u32 {
    ticket << 1
}

impl FutexHandoff {
    #[cold]
    fn sleep(&self, ticket: u32) -> io::Result<()> {
        let turn = self.turn(ticket);
        loop {
            // PAIRS: handoff-turn
            let seen = turn.value().load(Ordering::Acquire);
            if seen == turn_of(ticket) {
                return Ok(());
            }
            // Besides this contender only a release changes the word, and that ends the wait.
            let announced = turn.value().compare_exchange(seen, seen | ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
            if announced.is_ok() {
                turn.sleep(seen | ASLEEP)?;
                if abort::requested() {
                    return Err(abort::error());
                }
            }
        }
    }

    #[cold]
    fn wake(turn: &Word) -> io::Result<()> {
        // At most one contender waits at the word.
        turn.wake(1).map(drop)
    }

    #[inline]
    fn turn(&self, ticket: u32) -> &Word {
        &self.turns[ticket as usize % TURNS].0
    }

    /// First half of a release: the word of the sleeper to wake, if any.
    #[inline]
    pub(super) fn pass_on(&self, me: u32) -> Option<&Word> {
        let next = self.drawn[me as usize].0.load(Ordering::Relaxed).wrapping_add(1);
        let turn = self.turn(next);
        // PAIRS: handoff-turn
        (turn.value().swap(turn_of(next), Ordering::Release) & ASLEEP != 0).then_some(turn)
    }
}

impl RawLock for FutexHandoff {
    const SUMMARY: &'static str = "ticket lock whose waiters sleep, handed over in order of arrival";
    const GROUP: Group = Group::FutexLocks;
    const WAIT: Wait = Wait::Park;
    const POLLS: bool = false;
    const WAKES: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        let ticket = self.next.0.fetch_add(1, Ordering::Relaxed);
        self.drawn[me as usize].0.store(ticket, Ordering::Relaxed);
        // PAIRS: handoff-turn
        if self.turn(ticket).value().load(Ordering::Acquire) == turn_of(ticket) { Ok(()) } else { self.sleep(ticket) }
    }

    #[inline]
    fn try_acquire(&self, me: u32) -> bool {
        let next = self.next.0.load(Ordering::Relaxed);
        // PAIRS: handoff-turn
        let free = self.turn(next).value().load(Ordering::Acquire) == turn_of(next);
        let drawn = || self.next.0.compare_exchange(next, next.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
        if free && drawn().is_ok() {
            self.drawn[me as usize].0.store(next, Ordering::Relaxed);
            return true;
        }
        false
    }

    #[inline]
    fn release(&self, me: u32) -> io::Result<()> {
        self.pass_on(me).map_or(Ok(()), Self::wake)
    }

    /// The owner fetches the word at which the next contender sleeps; that contender fetches it back, and has fetched
    /// the line from which tickets are drawn.
    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 2.0, ..Counts::default() },
            release: Counts { line_transfers: 1.0, system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { line_transfers: 2.0, system_calls: 1.0, context_switches: 1.0, ..Counts::default() },
        }
    }
}

#[cfg(all(test, loom))]
impl Default for FutexHandoff {
    fn default() -> Self {
        Self {
            next: Line::default(),
            turns: std::array::from_fn(|_| Line::default()),
            drawn: std::array::from_fn(|_| Line::default()),
        }
    }
}
