//! Readers-writer lock of parking_lot: readers counted in one word, polled for a while, and queues of sleepers in a
//! table of the process. A waiting writer holds off new readers, and as with its mutex a release now and then hands the
//! lock to a waiter instead of allowing barging: fair in the long run. Every reader writes the word twice.
//!
//! Source: the crate parking_lot, `RwLock`.

use std::io;

use parking_lot::RwLock;

use super::Library;

/// The lock.
#[derive(Default)]
pub struct ParkingLotRwLock(RwLock<()>);

impl Library for ParkingLotRwLock {
    const SUMMARY: &'static str = "parking_lot::RwLock, between threads";

    #[inline]
    fn alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.write();
        Ok(critical())
    }

    #[inline]
    fn try_alone<R>(&self, critical: impl FnOnce() -> R) -> io::Result<Option<R>> {
        Ok(self.0.try_write().map(|_held| critical()))
    }

    #[inline]
    fn among_readers<R>(&self, look: impl FnOnce() -> R) -> io::Result<R> {
        let _held = self.0.read();
        Ok(look())
    }
}
