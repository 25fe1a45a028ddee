//! Eventually fair mutex. Barging is normally allowed, as in the other futex mutexes; but if a release finds that the
//! longest sleeper has waited for half a millisecond, it hands the lock to that sleeper without freeing it. So no
//! contender starves, and the cost, a context switch while the lock is unused, arises at most once per sleeper and half
//! millisecond.
//!
//! The word has a bit for taken and the number of the youngest sleeper; each sleeper has its own line, with the number
//! of the sleeper before it. Sleepers only add themselves at the front, by one compare-and-swap, and only the owner
//! removes them, before it releases; so the list needs no other lock, and numbers replace pointers, which could not be
//! shared. A woken sleeper that comes too late joins the list again, with the start time of its wait.
//!
//! Source: in the spirit of parking_lot's eventual fairness (Pizlo, Locking in WebKit, 2016); futex(2).
#![allow(unsafe_code)]

use std::io;

use crate::abort;
use crate::clock::{self, pause::pause};
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, AtomicU64, Ordering};
use crate::raw_lock::{Cost, MAX_CONTENDERS};
use crate::record::{Counts, Group, Wait};
use crate::wait::{Word, budget};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Position of the youngest sleeper's number: its index plus one, 0 for none.
const YOUNGEST: u32 = 1;

/// State of a sleeper.
const NOTHING: u32 = 0;
const TRY: u32 = 1;
const YOURS: u32 = 2;

/// Polls before sleeping, after [`budget::MUTEX_POLL`] each: as in the adaptive mutex, for the same reasons.
const LOOKS: u32 = if cfg!(loom) { 1 } else { 4 };

const SLOTS: usize = if cfg!(loom) { 3 } else { MAX_CONTENDERS as usize };

/// Lock that is handed to a sleeper after a wait of `PATIENCE_NS` nanoseconds.
#[cfg_attr(not(loom), repr(C, align(64)))]
pub struct FutexFair<const PATIENCE_NS: u64> {
    word: AtomicU32,
    slots: [Slot; SLOTS],
}

/// Line where one contender sleeps.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Slot {
    state: Word,
    /// Number of the sleeper before it; 0 for none.
    older: AtomicU32,
    since_ns: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot>() == 64 && std::mem::offset_of!(FutexFair<0>, slots) == 64);

// SAFETY: repr(C), atomics only; all-zero bytes are a free lock without sleepers. Never mapped under the model checker.
unsafe impl<const PATIENCE_NS: u64> crate::shm::SharedLayout for FutexFair<PATIENCE_NS> {}

impl<const PATIENCE_NS: u64> FutexFair<PATIENCE_NS> {
    #[cold]
    fn acquire_contended(&self, me: u32) -> io::Result<()> {
        let mut waiting_since_ns = None;
        loop {
            self.look();
            if self.try_acquire(me) {
                return Ok(());
            }
            let since_ns = *waiting_since_ns.get_or_insert_with(clock::now_ns);
            if self.enlist(me, since_ns)? && self.sleep(me)? == YOURS {
                return Ok(());
            }
        }
    }

    /// Returns when the lock has another state than taken without sleepers, or after the last poll.
    fn look(&self) {
        let hints = budget::MUTEX_POLL.hints();
        for _ in 0..LOOKS {
            pause(hints);
            if self.word.load(Ordering::Relaxed) != TAKEN {
                return;
            }
        }
    }

    /// Adds itself as the youngest sleeper; false if the lock was free, or another contender came first.
    fn enlist(&self, me: u32, since_ns: u64) -> io::Result<bool> {
        let seen = self.word.load(Ordering::Relaxed);
        if seen & TAKEN == 0 {
            return Ok(false);
        }
        let slot = self.slot(me + 1)?;
        slot.state.value().store(NOTHING, Ordering::Relaxed);
        slot.older.store(seen >> YOUNGEST, Ordering::Relaxed);
        slot.since_ns.store(since_ns, Ordering::Relaxed);
        // PAIRS: fair-enlisted
        let enlisted = ((me + 1) << YOUNGEST) | TAKEN;
        Ok(self.word.compare_exchange(seen, enlisted, Ordering::Release, Ordering::Relaxed).is_ok())
    }

    /// Sleeps until its state changes. A late wake-up for an earlier sleeper may end this sleep early.
    fn sleep(&self, me: u32) -> io::Result<u32> {
        let state = &self.slot(me + 1)?.state;
        loop {
            // PAIRS: fair-state
            let now = state.value().load(Ordering::Acquire);
            if now != NOTHING {
                return Ok(now);
            }
            state.sleep(NOTHING)?;
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }

    /// Frees the lock or hands it off, when contenders sleep.
    #[cold]
    fn release_contended(&self) -> io::Result<()> {
        let now_ns = clock::now_ns();
        loop {
            // PAIRS: fair-enlisted
            let seen = self.word.load(Ordering::Acquire);
            let (sleeper, younger) = self.longest(seen >> YOUNGEST)?;
            let hands_over = now_ns.saturating_sub(sleeper.since_ns.load(Ordering::Relaxed)) >= PATIENCE_NS;
            let left = if hands_over { TAKEN } else { FREE };
            let older = sleeper.older.load(Ordering::Relaxed);
            if let Some(younger) = younger {
                younger.older.store(older, Ordering::Relaxed);
                if !hands_over {
                    self.free();
                }
            } else {
                let left = (older << YOUNGEST) | left;
                // PAIRS: fair-released
                if self.word.compare_exchange(seen, left, Ordering::Release, Ordering::Relaxed).is_err() {
                    // Another sleeper has added itself at the front.
                    continue;
                }
            }
            // PAIRS: fair-state
            sleeper.state.value().store(if hands_over { YOURS } else { TRY }, Ordering::Release);
            return sleeper.state.wake(1).map(drop);
        }
    }

    /// Frees the lock without a check for sleepers.
    pub(super) fn free(&self) {
        // PAIRS: fair-released
        self.word.fetch_and(!TAKEN, Ordering::Release);
    }

    /// Line of the longest sleeper, and that of the sleeper just after it.
    fn longest(&self, youngest: u32) -> io::Result<(&Slot, Option<&Slot>)> {
        let mut at = self.slot(youngest)?;
        let mut found = (at, None);
        // At most as many steps as there are lines: corrupted memory must not trap the owner here.
        for _ in 1..SLOTS {
            let number = at.older.load(Ordering::Relaxed);
            if number == 0 {
                break;
            }
            let next = self.slot(number)?;
            if next.since_ns.load(Ordering::Relaxed) <= found.0.since_ns.load(Ordering::Relaxed) {
                found = (next, Some(at));
            }
            at = next;
        }
        Ok(found)
    }

    fn slot(&self, number: u32) -> io::Result<&Slot> {
        let slot = (number as usize).checked_sub(1).and_then(|index| self.slots.get(index));
        slot.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("there is no slot {number} of {SLOTS}")))
    }
}

impl<const PATIENCE_NS: u64> RawLock for FutexFair<PATIENCE_NS> {
    const SUMMARY: &'static str = "futex mutex, handed to a contender that has slept for half a millisecond";
    const GROUP: Group = Group::FutexLocks;
    const WAIT: Wait = Wait::Hybrid;
    const POLLS: bool = false;
    const WAKES: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        // PAIRS: fair-released
        if self.word.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Ok(());
        }
        self.acquire_contended(me)
    }

    fn try_acquire(&self, _: u32) -> bool {
        let free = |seen: u32| (seen & TAKEN == 0).then_some(seen | TAKEN);
        // PAIRS: fair-released
        self.word.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).is_ok()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        // PAIRS: fair-released
        if self.word.compare_exchange(TAKEN, FREE, Ordering::Release, Ordering::Relaxed).is_ok() {
            return Ok(());
        }
        self.release_contended()
    }

    /// Hand-off to a sleeper: the lines of the word and of the sleeper go to the owner and back.
    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 2.0, ..Counts::default() },
            release: Counts { line_transfers: 2.0, system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { line_transfers: 2.0, system_calls: 1.0, context_switches: 1.0, ..Counts::default() },
        }
    }
}

#[cfg(all(test, loom))]
impl<const PATIENCE_NS: u64> FutexFair<PATIENCE_NS> {
    /// Whether any contender sleeps, for a mutant.
    pub(super) fn has_sleeper(&self) -> bool {
        self.word.load(Ordering::Relaxed) >> YOUNGEST != 0
    }
}

#[cfg(all(test, loom))]
impl<const PATIENCE_NS: u64> Default for FutexFair<PATIENCE_NS> {
    fn default() -> Self {
        Self { word: AtomicU32::default(), slots: std::array::from_fn(|_| Slot::default()) }
    }
}
