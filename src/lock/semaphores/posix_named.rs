//! POSIX semaphore found by name (`sem_open`): the same object as the unnamed one, in a file below /dev/shm that the C
//! library maps, so each acquisition and each hand-off costs the same. Unfair. The name outlives every process that
//! uses it, until it is removed; the permit of a dead holder is lost.
//!
//! The library creates the file under a random name and then links the wanted name to it: a creator killed in the few
//! microseconds between leaves a file of 32 bytes that no lease knows. Source: sem_open(3), sem_overview(7).

use std::ffi::{CString, c_int};
use std::io;

use super::posix_calls::{self, Permit, Place};
use crate::address::{Address, Name, NameKind, fresh_name};
use crate::lock::{ContenderId, Cost, Lock};
use crate::record::{Group, Substrate, Wait};
use crate::shm;

/// The row.
pub struct PosixSemNamed;

/// An open semaphore.
pub struct Open(*mut libc::sem_t);

// SAFETY: sem_open gave it, and it is closed only when the value ends.
unsafe impl Place for Open {
    #[inline]
    fn get(&self) -> *mut libc::sem_t {
        self.0
    }
}

impl Open {
    /// Opens the semaphore called `name`, or with `O_CREAT` creates it with one permit.
    ///
    /// Errors: those of sem_open(3).
    fn by_name(name: &Name, flags: c_int) -> io::Result<Self> {
        const USER_ONLY: libc::c_uint = 0o600;
        const PERMITS: libc::c_uint = 1;
        let name = CString::new(format!("/{}", name.name))?;
        // SAFETY: the name ends with a zero byte; the other arguments have the types that sem_open reads with O_CREAT, and
        // without it ignores.
        let opened = unsafe { libc::sem_open(name.as_ptr(), flags, USER_ONLY, PERMITS) };
        if opened == libc::SEM_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(opened)) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: sem_open gave it, and this is the only close for that call.
        unsafe { libc::sem_close(self.0) };
    }
}

impl Lock for PosixSemNamed {
    const SUMMARY: &'static str = "POSIX semaphore by name";
    const GROUP: Group = Group::Semaphores;
    const WAIT: Option<Wait> = Some(Wait::Block);
    const WAKES: bool = true;
    type Holder = Permit<Open>;

    fn unavailable() -> Option<String> {
        shm::unavailable(Substrate::PosixShm)
    }

    fn create(_: u32) -> io::Result<Address> {
        let name = fresh_name(NameKind::PosixSem)?;
        Open::by_name(&name, libc::O_CREAT | libc::O_EXCL)?;
        Ok(Address::Named(name))
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Self::Holder> {
        Open::by_name(address.name()?, 0).map(Permit)
    }

    fn cost() -> Cost {
        posix_calls::cost()
    }
}
