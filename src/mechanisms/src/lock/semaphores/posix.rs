//! POSIX semaphores, unnamed and named. The plain calls are measured, as programs make them: a waiter checks the abort
//! word only when a signal interrupts it. Source: sem_overview(7), sem_wait(3), sem_post(3).
#![allow(unsafe_code)]

use std::ffi::{CString, c_int};
use std::io;

use nix::errno::Errno;

use crate::abort;
use crate::address::{Address, Name, NameKind, fresh_name};
use crate::lock::placed::Placed;
use crate::lock::{Acquired, ContenderId, Cost, Handle, Lock};
use crate::record::{Counts, Group, Substrate, Wait};
use crate::shm;

/// Address of a semaphore.
///
/// # Safety
///
/// [`get`](Self::get) returns a semaphore that was made with `sem_init` or `sem_open` and stays valid while the value
/// lives.
pub(in crate::lock) unsafe trait Locate {
    /// The semaphore.
    fn get(&self) -> *mut libc::sem_t;
}

/// A contender's handle of the semaphore at `P`.
pub struct Permit<P>(pub(super) P);

impl<P: Locate> Permit<P> {
    #[inline]
    fn take(&self) -> io::Result<()> {
        loop {
            // SAFETY: a semaphore, by the contract of `Locate`.
            match Errno::result(unsafe { libc::sem_wait(self.0.get()) }) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) if abort::requested() => return Err(abort::error()),
                Err(Errno::EINTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
    }

    #[inline]
    fn give(&self) -> io::Result<()> {
        // SAFETY: a semaphore, by the contract of `Locate`.
        Errno::result(unsafe { libc::sem_post(self.0.get()) })?;
        Ok(())
    }
}

impl<P: Locate> Handle for Permit<P> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        self.take()?;
        let result = critical(Acquired::default());
        self.give()?;
        Ok(result)
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        // SAFETY: a semaphore, by the contract of `Locate`.
        match Errno::result(unsafe { libc::sem_trywait(self.0.get()) }) {
            Err(Errno::EAGAIN) => return Ok(None),
            other => other?,
        };
        let result = critical(Acquired::default());
        self.give()?;
        Ok(Some(result))
    }
}

/// One atomic instruction each way; a sleep and a wake-up when a contender waits.
fn cost() -> Cost {
    Cost {
        alone: Counts { atomics: 2.0, ..Counts::default() },
        release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_transfers: 1.0, ..Counts::default() },
    }
}

/// POSIX semaphore in shared memory (`sem_init` with pshared): one word counts permits and sleepers, and futex(2) is
/// called only to sleep and to wake. Barging is allowed, so it is unfair. A hand-off to a sleeper costs a system call
/// on each side, a wake-up and a context switch. The permit of a dead holder is lost.
///
/// Source: sem_init(3); glibc, nptl/sem_waitcommon.c.
pub struct PosixSem;

// SAFETY: `create` made the semaphore with sem_init, and it stays mapped while the value lives.
unsafe impl Locate for Placed<libc::sem_t> {
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
    type Handle = Permit<Placed<libc::sem_t>>;

    fn create(_: u32) -> io::Result<Address> {
        Placed::create(|place| {
            // SAFETY: an aligned address in mapped memory, which no other process uses yet.
            Errno::result(unsafe { libc::sem_init(place, 1, 1) })?;
            Ok(())
        })
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Self::Handle> {
        Placed::attach(address).map(Permit)
    }

    fn cost() -> Cost {
        cost()
    }
}

/// POSIX semaphore found by name (`sem_open`): the same object as the unnamed one, in a file below /dev/shm that the C
/// library maps, so each acquisition and each hand-off costs the same. Unfair. The name outlives every process that
/// uses it, until it is removed; the permit of a dead holder is lost.
///
/// The library creates the file under a random name and then links the wanted name to it: a creator killed in the few
/// microseconds between the two leaves a file of 32 bytes that is in no lease. Source: sem_open(3), sem_overview(7).
pub struct PosixSemNamed;

/// Open semaphore.
pub struct Open(*mut libc::sem_t);

// SAFETY: sem_open returned it, and it is closed only when the value is dropped.
unsafe impl Locate for Open {
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
        // SAFETY: the name ends with a zero byte; the other arguments have the types that sem_open reads with O_CREAT,
        // and ignores without it.
        let opened = unsafe { libc::sem_open(name.as_ptr(), flags, USER_ONLY, PERMITS) };
        if opened == libc::SEM_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(opened)) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: sem_open returned it, and this is the only close for that call.
        unsafe { libc::sem_close(self.0) };
    }
}

impl Lock for PosixSemNamed {
    const SUMMARY: &'static str = "POSIX semaphore by name";
    const GROUP: Group = Group::Semaphores;
    const WAIT: Option<Wait> = Some(Wait::Block);
    const WAKES: bool = true;
    type Handle = Permit<Open>;

    fn unavailable() -> Option<String> {
        shm::unavailable(Substrate::PosixShm)
    }

    fn create(_: u32) -> io::Result<Address> {
        let name = fresh_name(NameKind::PosixSem)?;
        Open::by_name(&name, libc::O_CREAT | libc::O_EXCL)?;
        Ok(Address::Named(name))
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Self::Handle> {
        Open::by_name(address.name()?, 0).map(Permit)
    }

    fn cost() -> Cost {
        cost()
    }
}
