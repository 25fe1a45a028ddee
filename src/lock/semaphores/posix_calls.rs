//! POSIX semaphore as a lock, at any address. Not a mechanism. The plain calls are measured, as programs make them: a
//! waiter checks the abort word only when a signal interrupts it.
//!
//! Source: sem_overview(7), sem_wait(3), sem_post(3).

use std::io;

use nix::errno::Errno;

use crate::abort;
use crate::lock::{Acquired, Cost, Holder};
use crate::record::Counts;

/// Address of a semaphore.
///
/// # Safety
///
/// [`get`](Self::get) returns a semaphore that was made with `sem_init` or `sem_open` and stays valid while the value
/// lives.
pub(in crate::lock) unsafe trait Place {
    /// The semaphore.
    fn get(&self) -> *mut libc::sem_t;
}

/// A contender's handle of the semaphore at `P`.
pub struct Permit<P>(pub(super) P);

impl<P: Place> Permit<P> {
    #[inline]
    fn take(&self) -> io::Result<()> {
        loop {
            // SAFETY: a semaphore, by the contract of `Place`.
            match Errno::result(unsafe { libc::sem_wait(self.0.get()) }) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) if abort::requested() => return Err(abort::error()),
                Err(Errno::EINTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }

    #[inline]
    fn give(&self) -> io::Result<()> {
        // SAFETY: a semaphore, by the contract of `Place`.
        Errno::result(unsafe { libc::sem_post(self.0.get()) })?;
        Ok(())
    }
}

impl<P: Place> Holder for Permit<P> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        self.take()?;
        let result = critical(Acquired::default());
        self.give()?;
        Ok(result)
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        // SAFETY: a semaphore, by the contract of `Place`.
        match Errno::result(unsafe { libc::sem_trywait(self.0.get()) }) {
            Err(Errno::EAGAIN) => return Ok(None),
            other => other?,
        };
        let result = critical(Acquired::default());
        self.give()?;
        Ok(Some(result))
    }
}

/// One atomic instruction each way; a sleep and a wake-up when a contender waits.
pub(super) fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 2.0, ..Counts::default() },
        release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
    }
}
