//! Counting semaphores of the C library in shared memory: what bounds and guards a queue that is built as Python's are.
//! Cost: an atomic instruction each way; a system call where somebody sleeps. Source: sem_overview(7), sem_timedwait(3).
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::shm::SharedLayout;
use crate::wait::WaitLimit;

/// A semaphore, on a pair of lines of its own.
#[repr(C, align(128))]
pub(super) struct Semaphore(UnsafeCell<libc::sem_t>);

// SAFETY: repr(C); zero bytes are glibc's semaphore of value 0 that nobody waits at; what is in the cell is changed by the C
// library alone, whose own atomics make that safe between processes once it was made process-shared.
unsafe impl SharedLayout for Semaphore {}

impl Semaphore {
    /// Makes it a semaphore for several processes, of this value. Before anybody else knows of it.
    pub(super) fn make(&self, value: u32) -> io::Result<()> {
        // SAFETY: the semaphore is mapped while `self` is borrowed, and by the contract above nobody uses it yet.
        Errno::result(unsafe { libc::sem_init(self.0.get(), 1, value) })?;
        Ok(())
    }

    /// Takes one off its value, once that is not 0. False when `wait_limit` ended before.
    pub(super) fn take(&self, wait_limit: WaitLimit) -> io::Result<bool> {
        let taken = wait_limit.retry(|limit| match limit {
            // SAFETY: a semaphore that `make` made, mapped while `self` is borrowed.
            None => attempt(unsafe { libc::sem_trywait(self.0.get()) }),
            Some(limit) => self.take_within(limit),
        })?;
        Ok(taken.is_some())
    }

    #[cold]
    fn take_within(&self, limit: Duration) -> io::Result<Option<()>> {
        // POSIX measures this limit on the clock of the day; a step of that clock only changes a slice's length.
        let moment = clock_gettime(ClockId::CLOCK_REALTIME)? + TimeSpec::from_duration(limit);
        // SAFETY: as in `take`; the moment is a valid time and outlives the call.
        attempt(unsafe { libc::sem_timedwait(self.0.get(), moment.as_ref()) })
    }

    /// Adds one to its value.
    pub(super) fn give(&self) -> io::Result<()> {
        // SAFETY: as in `take`.
        Errno::result(unsafe { libc::sem_post(self.0.get()) })?;
        Ok(())
    }

    /// Its value at this moment.
    pub(super) fn value(&self) -> io::Result<u32> {
        let mut value = 0;
        // SAFETY: as in `take`; the value is written to this very variable.
        Errno::result(unsafe { libc::sem_getvalue(self.0.get(), &raw mut value) })?;
        Ok(u32::try_from(value).unwrap_or(0))
    }
}

/// What a call came to that may give up.
fn attempt(result: libc::c_int) -> io::Result<Option<()>> {
    match Errno::result(result) {
        Ok(_) => Ok(Some(())),
        Err(Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn what_was_given_can_be_taken_and_no_more() {
        let semaphore = Semaphore(UnsafeCell::new(unsafe_zeroed()));
        semaphore.make(2).expect("a semaphore");
        assert!(semaphore.take(WaitLimit::Never).expect("no trial is called off"));
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
        // SAFETY: zero bytes are a semaphore that `make` has yet to make.
        unsafe { std::mem::zeroed() }
    }
}
