//! Adaptive mutex: the three-state mutex, but who finds it taken looks a few times more before he sleeps, for as long as
//! nobody sleeps yet. A short critical section ends while he looks, and two system calls and a context switch are saved.
//! Once somebody sleeps nobody polls, or the woken would hardly ever win. Unfair, like the mutex it is made of.
//!
//! How often to look is a bargain: each look takes the line away from the owner, who has to fetch it back to let go or to
//! take it again. Looks that are far apart leave him alone meanwhile. On two virtual processors of an EPYC, two holders that
//! wanted nothing but the lock made 5 times as many acquisitions with 4 looks after 100 pause hints each as they did without
//! looking, and 1.2 times as many with 100 looks in a row; with 100 ns inside and outside it was 1.4 and 1.6 times.
//!
//! Source: Karlin, Li, Manasse, Owicki, Empirical Studies of Competitive Spinning, 1991; Rust's own mutex looks 100 times.

use std::hint;
use std::io;

use super::states::{self, States};
use crate::lock::Cost;
use crate::lock::in_memory::RawLock;
use crate::record::{Group, Wait};

/// The lock whose waiters look `LOOKS` times, after `PAUSES` pause hints each, before they sleep.
#[cfg_attr(not(loom), repr(C))]
#[derive(Default)]
pub struct FutexAdaptive<const LOOKS: u32, const PAUSES: u32> {
    pub(super) states: States,
}

// SAFETY: repr(C), one atomic; all-zero bytes are a free lock. Never mapped under the model checker.
unsafe impl<const LOOKS: u32, const PAUSES: u32> crate::shm::SharedLayout for FutexAdaptive<LOOKS, PAUSES> {}

impl<const LOOKS: u32, const PAUSES: u32> FutexAdaptive<LOOKS, PAUSES> {
    #[cold]
    fn acquire_contended(&self) -> io::Result<()> {
        self.look();
        if self.states.try_take() {
            return Ok(());
        }
        while !self.states.take_awaited() {
            self.states.sleep()?;
            self.look();
        }
        Ok(())
    }

    /// Returns when the word is anything but taken without sleepers, and after the last look.
    pub(super) fn look(&self) {
        for _ in 0..LOOKS {
            for _ in 0..PAUSES {
                hint::spin_loop();
            }
            if !self.states.is_taken_only() {
                return;
            }
        }
    }
}

impl<const LOOKS: u32, const PAUSES: u32> RawLock for FutexAdaptive<LOOKS, PAUSES> {
    const SUMMARY: &'static str = match LOOKS {
        ..10 => "futex mutex, looks a few times, far apart, before it sleeps",
        10..1000 => "futex mutex, looks a hundred times in a row before it sleeps",
        _ => "futex mutex, looks a thousand times in a row before it sleeps",
    };
    const GROUP: Group = Group::FutexLocks;
    const WAIT: Wait = Wait::Hybrid;
    const POLLS: bool = false;
    const WAKES: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) { Ok(()) } else { self.acquire_contended() }
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.states.try_take()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        self.states.release()
    }

    /// Handed over to one who slept: one who still looks saves both sides the system call.
    fn cost() -> Cost {
        states::cost()
    }
}
