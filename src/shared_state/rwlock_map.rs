//! `RwLock<HashMap>`: one lock for all of the map, which lets readers in together. Each of them still changes the lock's
//! word twice, so that its line goes from one to the next as a mutex's does; only long copies gain.
//!
//! Source: `std::sync::RwLock`.

use std::io;
use std::sync::RwLock;

use super::bounded_map::BoundedMap;
use super::in_process::Shared;
use super::poisoned;

/// The map.
pub struct RwLockMap(RwLock<BoundedMap>);

impl Shared for RwLockMap {
    const SUMMARY: &'static str = "std::sync::RwLock around a HashMap, between threads";

    fn with_room_for(entries: u32) -> Self {
        Self(RwLock::new(BoundedMap::with_room_for(entries)))
    }

    #[inline]
    fn copy_out(&self, key: u64, room: &mut Vec<u8>) -> io::Result<bool> {
        Ok(self.0.read().map_err(|_| poisoned())?.copy_out(key, room))
    }

    #[inline]
    fn copy_in(&self, key: u64, value: &[u8]) -> io::Result<()> {
        self.0.write().map_err(|_| poisoned())?.copy_in(key, value)
    }

    #[inline]
    fn change<R>(&self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> io::Result<Option<R>> {
        Ok(self.0.write().map_err(|_| poisoned())?.change(key, change))
    }
}
