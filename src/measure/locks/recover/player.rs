//! One who plays a part: a child of this process, forked without exec, that plays and exits. It dies with the warden, and
//! is killed and collected when the warden has done with it, whatever happened.
#![allow(unsafe_code)]

use std::io;
use std::panic::{self, AssertUnwindSafe};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

/// A child that plays.
pub(super) struct Player {
    pid: Pid,
    collected: bool,
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
            ForkResult::Parent { child } => Ok(Self { pid: child, collected: false }),
            ForkResult::Child => perform(warden, play),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// True when he has ended by himself.
    pub(super) fn has_ended(&mut self) -> io::Result<bool> {
        if !self.collected {
            let status = again(|| waitpid(self.pid, Some(WaitPidFlag::WNOHANG)))?;
            self.collected = matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
        }
        Ok(self.collected)
    }

    /// Kills him and returns once nothing of him is left.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        if self.collected {
            return Ok(());
        }
        // Not collected yet, so the number is still his.
        kill(self.pid, Signal::SIGKILL)?;
        self.collect()
    }

    /// Waits for his end. Stops of one who is traced are no end.
    pub(super) fn collect(&mut self) -> io::Result<()> {
        while !self.collected {
            let status = again(|| waitpid(self.pid, None))?;
            self.collected = matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..));
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
    // A warden that died before the line above sends no signal any more. A panic must not unwind into the copy of the
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
