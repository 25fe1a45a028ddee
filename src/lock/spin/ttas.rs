//! Test-and-test-and-set. Waiters read their own copy of the line until it says free, and only then try to take it, so
//! that the owner's line is left alone meanwhile. All of them try at once then: n misses per hand-over. Unfair.
//!
//! Source: Rudolph and Segall 1984; Anderson 1990.

use std::io;
use std::marker::PhantomData;

use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::lock::sync::{AtomicU32, Ordering};
use crate::record::{Counts, Group, Wait};
use crate::wait::{Nowhere, Rhythm, WaitStrategy};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// The lock's word, by how its waiters poll.
#[cfg_attr(not(loom), repr(C, align(64)))]
pub struct Ttas<W> {
    word: AtomicU32,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl<W> crate::shm::SharedLayout for Ttas<W> {}

impl<W: WaitStrategy<Nowhere> + Default> RawLock for Ttas<W> {
    const SUMMARY: &'static str = "test-and-test-and-set";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        while !self.try_acquire(me) {
            let free = || (self.word.load(Ordering::Relaxed) == FREE).then_some(());
            W::default().until(&Nowhere, Rhythm::QUICK, free)?;
        }
        Ok(())
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        // PAIRS: ttas-released
        self.word.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        // PAIRS: ttas-released
        self.word.store(FREE, Ordering::Release);
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            // The line comes to be read, and once more to be written.
            acquire: Counts { line_hand_overs: 2.0, ..Counts::default() },
        }
    }
}
