//! POSIX semaphore in shared memory (`sem_init` with pshared): one word counts permits and sleepers, and futex(2) is
//! called only to sleep and to wake. Barging is allowed, so it is unfair. A hand-off to a sleeper costs a system call
//! on each side, a wake-up and a context switch. The permit of a dead holder is lost.
//!
//! Source: sem_init(3); glibc, nptl/sem_waitcommon.c.

use std::io;

use nix::errno::Errno;

use super::posix_calls::{self, Permit, Place};
use crate::address::Address;
use crate::lock::placed::Placed;
use crate::lock::{ContenderId, Cost, Lock};
use crate::record::{Group, Wait};

/// The row.
pub struct PosixSem;

// SAFETY: `create` made the semaphore with sem_init, and it stays mapped while the value lives.
unsafe impl Place for Placed<libc::sem_t> {
    #[inline]
    fn get(&self) -> *mut libc::sem_t {
        Placed::get(self)
    }
}

impl Lock for PosixSem {
    const SUMMARY: &'static str = "POSIX semaphore in shared memory";
    const GROUP: Group = Group::Semaphores;
    const WAIT: Option<Wait> = Some(Wait::Block);
    const WAKES: bool = true;
    type Holder = Permit<Placed<libc::sem_t>>;

    fn create(_: u32) -> io::Result<Address> {
        Placed::create(|place| {
            // SAFETY: an aligned place in mapped memory, which no other process uses yet.
            Errno::result(unsafe { libc::sem_init(place, 1, 1) })?;
            Ok(())
        })
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Self::Holder> {
        Placed::attach(address).map(Permit)
    }

    fn cost() -> Cost {
        posix_calls::cost()
    }
}
