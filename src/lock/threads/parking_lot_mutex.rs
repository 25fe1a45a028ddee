//! Mutex of parking_lot: one byte, polled for a while, and a queue of sleepers in a table of the process. Barging is
//! allowed, but about every half millisecond a release hands the lock to the first in the queue: fair in the long run.
//! A hand-off to a sleeper costs a system call on each side, a wake-up, a context switch and the table's own lock; to a
//! polling waiter, the line.
//!
//! Source: the crate parking_lot, `Mutex`; after WebKit's WTF::Lock (Pizlo, Locking in WebKit, 2016).

use std::io;

use parking_lot::Mutex;

use super::Library;

/// The lock.
#[derive(Default)]
pub struct ParkingLot(Mutex<()>);

impl Library for ParkingLot {
    const SUMMARY: &'static str = "parking_lot::Mutex, between threads";

    #[inline]
    fn alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.lock();
        Ok(critical())
    }

    #[inline]
    fn try_alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        Ok(self.0.try_lock().map(|_held| critical()))
    }
}
