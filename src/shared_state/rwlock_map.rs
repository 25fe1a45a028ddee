//! `RwLock<HashMap>`: one lock for all of the map, which lets readers in together. Each of them still changes the lock's
//! word twice, so that its line goes from one to the next as a mutex's does; only long copies gain.
//!
//! Source: `std::sync::RwLock` and `std::collections::HashMap` (hashbrown, a Swiss table).

use std::collections::HashMap;
use std::io;
use std::sync::{RwLock, RwLockWriteGuard};

use super::in_process::{Shared, replace};
use super::{full, poisoned};

type Map = HashMap<u64, Vec<u8>>;

/// The map.
pub struct RwLockMap {
    map: RwLock<Map>,
    entries: u32,
}

impl RwLockMap {
    fn alone(&self) -> io::Result<RwLockWriteGuard<'_, Map>> {
        self.map.write().map_err(|_| poisoned())
    }
}

impl Shared for RwLockMap {
    const SUMMARY: &'static str = "std::sync::RwLock around a HashMap, between threads";

    fn with_room_for(entries: u32) -> Self {
        Self { map: RwLock::new(HashMap::with_capacity(entries as usize)), entries }
    }

    #[inline]
    fn copy_out(&self, key: u64, room: &mut Vec<u8>) -> io::Result<bool> {
        let map = self.map.read().map_err(|_| poisoned())?;
        let found = map.get(&key);
        Ok(found.map(|value| replace(room, value)).is_some())
    }

    #[inline]
    fn copy_in(&self, key: u64, value: &[u8]) -> io::Result<()> {
        let mut map = self.alone()?;
        if let Some(held) = map.get_mut(&key) {
            replace(held, value);
        } else if map.len() >= self.entries as usize {
            return Err(full(self.entries));
        } else {
            map.insert(key, value.to_vec());
        }
        Ok(())
    }

    #[inline]
    fn change<R>(&self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> io::Result<Option<R>> {
        Ok(self.alone()?.get_mut(&key).map(|value| change(value)))
    }
}
