//! A child process: to wait for, to reap, to kill. Shared by several rows. Source: waitid(2),
//! pidfd_open(2), kill(2).
#![allow(unsafe_code)]

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{ForkResult, Pid, fork, getpid};

use super::{End, Started};
use crate::child::{retry_on_eintr, run_child};

/// A child process, until it is reaped.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    pidfd: Option<OwnedFd>,
    end: Option<End>,
}

impl Process {
    /// Takes over the child `pid`, which nothing else may reap.
    pub fn new(pid: Pid) -> Self {
        Self { pid, pidfd: None, end: None }
    }

    /// The same with a pidfd.
    pub(super) fn with_pidfd(pid: Pid, pidfd: OwnedFd) -> Self {
        Self { pid, pidfd: Some(pidfd), end: None }
    }

    /// Forks a child that runs `work`, exits with the status that it returns, and dies with its parent.
    ///
    /// Errors: those of fork(2).
    ///
    /// # Safety
    /// The calling process has one thread.
    pub(super) unsafe fn fork(work: impl FnOnce() -> u8) -> io::Result<Self> {
        let parent = getpid();
        // SAFETY: the process has a single thread, as the caller promises, so no lock is held by a thread that the
        // child lacks.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self::new(child)),
            ForkResult::Child => run_child(parent, work),
        }
    }

    /// Its pid.
    pub fn number(&self) -> Pid {
        self.pid
    }

    /// Returns how it ended, if it has. Does not wait; reaps the child.
    pub fn look(&mut self) -> io::Result<Option<End>> {
        self.wait(WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?;
        Ok(self.end)
    }

    /// Sends a signal, unless the child was reaped: the pid may be another process's then.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match self.end {
            None => Ok(kill(self.pid, signal)?),
            Some(_) => Ok(()),
        }
    }

    fn id(&self) -> Id<'_> {
        self.pidfd.as_ref().map_or(Id::Pid(self.pid), |pidfd| Id::PIDFd(pidfd.as_fd()))
    }

    fn wait(&mut self, flags: WaitPidFlag) -> io::Result<()> {
        if self.end.is_none() {
            self.end = match retry_on_eintr(|| waitid(self.id(), flags))? {
                WaitStatus::Exited(_, status) => Some(End::Exited(status as u8)),
                WaitStatus::Signaled(_, signal, _) => Some(End::Killed(signal as i32)),
                _ => None,
            };
        }
        Ok(())
    }
}

impl Started for Process {
    fn pid(&self) -> Option<i32> {
        Some(self.pid.as_raw())
    }

    fn await_end(&mut self) -> io::Result<()> {
        if self.end.is_some() {
            return Ok(());
        }
        match &self.pidfd {
            Some(pidfd) => until_ended(pidfd.as_fd()),
            None => Ok(retry_on_eintr(|| waitid(self.id(), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)).map(drop)?),
        }
    }

    fn collect(&mut self) -> io::Result<End> {
        self.wait(WaitPidFlag::WEXITED)?;
        self.end.ok_or_else(|| io::Error::other("a child that was waited for has not ended"))
    }

    fn kill(&mut self) -> io::Result<()> {
        self.signal(Signal::SIGKILL)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
        let _ = self.collect();
    }
}

/// Waits until the process behind `pidfd` has ended.
pub fn until_ended(pidfd: BorrowedFd<'_>) -> io::Result<()> {
    let mut ends = [PollFd::new(pidfd, PollFlags::POLLIN)];
    retry_on_eintr(|| poll(&mut ends, PollTimeout::NONE)).map(drop)?;
    Ok(())
}

/// Waits until any child has ended, without reaping it.
pub fn until_some_child_ended() -> io::Result<()> {
    retry_on_eintr(|| waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)).map(drop)?;
    Ok(())
}

/// Whether this process has children, including zombies.
pub fn has_children() -> io::Result<bool> {
    match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT) {
        Err(Errno::ECHILD) => Ok(false),
        Ok(_) => Ok(true),
        Err(other) => Err(other.into()),
    }
}

/// This process's environment.
pub fn environment() -> io::Result<Vec<CString>> {
    let entry = |(name, value): (OsString, OsString)| -> io::Result<CString> {
        let mut text = name.into_vec();
        text.push(b'=');
        text.extend(value.into_vec());
        Ok(CString::new(text)?)
    };
    std::env::vars_os().map(entry).collect()
}
