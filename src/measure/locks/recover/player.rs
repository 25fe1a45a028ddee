//! One who plays a part: a child of this process, forked without exec, that plays and exits. It dies with the warden, and
//! is killed and collected when the warden has done with it, whatever happened.
#![allow(unsafe_code)]

use std::io;
use std::panic::{self, AssertUnwindSafe};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

/// A child that plays.
pub(super) struct Player {
    pid: Pid,
    /// Once it was collected.
    end: Option<WaitStatus>,
}

impl Player {
    /// Forks somebody who does `play` and exits.
    ///
    /// Errors: this process has more threads than one, so a fork would copy locks that nobody opens; and those of fork(2).
    pub(super) fn start(play: impl FnOnce()) -> io::Result<Self> {
        let threads = std::fs::read_dir("/proc/self/task")?.count();
        if threads != 1 {
            return Err(io::Error::other(format!("a warden forks from one thread, and this process has {threads}")));
        }
        let warden = getpid();
        // SAFETY: the process has this one thread, as was just counted, so the child finds no lock of the C library or of
        // ours taken by a thread that it does not have.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self { pid: child, end: None }),
            ForkResult::Child => perform(warden, play),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// True when he has ended by himself.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        self.look(Some(WaitPidFlag::WNOHANG))?;
        Ok(self.end.is_some())
    }

    /// Kills him and returns once nothing of him is left.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.end.is_none() {
            // Not collected yet, so the number is still his.
            kill(self.pid, Signal::SIGKILL)?;
        }
        self.collect()
    }

    /// Waits for his end.
    pub(super) fn collect(&mut self) -> io::Result<()> {
        while self.end.is_none() {
            self.look(None)?;
        }
        Ok(())
    }

    /// How he ended.
    pub(super) fn end_in_words(&self) -> String {
        match self.end {
            Some(WaitStatus::Signaled(_, signal, _)) => format!("it was ended by {signal}"),
            Some(WaitStatus::Exited(_, code)) => format!("it left with status {code}"),
            _ => "it has not ended".to_owned(),
        }
    }

    fn look(&mut self, flags: Option<WaitPidFlag>) -> io::Result<()> {
        if self.end.is_none() {
            let status = again(|| waitpid(self.pid, flags))?;
            // A stop of one who is traced is no end.
            self.end = Some(status).filter(|it| matches!(it, WaitStatus::Exited(..) | WaitStatus::Signaled(..)));
        }
        Ok(())
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The child's whole life.
fn perform(warden: Pid, play: impl FnOnce()) -> ! {
    let bound = prctl::set_pdeathsig(Signal::SIGKILL);
    // A C library may abort one who gets a dead owner's lock: that is seen, and need not be kept.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    // A warden that died before the first line sends no signal any more. A panic must not unwind into the copy of the
    // warden that lies below on this stack.
    let well = bound.is_ok() && getppid() == warden && panic::catch_unwind(AssertUnwindSafe(play)).is_ok();
    // SAFETY: ends the process without running what the warden registered for its own exit: the buffers of its streams
    // are copies here, and would be written twice.
    unsafe { libc::_exit(i32::from(!well)) }
}

/// Repeats a call that a signal interrupted.
pub(super) fn again<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}
