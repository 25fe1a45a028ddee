//! Stopping a process on the threshold of a system call. Source: ptrace(2).

use std::io;

use crate::child::{Child, retry_on_eintr};
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::stage::Line;

/// Why this process may not trace its children, if so: Yama, a container's filter of system calls, or no ptrace at all.
///
/// Errors: a child cannot be started to try it on.
pub(super) fn forbidden(line: &Line) -> io::Result<Option<String>> {
    let subject = Child::start(|| line.stays_busy())?;
    let attached = stop(subject.pid());
    Ok(attached.err().map(|error| {
        format!("a process cannot be stopped between its release and its wake here: {error}; see ptrace(2) and kernel.yama.ptrace_scope")
    }))
}

/// Lets a child that runs without system calls go on, by `go`, and stops it where it is about to make one. Nothing of that
/// call is done when it is killed then: the kernel looks for a fatal signal between the stop and the call.
///
/// Errors: it ended instead, or may not be traced.
pub(super) fn run_to_next_call(child: Pid, go: impl FnOnce()) -> io::Result<()> {
    stop(child)?;
    go();
    loop {
        ptrace::syscall(child, None)?;
        match retry_on_eintr(|| waitpid(child, None))? {
            WaitStatus::PtraceSyscall(_) => return Ok(()),
            // Whatever signal that was, the child has no use for it.
            WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..) => {}
            other => return Err(ended(other)),
        }
    }
}

/// Attaches to a child and stops it where it is.
fn stop(child: Pid) -> io::Result<()> {
    ptrace::seize(child, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL)?;
    ptrace::interrupt(child)?;
    match retry_on_eintr(|| waitpid(child, None))? {
        WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..) => Ok(()),
        other => Err(ended(other)),
    }
}

fn ended(status: WaitStatus) -> io::Error {
    io::Error::other(format!("the traced process did not stop: {status:?}"))
}
