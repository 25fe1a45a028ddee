//! Open file description lock: fcntl(2) with F_OFD_SETLKW. It covers ranges of a file, as POSIX record locks do, but
//! belongs to the open file and not to the process, so threads exclude each other too and closing another descriptor of
//! the same file loses nothing. The kernel does not search for deadlocks. Here the range is the whole file. Unfair: a
//! newcomer may overtake a woken waiter.
//!
//! Cost: a system call each way, a wake-up and a context switch per hand-off. Source: fcntl_locking(2); POSIX.1-2024.

use std::fs::File;
use std::io;

use nix::fcntl::{FcntlArg, fcntl};

use super::{OnFile, Operation, WholeFile};

/// Open file description lock on a whole file.
pub type Ofd = OnFile<Range>;

/// Calls of the lock.
pub struct Range;

impl WholeFile for Range {
    const SUMMARY: &'static str = "open file description lock on a file that each contender opens separately";

    #[inline]
    fn call(file: &File, operation: Operation) -> io::Result<()> {
        let called = match operation {
            Operation::Acquire => fcntl(file, FcntlArg::F_OFD_SETLKW(&whole_file(libc::F_WRLCK))),
            Operation::TryAcquire => fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))),
            Operation::Release => fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_UNLCK))),
        };
        called?;
        Ok(())
    }
}

/// Range from the first byte to the last, however long the file grows. The pid must be 0.
#[inline]
fn whole_file(kind: libc::c_int) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::reopened;
    use super::*;
    use crate::lock::by_calls::{self, Calls};

    #[test]
    fn one_holder_at_a_time() {
        by_calls::tests::excludes::<Ofd>();
    }

    #[test]
    fn closing_another_descriptor_of_the_file_loses_nothing() {
        let address = Ofd::create().expect("a file");
        let (holder, next) = (Ofd::attach(&address).expect("opens"), Ofd::attach(&address).expect("opens"));
        holder.acquire().expect("free");
        drop(reopened(&address).expect("opens"));
        assert!(!next.try_acquire().expect("a result"));
        drop(holder);
        assert!(next.try_acquire().expect("a result"));
    }
}
