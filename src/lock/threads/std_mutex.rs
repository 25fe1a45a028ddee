//! Mutex of the standard library: three states in one word, a hundred polls before it sleeps on a private futex, and a
//! flag that says whether a holder panicked. Barging is allowed, so it is unfair. A hand-off to a sleeper costs a
//! system call on each side, a wake-up and a context switch; to a polling waiter, the line.
//!
//! Source: `std::sync::Mutex`; Rust, library/std/src/sys/sync/mutex/futex.rs.

use std::io;
use std::sync::{Mutex, TryLockError};

use super::{Library, poisoned};

/// The lock.
#[derive(Default)]
pub struct StdMutex(Mutex<()>);

impl Library for StdMutex {
    const SUMMARY: &'static str = "std::sync::Mutex, between threads";

    #[inline]
    fn alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.lock().map_err(|_| poisoned())?;
        Ok(critical())
    }

    #[inline]
    fn try_alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        match self.0.try_lock() {
            Ok(_held) => Ok(Some(critical())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Poisoned(_)) => Err(poisoned()),
        }
    }
}
