//! Sets of one signal, real-time ones included, which nix does not know. Not a mechanism.
//! Source: signal(7), sigtimedwait(2), sigqueue(3).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::unistd::Pid;

/// A signal that this thread has blocked, so that it stays pending until it is waited for.
pub(super) struct Blocked(libc::sigset_t);

impl Blocked {
    /// Blocks `signal` in the calling thread. A worker has no other yet, or the system could deliver it to that one.
    pub(super) fn new(signal: c_int) -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set before anything reads it.
        let set = unsafe {
            Errno::result(libc::sigemptyset(set.as_mut_ptr()))?;
            Errno::result(libc::sigaddset(set.as_mut_ptr(), signal))?;
            set.assume_init()
        };
        // SAFETY: the set is initialised, and the old one is not asked for.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) } {
            0 => Ok(Self(set)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for the signal and takes one instance of it; false when `limit` passed or the process was stopped meanwhile.
    #[inline]
    pub(super) fn wait(&self, limit: Duration) -> io::Result<bool> {
        let limit = TimeSpec::from_duration(limit);
        // SAFETY: set and limit are readable; who sent the signal is not asked for.
        match Errno::result(unsafe { libc::sigtimedwait(&raw const self.0, ptr::null_mut(), limit.as_ref()) }) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

/// Queues one more instance of `signal` for `pid`; false when the receiver's user has `RLIMIT_SIGPENDING` of them already.
///
/// Errors: `InvalidInput` when there is no such signal; ESRCH when there is no such process.
#[inline]
pub(super) fn queue(pid: Pid, signal: c_int) -> io::Result<bool> {
    let value = libc::sigval { sival_ptr: ptr::null_mut() };
    // SAFETY: plain values go in.
    match Errno::result(unsafe { libc::sigqueue(pid.as_raw(), signal, value) }) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

/// A real-time signal that the C library leaves to programs.
pub(super) fn real_time() -> c_int {
    libc::SIGRTMIN() + 1
}
