//! One worker process as the harness sees it: its streams, its pidfd and its exit.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus};

use ipcmark::protocol::{self, Order, ToWorker};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use rustix::process::PidfdFlags;

use super::failure::WorkerId;
use super::spawn::{self, Program};
use super::streams::{Lines, Log, never_block};

/// A worker that runs, or has ended and was reaped. Dropping it kills and reaps it.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) lines: Lines<ChildStdout>,
    pub(super) log: Log<ChildStderr>,
    child: Child,
    pidfd: OwnedFd,
    stdin: ChildStdin,
    ended: Option<ExitStatus>,
}

impl Worker {
    /// Starts the process for `order`. See [`spawn::start`] for which thread may call this.
    pub(super) fn start(program: &Program, order: &Order, home: &Path) -> io::Result<Self> {
        let mut unowned = Unowned(Some(spawn::start(program, order, home)?));
        let child = unowned.0.as_mut().expect("just put in");
        let pid = child.id();
        let missing = || io::Error::other("a piped stream is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        never_block(&stdin)?;
        never_block(&stdout)?;
        never_block(&stderr)?;
        let raw = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a child's pid is positive");
        let pidfd = rustix::process::pidfd_open(raw, PidfdFlags::empty())?;
        let child = unowned.0.take().expect("still in");
        let id = WorkerId { role: order.role.to_string(), pid };
        Ok(Self { id, lines: Lines::new(stdout), log: Log::new(stderr), child, pidfd, stdin, ended: None })
    }

    /// Sends one line. If the worker has ended this does nothing; its pidfd reports the end.
    ///
    /// Errors: `WouldBlock` when the worker does not read its stdin.
    pub(super) fn send(&mut self, line: &ToWorker) -> io::Result<()> {
        let mut whole = Vec::new();
        protocol::send(&mut whole, line)?;
        match self.stdin.write_all(&whole) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            sent => sent,
        }
    }

    /// Readable once the process has ended; `None` after [`reap`](Self::reap).
    pub(super) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.ended.is_none().then(|| self.pidfd.as_fd())
    }

    /// Reaps the ended process, and kills what it left in its process group.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        // Before the wait: until then no other process can get the group leader's number.
        self.kill();
        let status = self.child.wait()?;
        self.ended = Some(status);
        Ok(status)
    }

    /// Kills the process and its group, unless it has been reaped. A process that has already ended keeps its status.
    pub(super) fn kill(&self) {
        if self.ended.is_none() {
            // The process itself by its pidfd, in case it has left its group.
            let _ = rustix::process::pidfd_send_signal(&self.pidfd, rustix::process::Signal::KILL);
            let _ = killpg(Pid::from_raw(self.id.pid.cast_signed()), Signal::SIGKILL);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.reap();
    }
}

/// A child before a [`Worker`] owns it. Dropping it kills and reaps the child.
struct Unowned(Option<Child>);

impl Drop for Unowned {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
