//! The system call clone3(2), which the C library does not wrap.
#![allow(unsafe_code)]

use std::ffi::c_long;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::Pid;

/// Why clone3 cannot be called here, if it cannot.
pub(super) fn unavailable() -> Option<String> {
    // SAFETY: arguments of size 0 are not read; the kernel reports that they are too short.
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone3, std::ptr::null::<libc::clone_args>(), 0) }) {
        Err(Errno::EINVAL) => None,
        other => Some(format!(
            "clone3 cannot be called here: {}; it needs Linux 5.3, and a container that allows it",
            other.err().unwrap_or(Errno::UnknownErrno)
        )),
    }
}

/// Copies this process. The copy is a child of this process, or of its parent if `flags` contain CLONE_PARENT.
///
/// Returns pid and pidfd to the caller, and `None` to the copy.
///
/// # Safety
/// As for fork: the process has a single thread, or the copy does nothing that may wait for a lock.
pub(super) unsafe fn clone3(flags: u64) -> io::Result<Option<(Pid, OwnedFd)>> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all-zero arguments are valid.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags | libc::CLONE_PIDFD as u64;
    args.pidfd = &raw mut pidfd as u64;
    // With CLONE_PARENT the exit signal is that of the caller, and none may be given.
    args.exit_signal = if flags & libc::CLONE_PARENT as u64 == 0 { libc::SIGCHLD as u64 } else { 0 };
    // SAFETY: the arguments have the given size, and `pidfd` outlives the call. Without CLONE_VM the copy has its own
    // memory, so it returns on a copy of this stack.
    let pid = Errno::result(unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of_val(&args)) })?;
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: the call succeeded in the caller, so the number is a new descriptor that nothing else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Some((Pid::from_raw(to_pid(pid)), pidfd)))
}

fn to_pid(pid: c_long) -> i32 {
    i32::try_from(pid).expect("a pid fits")
}
