//! Word to sleep on: a futex, or its counterpart under the model checker.

use std::io;
use std::sync::atomic::AtomicU64;

#[cfg(not(loom))]
use std::sync::atomic::AtomicU32;
use std::time::Duration;

#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering};

/// Interval at which a sleeper checks the abort flag.
static SLEEP_SLICE_MS: AtomicU64 = AtomicU64::new(50);

/// Disables the periodic wake-up that checks the abort flag, for measures that must detect a lost wake-up. Only for a
/// process that is stopped by a signal.
pub fn sleep_until_woken() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    SLEEP_SLICE_MS.store(DAY_MS, std::sync::atomic::Ordering::Relaxed);
}

#[cfg(not(loom))]
fn slice() -> Duration {
    Duration::from_millis(SLEEP_SLICE_MS.load(std::sync::atomic::Ordering::Relaxed))
}

/// Futex in shared memory.
#[cfg(not(loom))]
#[repr(transparent)]
#[derive(Default)]
pub struct Word(AtomicU32);

#[cfg(not(loom))]
impl Word {
    /// Value of the futex.
    #[inline]
    pub fn value(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps for a slice while the value is `expected`. True if a wake-up ended it.
    pub fn sleep(&self, expected: u32) -> io::Result<bool> {
        self.sleep_for(expected, Duration::MAX)
    }

    /// Like [`sleep`](Self::sleep), for at most `limit`.
    pub fn sleep_for(&self, expected: u32, limit: Duration) -> io::Result<bool> {
        crate::futex::wait_woken(&self.0, expected, slice().min(limit))
    }

    /// Wakes up to `most` sleepers and returns their number.
    pub fn wake(&self, most: u32) -> io::Result<u32> {
        // The kernel counts in signed numbers.
        crate::futex::wake_counted(&self.0, most.min(i32::MAX.cast_unsigned()))
    }
}

/// The model's futex: comparing and falling asleep are one step under its lock, as in the kernel, and sleepers are
/// woken in FIFO order. It has no time limit that could hide a lost wake-up.
#[cfg(loom)]
#[derive(Default)]
pub struct Word(AtomicU32, loom::sync::Mutex<Queue>, loom::sync::Condvar);

/// Sleepers, identified by the number of their sleep so that no earlier wake-up matches.
#[cfg(loom)]
#[derive(Default)]
struct Queue {
    sleeps: u32,
    asleep: std::collections::VecDeque<u32>,
}

#[cfg(loom)]
impl Word {
    /// Value of the word.
    pub fn value(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps while the word is `expected`. False if it already had another value.
    pub fn sleep(&self, expected: u32) -> io::Result<bool> {
        let mut queue = self.1.lock().expect("no model panics while it holds this");
        if self.0.load(Ordering::Relaxed) != expected {
            return Ok(false);
        }
        queue.sleeps += 1;
        let own = queue.sleeps;
        queue.asleep.push_back(own);
        while queue.asleep.contains(&own) {
            queue = self.2.wait(queue).expect("as above");
        }
        Ok(true)
    }

    /// Time does not pass in a model: a wait with a limit ends only by a wake-up.
    pub fn sleep_for(&self, expected: u32, _: Duration) -> io::Result<bool> {
        self.sleep(expected)
    }

    /// Wakes up to `most` sleepers, in FIFO order, and returns their number.
    pub fn wake(&self, most: u32) -> io::Result<u32> {
        let mut queue = self.1.lock().expect("no model panics while it holds this");
        let count = queue.asleep.len().min(most as usize);
        queue.asleep.drain(..count);
        drop(queue);
        if count > 0 {
            self.2.notify_all();
        }
        Ok(count as u32)
    }
}
