//! Lock file: the contender that creates it, with O_CREAT and O_EXCL, holds the lock; its removal releases the lock.
//! This works on every file system, so scripts use it. A release notifies no waiter: a refused contender tries again
//! after a pause, which grows from 1 us to 1 ms here (the kernel's timers add about 50 us to each); scripts often wait
//! a whole second. So a hand-off costs a pause, the shares are random, and the file of a dead owner blocks all others.
//!
//! Cost: open, close and unlink, with the file system's book-keeping of a new and a removed file; each refusal costs an
//! open and a sleep. The number of refusals depends on how long the lock is held, so no calls are declared beyond the
//! first. Source: open(2) on O_EXCL; nanosleep(2). Link-based locking for old NFS is not included.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};

use crate::abort;
use crate::address::{Address, NameKind, fresh_name};
use crate::lock::Cost;
use crate::lock::by_calls::Calls;
use crate::record::{Counts, Group, Measure, Wait};

/// First pause after a refusal; each pause doubles the one before.
const PAUSE_FIRST: Duration = Duration::from_micros(1);
/// Longest pause.
const PAUSE_LONGEST: Duration = Duration::from_millis(1);

/// Path of the file, which exists while the lock is held.
pub struct LockFile(PathBuf);

impl Calls for LockFile {
    const SUMMARY: &'static str = "file created with O_EXCL and removed, retried after a growing pause";
    const GROUP: Group = Group::FileLocks;
    /// No cost model: the calls of a wait cannot be counted beforehand.
    const MEASURES: &'static [Measure] = &[
        Measure::Acquire,
        Measure::Contention,
        Measure::ReadMostly,
        Measure::Tickets,
        Measure::Recover,
        Measure::Conformance,
    ];
    const WAIT: Wait = Wait::Busy;

    fn create() -> io::Result<Address> {
        fresh_name(NameKind::TrialFile).map(Address::Named)
    }

    fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self(env::temp_dir().join(&address.name()?.name)))
    }

    #[inline]
    fn acquire(&self) -> io::Result<()> {
        if self.try_acquire()? { Ok(()) } else { self.acquire_contended() }
    }

    #[inline]
    fn try_acquire(&self) -> io::Result<bool> {
        let new = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        match open(&self.0, new, Mode::RUSR | Mode::WUSR) {
            // Only the existence of the file counts; a closed descriptor cannot leak to a child.
            Ok(file) => {
                drop(file);
                Ok(true)
            }
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    #[inline]
    fn release(&self) -> io::Result<()> {
        fs::remove_file(&self.0)
    }

    fn cost() -> Cost {
        let calls = |system_calls: f64| Counts { system_calls, ..Counts::default() };
        Cost {
            alone: calls(3.0),
            release: calls(1.0),
            // One refusal and one pause at least, then open and close.
            acquire: Counts { context_switches: 1.0, ..calls(4.0) },
        }
    }
}

impl LockFile {
    #[cold]
    fn acquire_contended(&self) -> io::Result<()> {
        let mut pause = PAUSE_FIRST;
        loop {
            thread::sleep(pause);
            if self.try_acquire()? {
                return Ok(());
            }
            if abort::requested() {
                return Err(abort::error());
            }
            pause = (2 * pause).min(PAUSE_LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::by_calls;

    #[test]
    fn one_holder_at_a_time() {
        by_calls::tests::excludes::<LockFile>();
    }

    #[test]
    fn the_file_exists_exactly_while_the_lock_is_held() {
        let lock = LockFile::attach(&LockFile::create().expect("a name")).expect("a path");
        assert!(!lock.0.exists());
        lock.acquire().expect("free");
        assert!(lock.0.exists());
        lock.release().expect("held");
        assert!(!lock.0.exists());
    }
}
