//! flock(2): a lock on the whole file that belongs to an open file description, not to a process. Inherited and
//! duplicated descriptors share it, so each contender opens the file itself; the lock ends with the last descriptor, so
//! the death of the holder releases it. Unfair: a newcomer may overtake a woken waiter.
//!
//! Cost: a system call each way, a wake-up and a context switch per hand-off. Source: flock(2).

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};

use super::{OnFile, Operation, WholeFile};

/// flock(2) on a file.
pub type Flock = OnFile<Whole>;

/// Calls of the lock.
pub struct Whole;

impl WholeFile for Whole {
    const SUMMARY: &'static str = "flock on a file that each contender opens separately";

    #[inline]
    fn call(file: &File, operation: Operation) -> io::Result<()> {
        Ok(flock(file, FlockOperation::from(operation))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::by_calls::{self, Calls};

    #[test]
    fn one_holder_at_a_time() {
        by_calls::tests::excludes::<Flock>();
    }

    #[test]
    fn closing_the_file_releases_the_lock() {
        let address = Flock::create().expect("a file");
        let (dying, next) = (Flock::attach(&address).expect("opens"), Flock::attach(&address).expect("opens"));
        dying.acquire().expect("free");
        assert!(!next.try_acquire().expect("a result"));
        drop(dying);
        assert!(next.try_acquire().expect("a result"));
    }
}
