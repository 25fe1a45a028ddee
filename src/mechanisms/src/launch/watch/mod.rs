//! Watch mechanisms: ways for a parent to learn that a child has ended. One file per system call; `registry.rs` lists
//! them.
#![allow(unsafe_code)]

mod join;
mod pidfd;
mod registry;
mod signalfd;
mod waitpid;

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid};
use rustix::process::PidfdFlags;

use super::End;
use super::process::Process;
use crate::child;
use crate::record::{Case, Ending, Isolation};

pub use super::process::until_ended;
pub use registry::{Entry, rows};

/// What a watched child runs, until it ends by itself or is killed.
pub type Body = Box<dyn FnOnce() + Send>;

/// Endings that every mechanism for processes supports.
pub const ENDINGS: &[Ending] = &[Ending::Exit, Ending::Terminate, Ending::Kill, Ending::Zombie];

/// A watch mechanism. It watches one child at a time.
pub trait Watch: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Whether it watches processes or threads.
    const ISOLATION: Isolation = Isolation::Process;
    /// Supported endings.
    const ENDINGS: &'static [Ending] = ENDINGS;
    /// Whether learning of the end and reaping are two steps.
    const COLLECTS_APART: bool;

    /// Why this machine cannot run it, if it cannot.
    fn unavailable() -> Option<String> {
        None
    }

    /// Runs once, in a process with a single thread, before any child is started.
    fn attach() -> io::Result<Self>;

    /// Starts a child that runs `body`, and prepares to watch it.
    fn start(&mut self, body: Body) -> io::Result<()>;

    /// Checks without waiting whether the child is alive.
    fn is_alive(&mut self) -> io::Result<bool>;

    /// Waits until the mechanism reports the end.
    fn await_end(&mut self) -> io::Result<()>;

    /// Reaps the child, unless the wait has done so, and returns how it ended.
    fn collect(&mut self) -> io::Result<End>;

    /// Sends a signal.
    ///
    /// Errors: `Unsupported` for a thread.
    fn signal(&mut self, signal: Signal) -> io::Result<()>;
}

/// How the case's child comes to its end.
pub fn ending(case: &Case) -> Ending {
    case.params.ending.unwrap_or(Ending::Exit)
}

/// Forks a child that runs `body`, exits with status 0, and dies with this process.
///
/// Errors: this process has several threads; those of fork(2).
pub fn start_process(body: impl FnOnce()) -> io::Result<Process> {
    child::require_one_thread()?;
    // SAFETY: the process has a single thread, as was just checked.
    unsafe {
        Process::fork(|| {
            body();
            0
        })
    }
}

/// A pidfd of the process `pid`. The process must not be reaped yet, or the pid may be another process's.
pub fn descriptor_of(pid: Pid) -> io::Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Why this machine has no pidfds, if it has none.
fn without_descriptors() -> Option<String> {
    let refused = descriptor_of(getpid()).err()?;
    Some(format!("pidfd_open cannot be called here: {refused}; it needs Linux 5.3, and a container that allows it"))
}

/// The watched child.
///
/// Errors: no child was started.
fn watched<T>(child: &mut Option<T>) -> io::Result<&mut T> {
    child.as_mut().ok_or_else(|| io::Error::other("no child is watched"))
}
