//! Readers-writer lock of the standard library: readers counted in one word, writers first, a hundred polls before
//! either sleeps on a private futex. A releasing writer wakes one writer, or all readers where no writer waits. Every
//! reader writes the word twice, so readers hand its line around. Unfair among writers.
//!
//! Source: `std::sync::RwLock`; Rust, library/std/src/sys/sync/rwlock/futex.rs.

use std::io;
use std::sync::{RwLock, TryLockError};

use super::{Library, poisoned};

/// The lock.
#[derive(Default)]
pub struct StdRwLock(RwLock<()>);

impl Library for StdRwLock {
    const SUMMARY: &'static str = "std::sync::RwLock, between threads";

    #[inline]
    fn alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.write().map_err(|_| poisoned())?;
        Ok(critical())
    }

    #[inline]
    fn try_alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        match self.0.try_write() {
            Ok(_held) => Ok(Some(critical())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Poisoned(_)) => Err(poisoned()),
        }
    }

    #[inline]
    fn among_readers<R>(&self, look: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.read().map_err(|_| poisoned())?;
        Ok(look())
    }
}
