//! `DashMap`: shards of hash maps, each with a readers-writer lock; the key's hash selects the shard. Users interfere
//! only if their keys are in the same shard. There are four shards per CPU, rounded up to a power of two.
//!
//! Source: the crate `dashmap` 6.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use dashmap::{DashMap, Entry};

use super::full;
use super::in_process::{Shared, replace};

/// The map.
pub struct Dash {
    map: DashMap<u64, Vec<u8>>,
    entries: u32,
    /// A separate counter, since no lock protects all shards.
    taken: AtomicU32,
}

impl Shared for Dash {
    const SUMMARY: &'static str = "DashMap: shards of hash maps with a lock each, between threads";

    fn with_room_for(entries: u32) -> Self {
        Self { map: DashMap::with_capacity(entries as usize), entries, taken: AtomicU32::new(0) }
    }

    #[inline]
    fn copy_out(&self, key: u64, buffer: &mut Vec<u8>) -> io::Result<bool> {
        Ok(self.map.get(&key).map(|value| replace(buffer, &value)).is_some())
    }

    #[inline]
    fn copy_in(&self, key: u64, value: &[u8]) -> io::Result<()> {
        if let Some(mut held) = self.map.get_mut(&key) {
            replace(&mut held, value);
            return Ok(());
        }
        match self.map.entry(key) {
            Entry::Occupied(mut held) => replace(held.get_mut(), value),
            Entry::Vacant(place) => {
                // Relaxed: the count publishes nothing.
                let one_more = |taken| (taken < self.entries).then_some(taken + 1);
                let counted = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
                counted.map_err(|_| full(self.entries))?;
                place.insert(value.to_vec());
            }
        }
        Ok(())
    }

    #[inline]
    fn change<R>(&self, key: u64, change: impl FnOnce(&mut [u8]) -> R) -> io::Result<Option<R>> {
        Ok(self.map.get_mut(&key).map(|mut value| change(&mut value)))
    }
}
