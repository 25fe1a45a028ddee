//! Wait and wake across processes: futex(2) on a word in shared memory, never with the private flag.
//!
//! Source: futex(2); Franke, Russell, Kirkwood, "Fuss, Futexes and Furwocks", OLS 2002.

use std::io;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;

/// Sleeps while `word` holds `expected`, at most for `limit`.
///
/// Returns after a wake-up, a changed word, a signal or the limit; the caller must check its condition again.
#[inline]
pub fn wait(word: &AtomicU32, expected: u32, limit: Duration) -> io::Result<()> {
    wait_woken(word, expected, limit).map(drop)
}

/// Wakes up to `count` sleepers on `word`.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
/// use ipcmark_core::futex;
///
/// let word = AtomicU32::new(0);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         word.store(1, Ordering::Release);
///         futex::wake(&word, 1)
///     });
///     while word.load(Ordering::Acquire) == 0 {
///         futex::wait(&word, 0, Duration::from_secs(1)).expect("a futex");
///     }
/// });
/// ```
#[inline]
pub fn wake(word: &AtomicU32, count: u32) -> io::Result<()> {
    wake_counted(word, count).map(drop)
}

/// Like [`wait`]; true if a wake-up ended it.
#[inline]
pub fn wait_woken(word: &AtomicU32, expected: u32, limit: Duration) -> io::Result<bool> {
    let limit = futex::Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(limit.subsec_nanos()),
    };
    match futex::wait(word, futex::Flags::empty(), expected, Some(&limit)) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

/// Like [`wake`]; returns the number of sleepers woken.
#[inline]
pub fn wake_counted(word: &AtomicU32, count: u32) -> io::Result<u32> {
    let woken = futex::wake(word, futex::Flags::empty(), count)?;
    Ok(u32::try_from(woken).unwrap_or(0))
}
