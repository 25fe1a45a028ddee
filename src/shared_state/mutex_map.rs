//! `Mutex<HashMap>`: one lock for all of the map, and every access alone. Costs the lock, SipHash, a probe and the copy; what
//! passes from one thread to the next is the lock's line and those of the value.
//!
//! Source: `std::sync::Mutex` and `std::collections::HashMap` (hashbrown, a Swiss table).

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard};

use super::in_process::{Shared, replace};
use super::{full, poisoned};

type Map = HashMap<u64, Vec<u8>>;

/// The map.
pub struct MutexMap {
    map: Mutex<Map>,
    entries: u32,
}

impl MutexMap {
    fn alone(&self) -> io::Result<MutexGuard<'_, Map>> {
        self.map.lock().map_err(|_| poisoned())
    }
}

impl Shared for MutexMap {
    const SUMMARY: &'static str = "std::sync::Mutex around a HashMap, between threads";

    fn with_room_for(entries: u32) -> Self {
        Self { map: Mutex::new(HashMap::with_capacity(entries as usize)), entries }
    }

    #[inline]
    fn copy_out(&self, key: u64, room: &mut Vec<u8>) -> io::Result<bool> {
        let map = self.alone()?;
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
