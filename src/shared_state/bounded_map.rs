//! The standard library's map, with room for so many entries. What is put around it for threads differs from row to row. Not a
//! mechanism. Source: `std::collections::HashMap` (hashbrown, a Swiss table).

use std::collections::HashMap;
use std::io;

use super::full;
use super::in_process::replace;

/// The map.
pub(super) struct BoundedMap {
    values: HashMap<u64, Vec<u8>>,
    entries: u32,
}

impl BoundedMap {
    pub(super) fn with_room_for(entries: u32) -> Self {
        Self { values: HashMap::with_capacity(entries as usize), entries }
    }

    /// Copies the value of `key` into `room`; false while it has none.
    #[inline]
    pub(super) fn copy_out(&self, key: u64, room: &mut Vec<u8>) -> bool {
        self.values.get(&key).map(|value| replace(room, value)).is_some()
    }

    /// Errors: `StorageFull` for a key more than there are entries.
    #[inline]
    pub(super) fn copy_in(&mut self, key: u64, value: &[u8]) -> io::Result<()> {
        if let Some(held) = self.values.get_mut(&key) {
            replace(held, value);
        } else if self.values.len() >= self.entries as usize {
            return Err(full(self.entries));
        } else {
            self.values.insert(key, value.to_vec());
        }
        Ok(())
    }

    /// Runs `change` on the value of `key`; nothing while it has none.
    #[inline]
    pub(super) fn change<R>(&mut self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> Option<R> {
        self.values.get_mut(&key).map(|value| change(value))
    }
}
