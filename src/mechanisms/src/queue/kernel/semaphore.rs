//! Counting semaphores of the C library in shared memory, for a queue that is built as Python's are. Cost: an atomic
//! instruction each way; a system call for a sleep. Source: sem_overview(7), sem_timedwait(3).
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::shm::SharedLayout;
use crate::wait::WaitLimit;

/// A semaphore on its own pair of cache lines.
#[repr(C, align(128))]
pub(super) struct Semaphore(UnsafeCell<libc::sem_t>);

// SAFETY: repr(C); all zero is glibc's semaphore of value 0 without waiters. Only the C library changes the cell, with
// atomics that are valid between processes once the semaphore is initialised as process-shared.
unsafe impl SharedLayout for Semaphore {}

impl Semaphore {
    /// Initialises it for several processes. Must be called before other processes know of it.
    pub(super) fn make(&self, value: u32) -> io::Result<()> {
        // SAFETY: the semaphore is mapped while `self` is borrowed, and as documented not in use yet.
        Errno::result(unsafe { libc::sem_init(self.0.get(), 1, value) })?;
        Ok(())
    }

    /// Decrements the value once it is not 0. Returns false if that takes longer than `wait_limit`.
    pub(super) fn take(&self, wait_limit: WaitLimit) -> io::Result<bool> {
        let taken = wait_limit.retry(|limit| match limit {
            // SAFETY: a semaphore initialised by `make`, mapped while `self` is borrowed.
            None => attempt(unsafe { libc::sem_trywait(self.0.get()) }),
            Some(limit) => self.take_within(limit),
        })?;
        Ok(taken.is_some())
    }

    #[cold]
    fn take_within(&self, limit: Duration) -> io::Result<Option<()>> {
        // POSIX uses the real-time clock here; a step of it only changes the length of one wait.
        let moment = clock_gettime(ClockId::CLOCK_REALTIME)? + TimeSpec::from_duration(limit);
        // SAFETY: as in `take`; the time is valid and outlives the call.
        attempt(unsafe { libc::sem_timedwait(self.0.get(), moment.as_ref()) })
    }

    /// Increments the value.
    pub(super) fn give(&self) -> io::Result<()> {
        // SAFETY: as in `take`.
        Errno::result(unsafe { libc::sem_post(self.0.get()) })?;
        Ok(())
    }

    /// The current value.
    pub(super) fn value(&self) -> io::Result<u32> {
        let mut value = 0;
        // SAFETY: as in `take`; the value is written to a local variable.
        Errno::result(unsafe { libc::sem_getvalue(self.0.get(), &raw mut value) })?;
        Ok(u32::try_from(value).unwrap_or(0))
    }
}

/// The result of a call, or `None` if it timed out.
fn attempt(result: libc::c_int) -> io::Result<Option<()>> {
    match Errno::result(result) {
        Ok(_) => Ok(Some(())),
        Err(Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn as_many_permits_can_be_taken_as_were_given() {
        let semaphore = Semaphore(UnsafeCell::new(unsafe_zeroed()));
        semaphore.make(2).expect("a semaphore");
        assert!(semaphore.take(WaitLimit::Never).expect("not aborted"));
        assert!(semaphore.take(WaitLimit::Forever).expect("as above"));
        assert!(!semaphore.take(WaitLimit::Never).expect("as above"));
        let begun_ns = clock::now_ns();
        assert!(!semaphore.take(WaitLimit::after(Duration::from_millis(2))).expect("as above"));
        assert!(clock::now_ns() - begun_ns >= 2_000_000);
        semaphore.give().expect("room for one more");
        assert_eq!(semaphore.value().expect("a semaphore"), 1);
        assert!(semaphore.take(WaitLimit::after(Duration::from_secs(60))).expect("as above"));
    }

    fn unsafe_zeroed() -> libc::sem_t {
        // SAFETY: all zero bytes are a `sem_t` that `make` initialises.
        unsafe { std::mem::zeroed() }
    }
}
