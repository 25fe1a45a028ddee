//! POSIX record lock: fcntl(2) with F_SETLKW, here on the whole file. It belongs to the process, with two consequences.
//! Threads of one process do not exclude each other. And the process loses the lock as soon as it closes any descriptor
//! of that file, even one that a library opened to read it; the protected state here is never the lock's own file.
//!
//! Before a contender sleeps, the kernel follows the chain of waiting processes under a global lock and refuses a
//! deadlock with EDEADLK. With one lock there is no cycle, so here the search costs time and refuses nothing; since it
//! looks at processes and not at threads, it can also report a false deadlock. Unfair: a newcomer may overtake a woken
//! waiter.
//!
//! Cost: a system call each way, a wake-up and a context switch per hand-off. Source: fcntl_locking(2), close(2).

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, fcntl_lock};

use super::{OnFile, Operation, WholeFile};
use crate::record::Isolation;

/// POSIX record lock on a whole file.
pub type FcntlRecord = OnFile<Record>;

/// Calls of the lock.
pub struct Record;

impl WholeFile for Record {
    const SUMMARY: &'static str = "POSIX record lock of the process, lost when it closes any descriptor of the file";
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];

    #[inline]
    fn call(file: &File, operation: Operation) -> io::Result<()> {
        Ok(fcntl_lock(file, FlockOperation::from(operation))?)
    }
}

#[cfg(test)]
mod tests {
    use std::process::id;

    use super::*;
    use crate::lock::by_calls::Calls;

    /// Number of record locks that this process holds on the file; a try by the same process would not detect them.
    fn locks_of(file: &File) -> usize {
        use std::os::unix::fs::MetadataExt;
        let inode = file.metadata().expect("a file").ino();
        let (mine, its) = (format!(" {} ", id()), format!(":{inode} "));
        let all = std::fs::read_to_string("/proc/locks").expect("proc is mounted");
        all.lines().filter(|line| line.contains("POSIX") && line.contains(&mine) && line.contains(&its)).count()
    }

    #[test]
    fn threads_of_a_process_share_it_and_any_close_loses_it() {
        let address = FcntlRecord::create().expect("a file");
        let attach = || FcntlRecord::attach(&address).expect("opens");
        let (one, other) = (attach(), attach());
        one.acquire().expect("free");
        assert!(other.try_acquire().expect("a result"), "the process holds it already");
        assert_eq!(locks_of(&one.0), 1);
        drop(other);
        assert_eq!(locks_of(&one.0), 0, "lost by closing another descriptor");
    }
}
