//! Sequence lock: a number that is odd during a write. A reader writes nothing: it copies the state out between two
//! loads of the number, and repeats the copy if the number changed. So readers never delay a writer, share the line of
//! the number as long as there is no write, and may starve under continuous writes. Among writers the number is a
//! test-and-test-and-set lock, whose hand-off costs two line transfers. Unfair.
//!
//! Source: Hemminger's seqlock in Linux, 2003; its orderings from Boehm, Can Seqlocks Get Along With Programming
//! Language Memory Models?, MSPC 2012.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use crate::abort;
use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU64, Ordering, fence};
use crate::raw_lock::{Cost, Looked};
use crate::record::{Counts, Group, Wait};
use crate::wait::{NoWaiters, PollPolicy, WaitStrategy};

/// Failed reads between two checks of the abort word.
const LOOKS_PER_ABORT_CHECK: u64 = 1024;

/// The sequence, by wait strategy. `MARKED` is false only in the model's mutant, where the odd number may become
/// visible later than the data written under it.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct Seqlock<W, const MARKED: bool = true> {
    /// 64 bits: a reader preempted during a read never meets the same number again.
    sequence: AtomicU64,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model
// checker.
unsafe impl<W, const MARKED: bool> crate::shm::SharedLayout for Seqlock<W, MARKED> {}

const fn is_even(sequence: u64) -> bool {
    sequence.is_multiple_of(2)
}

impl<W: WaitStrategy<NoWaiters> + Default, const MARKED: bool> Seqlock<W, MARKED> {
    /// Number outside a write.
    #[inline]
    fn between_writes(&self) -> io::Result<u64> {
        let even = || {
            // PAIRS: seqlock-written
            let now = self.sequence.load(Ordering::Acquire);
            is_even(now).then_some(now)
        };
        match even() {
            Some(now) => Ok(now),
            None => W::default().until(&NoWaiters, PollPolicy::QUICK, even).map(|(now, _)| now),
        }
    }
}

impl<W: WaitStrategy<NoWaiters> + Default, const MARKED: bool> RawLock for Seqlock<W, MARKED> {
    const SUMMARY: &'static str = "sequence lock: readers copy out and check for a write meanwhile";
    const GROUP: Group = Group::ReadMostly;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        while !self.try_acquire(me) {
            let free = || is_even(self.sequence.load(Ordering::Relaxed)).then_some(());
            W::default().until(&NoWaiters, PollPolicy::QUICK, free)?;
        }
        Ok(())
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        let now = self.sequence.load(Ordering::Relaxed);
        // PAIRS: seqlock-written
        let taken =
            is_even(now) && self.sequence.compare_exchange(now, now + 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if taken {
            // PAIRS: seqlock-marked. A reader that sees any data of this write sees at least the odd number too. The
            // mutant uses a kind of fence that does not order stores.
            fence(if MARKED { Ordering::Release } else { Ordering::Acquire });
        }
        taken
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        let odd = self.sequence.load(Ordering::Relaxed);
        // PAIRS: seqlock-written
        self.sequence.store(odd + 1, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn read<R>(&self, _: u32, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let mut retries = 0;
        loop {
            let before = self.between_writes()?;
            let seen = look(0);
            // PAIRS: seqlock-marked
            fence(Ordering::Acquire);
            if self.sequence.load(Ordering::Relaxed) == before {
                return Ok(Looked { seen, retries });
            }
            retries += 1;
            if retries % LOOKS_PER_ABORT_CHECK == 0 && abort::requested() {
                return Err(abort::error());
            }
        }
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            // The line is fetched once to be read, and once more to be written.
            acquire: Counts { line_transfers: 2.0, ..Counts::default() },
        }
    }
}
