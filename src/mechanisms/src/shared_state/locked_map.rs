//! A `HashMap` behind one lock of the standard library, shared by threads: `Mutex` or `RwLock`.
//!
//! With a mutex, every access is exclusive. It costs the lock, SipHash, a probe and the copy; the cache lines of the
//! lock and of the value move between CPUs. A readers-writer lock admits readers together. Each reader still changes
//! the lock's word twice, so that its line moves as that of a mutex does; only long copies gain.
//!
//! Source: `std::sync::Mutex`, `std::sync::RwLock`; `std::collections::HashMap` (hashbrown, a Swiss table).

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, RwLock};

use super::full;
use super::in_process::{Shared, replace};

/// A map of at most `entries` entries.
pub struct BoundedMap {
    values: HashMap<u64, Vec<u8>>,
    entries: u32,
}

/// A lock around a map.
pub trait MapLock: Send + Sync + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Wraps a map.
    fn new(map: BoundedMap) -> Self;
    /// Runs `access` under the lock, possibly together with other readers.
    fn read<R>(&self, access: impl FnOnce(&BoundedMap) -> R) -> io::Result<R>;
    /// Runs `access` under the lock, exclusively.
    fn write<R>(&self, access: impl FnOnce(&mut BoundedMap) -> R) -> io::Result<R>;
}

impl MapLock for Mutex<BoundedMap> {
    const SUMMARY: &'static str = "std::sync::Mutex around a HashMap, between threads";

    fn new(map: BoundedMap) -> Self {
        Self::new(map)
    }

    #[inline]
    fn read<R>(&self, access: impl FnOnce(&BoundedMap) -> R) -> io::Result<R> {
        Ok(access(&*self.lock().map_err(|_| poisoned())?))
    }

    #[inline]
    fn write<R>(&self, access: impl FnOnce(&mut BoundedMap) -> R) -> io::Result<R> {
        Ok(access(&mut *self.lock().map_err(|_| poisoned())?))
    }
}

impl MapLock for RwLock<BoundedMap> {
    const SUMMARY: &'static str = "std::sync::RwLock around a HashMap, between threads";

    fn new(map: BoundedMap) -> Self {
        Self::new(map)
    }

    #[inline]
    fn read<R>(&self, access: impl FnOnce(&BoundedMap) -> R) -> io::Result<R> {
        Ok(access(&*self.read().map_err(|_| poisoned())?))
    }

    #[inline]
    fn write<R>(&self, access: impl FnOnce(&mut BoundedMap) -> R) -> io::Result<R> {
        Ok(access(&mut *self.write().map_err(|_| poisoned())?))
    }
}

impl<L: MapLock> Shared for L {
    const SUMMARY: &'static str = L::SUMMARY;

    fn with_room_for(entries: u32) -> Self {
        L::new(BoundedMap { values: HashMap::with_capacity(entries as usize), entries })
    }

    #[inline]
    fn copy_out(&self, key: u64, buffer: &mut Vec<u8>) -> io::Result<bool> {
        MapLock::read(self, |map| map.values.get(&key).map(|value| replace(buffer, value)).is_some())
    }

    #[inline]
    fn copy_in(&self, key: u64, value: &[u8]) -> io::Result<()> {
        MapLock::write(self, |map| {
            if let Some(held) = map.values.get_mut(&key) {
                replace(held, value);
            } else if map.values.len() >= map.entries as usize {
                return Err(full(map.entries));
            } else {
                map.values.insert(key, value.to_vec());
            }
            Ok(())
        })?
    }

    #[inline]
    fn change<R>(&self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> io::Result<Option<R>> {
        MapLock::write(self, |map| map.values.get_mut(&key).map(|value| change(value)))
    }
}

/// The error after a panic of a thread that held the lock.
#[cold]
pub(super) fn poisoned() -> io::Error {
    io::Error::other("a thread panicked while it held the lock of the state")
}
