//! A child of this process, forked without exec, that does its work and exits. It dies with its parent, and is killed and
//! collected when its parent has done with it, whatever happened.
#![allow(unsafe_code)]

use std::io;
use std::panic::{self, AssertUnwindSafe};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

/// The child, as its parent holds it.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    /// Once it was collected.
    end: Option<WaitStatus>,
}

impl Child {
    /// Forks a process that does `work` and exits.
    ///
    /// Errors: this process has more threads than one, so a fork would copy locks that nobody opens; and those of fork(2).
    pub fn start(work: impl FnOnce()) -> io::Result<Self> {
        one_thread()?;
        let parent = getpid();
        // SAFETY: the process has this one thread, as was just counted, so the child finds no lock of the C library or of
        // ours taken by a thread that it does not have.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self { pid: child, end: None }),
            ForkResult::Child => live(parent, || {
                // A C library may abort one who gets a dead owner's lock: that is seen, and need not be kept.
                let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
                work();
                0
            }),
        }
    }

    /// Its number, until it is collected.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// True when it has ended.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        self.look(Some(WaitPidFlag::WNOHANG))?;
        Ok(self.end.is_some())
    }

    /// Kills it and returns once nothing of it is left.
    pub fn kill(&mut self) -> io::Result<()> {
        if self.end.is_none() {
            // Not collected yet, so the number is still its own.
            kill(self.pid, Signal::SIGKILL)?;
        }
        self.collect()
    }

    /// Waits for its end.
    pub fn collect(&mut self) -> io::Result<()> {
        while self.end.is_none() {
            self.look(None)?;
        }
        Ok(())
    }

    /// True when it has ended by itself, its work done.
    pub fn left_well(&self) -> bool {
        matches!(self.end, Some(WaitStatus::Exited(_, 0)))
    }

    /// How it ended.
    pub fn end_in_words(&self) -> String {
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

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Errors: this process has more threads than one, so a fork would copy locks that nobody opens.
pub fn one_thread() -> io::Result<()> {
    match std::fs::read_dir("/proc/self/task")?.count() {
        1 => Ok(()),
        threads => {
            Err(io::Error::other(format!("only a process of one thread may be forked, and this one has {threads}")))
        }
    }
}

/// The whole life of a forked child of `parent`: it dies with that, does `work`, and leaves with the status that this gives,
/// or 1 where it panicked.
pub fn live(parent: Pid, work: impl FnOnce() -> u8) -> ! {
    let bound = prctl::set_pdeathsig(Signal::SIGKILL);
    // A parent that died before the first line sends no signal any more. A panic must not unwind into the copy of the
    // parent that lies below on this stack.
    let dies_with_it = bound.is_ok() && getppid() == parent;
    let status = if dies_with_it { panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(1) } else { 1 };
    // SAFETY: ends the process without running what the parent registered for its own exit: the buffers of its streams
    // are copies here, and would be written twice.
    unsafe { libc::_exit(i32::from(status)) }
}

/// Repeats a call that a signal interrupted.
pub fn again<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}
