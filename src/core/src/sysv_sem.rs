//! System V semaphores, in sets of one: the calls, which none of our wrapper crates has. A set is found by a number, its key,
//! outlives every process that knows it, and ends for all who use it when it is removed. Source: sysvipc(7), semget(2),
//! semop(2), semctl(2).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::num::NonZeroI32;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;

/// What a set is found by. Never 0, which is `IPC_PRIVATE` and would make a set instead of finding one.
pub type Key = NonZeroI32;

/// Made here and now, for this user only.
const MAKE: c_int = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;

unsafe extern "C" {
    /// The libc crate leaves it out; glibc and musl have it with these types, semop(2).
    fn semtimedop(id: c_int, steps: *mut libc::sembuf, count: libc::size_t, limit: *const libc::timespec) -> c_int;
}

/// Where the kernel says how many there may be.
const LIMITS: &str = "/proc/sys/kernel/sem";

/// Why this system has none.
pub fn unavailable() -> Option<String> {
    let why = std::fs::metadata(LIMITS).err()?;
    Some(format!("this system has no System V semaphores: {LIMITS}: {why}"))
}

/// Removes the semaphore of `key`, in use or not.
///
/// Errors: `NotFound` when there is none.
pub fn remove(key: Key) -> io::Result<()> {
    let Semaphore(id) = Semaphore::open(key)?;
    // SAFETY: IPC_RMID takes no further argument.
    Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_RMID) })?;
    Ok(())
}

/// Whether a set has this key.
///
/// Errors: the kernel does not answer, as where it was built without System V objects or a filter forbids the call.
pub fn exists(key: Key) -> io::Result<bool> {
    match Semaphore::open(key) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(false),
            // A set of another user, which we may not open.
            Some(libc::EACCES) => Ok(true),
            _ => Err(error),
        },
    }
}

/// Effect of a process's end on its semaphore operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtExit {
    /// The operation stays in effect.
    Kept,
    /// The kernel reverts it (`SEM_UNDO`), however the process ended.
    Undone,
}

/// A set of one semaphore, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore(c_int);

impl Semaphore {
    /// The largest value it can have (SEMVMX).
    pub const MAX: u32 = 32_767;

    /// Makes the semaphore of `key`, with the value 0.
    ///
    /// Errors: `AlreadyExists`; `StorageFull` (ENOSPC) when the machine has as many as `kernel.sem` allows.
    pub fn create(key: Key) -> io::Result<Self> {
        get_semaphore(key, MAKE)
    }

    /// The semaphore that was made for `key`.
    ///
    /// Errors: `NotFound`.
    pub fn open(key: Key) -> io::Result<Self> {
        get_semaphore(key, 0)
    }

    /// Adds 1 and wakes a waiter; false when the value is [`MAX`](Self::MAX) already.
    #[inline]
    pub fn post(self) -> io::Result<bool> {
        match self.operate(step(1, 0)) {
            Err(Errno::ERANGE) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Takes 1 as soon as there is one; false when `limit` passed or the process was stopped meanwhile.
    #[inline]
    pub fn take(self, limit: Duration) -> io::Result<bool> {
        let mut down = step(-1, 0);
        let limit = TimeSpec::from_duration(limit);
        // SAFETY: one operation and the time limit are read.
        match Errno::result(unsafe { semtimedop(self.0, &raw mut down, 1, limit.as_ref()) }) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Adds 1 and wakes a waiter.
    ///
    /// Errors: ERANGE when the value is [`MAX`](Self::MAX) already.
    #[inline]
    pub fn give(self, at_exit: AtExit) -> io::Result<()> {
        Ok(self.operate(step(1, at_exit.flag()))?)
    }

    /// Takes 1 as soon as there is one; false when a signal came first.
    #[inline]
    pub fn wait(self, at_exit: AtExit) -> io::Result<bool> {
        match self.operate(step(-1, at_exit.flag())) {
            Err(Errno::EINTR) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Takes 1 if there is one.
    #[inline]
    pub fn try_take(self, at_exit: AtExit) -> io::Result<bool> {
        match self.operate(step(-1, at_exit.flag() | libc::IPC_NOWAIT)) {
            Err(Errno::EAGAIN) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    #[inline]
    fn operate(self, mut step: libc::sembuf) -> Result<(), Errno> {
        // SAFETY: one operation is read.
        Errno::result(unsafe { libc::semop(self.0, &raw mut step, 1) }).map(drop)
    }
}

impl AtExit {
    const fn flag(self) -> c_int {
        match self {
            Self::Kept => 0,
            Self::Undone => libc::SEM_UNDO,
        }
    }
}

fn get_semaphore(key: Key, flags: c_int) -> io::Result<Semaphore> {
    let members = i32::from(flags & libc::IPC_CREAT != 0);
    // SAFETY: plain numbers go in and one comes out.
    Ok(Semaphore(Errno::result(unsafe { libc::semget(key.get(), members, flags) })?))
}

const fn step(by: libc::c_short, flags: c_int) -> libc::sembuf {
    // Both flags, SEM_UNDO and IPC_NOWAIT, lie in the lower 16 bits.
    libc::sembuf { sem_num: 0, sem_op: by, sem_flg: flags as libc::c_short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semaphore_counts_to_its_limit_and_back() {
        let key = Key::new((std::process::id() << 8 | 2).cast_signed()).expect("not 0");
        let semaphore = Semaphore::create(key).expect("System V semaphores work");
        assert!(!semaphore.take(Duration::from_millis(1)).expect("a limit is no error"));
        for _ in 0..Semaphore::MAX {
            assert!(semaphore.post().expect("posted"));
        }
        assert!(!semaphore.post().expect("full is no error"));
        assert!(semaphore.take(Duration::from_millis(1)).expect("taken"));
        remove(key).expect("removed");
        assert!(!exists(key).expect("an answer") && remove(key).is_err());
    }
}
