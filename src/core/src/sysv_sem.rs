//! System V semaphores, in sets of one: the system calls, which nix and rustix lack. A set is identified by a key,
//! outlives all processes that use it, and its removal ends it for all of them. Source: sysvipc(7), semget(2),
//! semop(2), semctl(2).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::num::NonZeroI32;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;

/// Key of a set. Never 0, which is `IPC_PRIVATE` and would create a set instead of finding one.
pub type Key = NonZeroI32;

/// Creates a new set, for this user only.
const MAKE: c_int = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;

unsafe extern "C" {
    /// Missing in the libc crate; glibc and musl have it with these types, semop(2).
    fn semtimedop(id: c_int, steps: *mut libc::sembuf, count: libc::size_t, limit: *const libc::timespec) -> c_int;
}

/// File with the limits of the number of semaphores.
const LIMITS: &str = "/proc/sys/kernel/sem";

/// Why this system has no System V semaphores.
pub fn unavailable() -> Option<String> {
    let why = std::fs::metadata(LIMITS).err()?;
    Some(format!("this system has no System V semaphores: {LIMITS}: {why}"))
}

/// Removes the semaphore of `key`, even if it is in use.
///
/// Errors: `NotFound` if there is none.
pub fn remove(key: Key) -> io::Result<()> {
    let Semaphore(id) = Semaphore::open(key)?;
    // SAFETY: IPC_RMID takes no further argument.
    Errno::result(unsafe { libc::semctl(id, 0, libc::IPC_RMID) })?;
    Ok(())
}

/// True if a set has this key.
///
/// Errors: the kernel refuses the call, because it was built without System V objects or a filter forbids it.
pub fn exists(key: Key) -> io::Result<bool> {
    match Semaphore::open(key) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(false),
            // A set of another user, which this process may not open.
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

/// Set of one semaphore, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Semaphore(c_int);

impl Semaphore {
    /// Largest value (SEMVMX).
    pub const MAX: u32 = 32_767;

    /// Creates the semaphore of `key`, with the value 0.
    ///
    /// Errors: `AlreadyExists`; `StorageFull` (ENOSPC) if the machine has as many as `kernel.sem` allows.
    pub fn create(key: Key) -> io::Result<Self> {
        get_semaphore(key, MAKE)
    }

    /// Opens the semaphore of `key`.
    ///
    /// Errors: `NotFound`.
    pub fn open(key: Key) -> io::Result<Self> {
        get_semaphore(key, 0)
    }

    /// Increments the value and wakes a waiter; false if the value is already [`MAX`](Self::MAX).
    #[inline]
    pub fn post(self) -> io::Result<bool> {
        match self.operate(step(1, 0)) {
            Err(Errno::ERANGE) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Decrements the value once it is positive; false if `limit` passed or a signal arrived first.
    #[inline]
    pub fn take(self, limit: Duration) -> io::Result<bool> {
        let mut down = step(-1, 0);
        let limit = TimeSpec::from_duration(limit);
        // SAFETY: the call reads one operation and the time limit.
        match Errno::result(unsafe { semtimedop(self.0, &raw mut down, 1, limit.as_ref()) }) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }

    /// Increments the value and wakes a waiter.
    ///
    /// Errors: ERANGE if the value is already [`MAX`](Self::MAX).
    #[inline]
    pub fn give(self, at_exit: AtExit) -> io::Result<()> {
        Ok(self.operate(step(1, at_exit.flag()))?)
    }

    /// Decrements the value once it is positive; false if a signal arrived first.
    #[inline]
    pub fn wait(self, at_exit: AtExit) -> io::Result<bool> {
        match self.operate(step(-1, at_exit.flag())) {
            Err(Errno::EINTR) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Decrements the value if it is positive.
    #[inline]
    pub fn try_take(self, at_exit: AtExit) -> io::Result<bool> {
        match self.operate(step(-1, at_exit.flag() | libc::IPC_NOWAIT)) {
            Err(Errno::EAGAIN) => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    #[inline]
    fn operate(self, mut step: libc::sembuf) -> Result<(), Errno> {
        // SAFETY: the call reads one operation.
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
    // SAFETY: all arguments and the result are plain numbers.
    Ok(Semaphore(Errno::result(unsafe { libc::semget(key.get(), members, flags) })?))
}

const fn step(by: libc::c_short, flags: c_int) -> libc::sembuf {
    // Both flags, SEM_UNDO and IPC_NOWAIT, are in the lower 16 bits.
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
