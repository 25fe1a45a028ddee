//! Signal sets and calls for any signal, including the real-time signals that nix does not support.
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

/// Signal blocked in this thread, so that it stays pending until a wait takes it.
pub(super) struct Blocked(libc::sigset_t);

impl Blocked {
    /// Blocks `signal` in the calling thread, which must be the only one: the kernel could deliver it to another.
    pub(super) fn new(signal: c_int) -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set before anything reads it.
        let set = unsafe {
            Errno::result(libc::sigemptyset(set.as_mut_ptr()))?;
            Errno::result(libc::sigaddset(set.as_mut_ptr(), signal))?;
            set.assume_init()
        };
        // SAFETY: the set is initialised, and the old set is not requested.
        match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) } {
            0 => Ok(Self(set)),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Waits for the signal and takes one instance; false after `limit` or an interruption.
    #[inline]
    pub(super) fn wait(&self, limit: Duration) -> io::Result<bool> {
        let limit = TimeSpec::from_duration(limit);
        // SAFETY: set and limit are readable, and no information about the sender is requested.
        match Errno::result(unsafe { libc::sigtimedwait(&raw const self.0, ptr::null_mut(), limit.as_ref()) }) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

/// Queues an instance of `signal` for `pid`; false if the receiving user has `RLIMIT_SIGPENDING` of them already.
///
/// Errors: `InvalidInput` if there is no such signal; ESRCH if there is no such process.
#[inline]
pub(super) fn queue(pid: Pid, signal: c_int) -> io::Result<bool> {
    let value = libc::sigval { sival_ptr: ptr::null_mut() };
    // SAFETY: all arguments are plain values.
    match Errno::result(unsafe { libc::sigqueue(pid.as_raw(), signal, value) }) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

/// Real-time signal that the C library does not use itself.
pub(super) fn real_time() -> c_int {
    libc::SIGRTMIN() + 1
}
