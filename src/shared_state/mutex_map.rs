//! `Mutex<HashMap>`: one lock for all of the map, and every access alone. Costs the lock, SipHash, a probe and the copy; what
//! passes from one thread to the next is the lock's line and those of the value.
//!
//! Source: `std::sync::Mutex`.

use std::io;
use std::sync::Mutex;

use super::bounded_map::BoundedMap;
use super::in_process::Shared;
use super::poisoned;

/// The map.
pub struct MutexMap(Mutex<BoundedMap>);

impl Shared for MutexMap {
    const SUMMARY: &'static str = "std::sync::Mutex around a HashMap, between threads";

    fn with_room_for(entries: u32) -> Self {
        Self(Mutex::new(BoundedMap::with_room_for(entries)))
    }

    #[inline]
    fn copy_out(&self, key: u64, room: &mut Vec<u8>) -> io::Result<bool> {
        Ok(self.0.lock().map_err(|_| poisoned())?.copy_out(key, room))
    }

    #[inline]
    fn copy_in(&self, key: u64, value: &[u8]) -> io::Result<()> {
        self.0.lock().map_err(|_| poisoned())?.copy_in(key, value)
    }

    #[inline]
    fn change<R>(&self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> io::Result<Option<R>> {
        Ok(self.0.lock().map_err(|_| poisoned())?.change(key, change))
    }
}
