//! A deque behind std's mutex with two condition variables, one for room and one for items: the bounded buffer of
//! textbooks, and Python's `queue.Queue`. Cost: the lock's cache line, the slot's line, the lines of the vector, an
//! allocation freed by another thread; a wake-up and a sleep where an endpoint slept; accesses are exclusive. Source:
//! Hoare 1974; CPython's `Lib/queue.py`.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Buffer, Owned};
use crate::record::Wait;

/// The queue.
pub type MutexCondvar = Owned<Monitor>;

/// The deque and its conditions.
pub struct Monitor {
    items: Mutex<VecDeque<Vec<u8>>>,
    depth: usize,
    room: Condvar,
    item: Condvar,
}

impl Monitor {
    /// Ignores poisoning: no thread panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut items: MutexGuard<'_, VecDeque<Vec<u8>>>, item: Vec<u8>) -> Result<(), Vec<u8>> {
        if items.len() >= self.depth {
            return Err(item);
        }
        items.push_back(item);
        // Unlocks first, so that the woken thread finds the lock free.
        drop(items);
        self.item.notify_one();
        Ok(())
    }

    fn pop(&self, mut items: MutexGuard<'_, VecDeque<Vec<u8>>>) -> Option<Vec<u8>> {
        let item = items.pop_front()?;
        drop(items);
        self.room.notify_one();
        Some(item)
    }
}

impl Buffer for Monitor {
    const SUMMARY: &'static str =
        "deque behind a mutex with two condition variables, as Python's queue.Queue, between threads";
    const WAIT: Wait = Wait::Park;

    fn open(depth: usize) -> Self {
        let items = Mutex::new(VecDeque::with_capacity(depth));
        Self { items, depth, room: Condvar::new(), item: Condvar::new() }
    }

    #[inline]
    fn try_put(&self, item: Vec<u8>) -> Result<(), Vec<u8>> {
        self.push(self.lock(), item)
    }

    fn put_within(&self, item: Vec<u8>, limit: Duration) -> Result<(), Vec<u8>> {
        let waited = self.room.wait_timeout_while(self.lock(), limit, |items| items.len() >= self.depth);
        self.push(waited.unwrap_or_else(PoisonError::into_inner).0, item)
    }

    #[inline]
    fn try_get(&self) -> Option<Vec<u8>> {
        self.pop(self.lock())
    }

    fn get_within(&self, limit: Duration) -> Option<Vec<u8>> {
        let waited = self.item.wait_timeout_while(self.lock(), limit, |items| items.is_empty());
        self.pop(waited.unwrap_or_else(PoisonError::into_inner).0)
    }

    fn items(&self) -> usize {
        self.lock().len()
    }
}
