//! The system call clone3, which the C library does not offer: a copy of this process together with a descriptor of it. Not a
//! mechanism. Source: clone(2), pidfd_open(2).

use std::ffi::c_long;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::Pid;

/// Why this kernel, or what guards it, does not let us.
pub(super) fn unavailable() -> Option<String> {
    // SAFETY: arguments of no bytes are read by nobody; the kernel says that they are too short.
    match Errno::result(unsafe { libc::syscall(libc::SYS_clone3, std::ptr::null::<libc::clone_args>(), 0) }) {
        Err(Errno::EINVAL) => None,
        other => Some(format!(
            "clone3 cannot be called here: {}; it takes Linux 5.3, and a container that allows it",
            other.err().unwrap_or(Errno::UnknownErrno)
        )),
    }
}

/// Copies this process. The child becomes this one's child, or that of its parent if `flags` hold CLONE_PARENT.
///
/// Gives pid and descriptor of the copy to the caller, and nothing to the copy.
///
/// # Safety
/// As for fork: the process has one thread, or the copy does nothing that may wait for a lock.
pub(super) unsafe fn copy_this(flags: u64) -> io::Result<Option<(Pid, OwnedFd)>> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all-zero arguments are valid: nothing is asked for.
    let mut asked: libc::clone_args = unsafe { std::mem::zeroed() };
    asked.flags = flags | libc::CLONE_PIDFD as u64;
    asked.pidfd = &raw mut pidfd as u64;
    // The copy of a sibling tells its parent as the sibling itself does, so no signal may be named then.
    asked.exit_signal = if flags & libc::CLONE_PARENT as u64 == 0 { libc::SIGCHLD as u64 } else { 0 };
    // SAFETY: the arguments are of the size given, and `pidfd` outlives the call. Without CLONE_VM the copy has memory of its
    // own, so it returns on a copy of this stack.
    let pid = Errno::result(unsafe { libc::syscall(libc::SYS_clone3, &raw mut asked, size_of_val(&asked)) })?;
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: the call succeeded in the caller, which makes the number a descriptor that only we know.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Some((Pid::from_raw(number(pid)), pidfd)))
}

fn number(pid: c_long) -> i32 {
    i32::try_from(pid).expect("a pid fits")
}
