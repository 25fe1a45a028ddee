//! flock(2): a lock on the whole file that belongs to an open file description, not to a process. Whoever inherits or
//! duplicates the descriptor shares it, so each holder opens the file himself; it goes with the last descriptor, so a death
//! frees it. A newcomer may take it before the one who was woken runs: unfair.
//!
//! Cost: a system call each way, a wake and a switch when it is handed over. Source: flock(2).

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};

use super::{cost_of_two_calls, create, opened_anew};
use crate::address::Address;
use crate::lock::Cost;
use crate::lock::by_calls::{Calls, undisturbed, unless_taken};
use crate::record::Group;

/// One holder's open file.
pub struct Flock(File);

impl Calls for Flock {
    const SUMMARY: &'static str = "flock on a file that each holder opens himself";
    const GROUP: Group = Group::FileLocks;

    fn create() -> io::Result<Address> {
        create()
    }

    fn attach(address: &Address) -> io::Result<Self> {
        opened_anew(address).map(Self)
    }

    #[inline]
    fn acquire(&self) -> io::Result<()> {
        undisturbed(|| Ok(flock(&self.0, FlockOperation::LockExclusive)?))
    }

    #[inline]
    fn try_acquire(&self) -> io::Result<bool> {
        unless_taken(flock(&self.0, FlockOperation::NonBlockingLockExclusive).map_err(io::Error::from))
    }

    #[inline]
    fn release(&self) -> io::Result<()> {
        Ok(flock(&self.0, FlockOperation::Unlock)?)
    }

    fn cost() -> Cost {
        cost_of_two_calls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::by_calls;

    #[test]
    fn one_holder_at_a_time() {
        by_calls::tests::excludes::<Flock>();
    }

    #[test]
    fn the_lock_goes_with_the_open_file() {
        let address = Flock::create().expect("a file");
        let (dying, next) = (Flock::attach(&address).expect("opens"), Flock::attach(&address).expect("opens"));
        dying.acquire().expect("free");
        assert!(!next.try_acquire().expect("an answer"));
        drop(dying);
        assert!(next.try_acquire().expect("an answer"));
    }
}
