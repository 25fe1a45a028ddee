//! Test-and-set. Waiters try to take the word over and over, a pause between, and each try fetches the line for
//! writing, from the other waiters and from the owner alike. Unfair. A hand-off moves the line twice, to the owner that
//! writes "free" and to the waiter that tries next, and a new owner may have to win it back from every waiter first.
//!
//! Source: Anderson, The Performance of Spin Lock Alternatives for Shared-Memory Multiprocessors, 1990, section 3.1.

use std::io;
use std::marker::PhantomData;

use super::flag::Flag;
use super::{Poll, wait};
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::record::{Counts, Group, Wait};
use crate::wait::PollPolicy;

/// The lock's word, by wait strategy.
#[repr(C)]
pub struct Tas<W> {
    flag: Flag,
    wait: PhantomData<W>,
}

// SAFETY: repr(C), one atomic and a zero-sized marker; all-zero bytes are a free lock.
unsafe impl<W> crate::shm::SharedLayout for Tas<W> {}

impl<W: Poll> RawLock for Tas<W> {
    const SUMMARY: &'static str = "test-and-set: every look tries to take it";
    const GROUP: Group = Group::SpinLocks;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) { Ok(()) } else { wait::<W>(PollPolicy::QUICK, || self.flag.test_and_set()) }
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.flag.test_and_set()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.flag.release();
        Ok(())
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            // The line is with a waiter, after its last failed try.
            release: Counts { line_hand_overs: 1.0, ..Counts::default() },
            acquire: Counts { line_hand_overs: 1.0, ..Counts::default() },
        }
    }
}
