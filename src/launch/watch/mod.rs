//! Ways for a parent to know that somebody it started has ended, one file each; `registry.rs` is the only list.

mod join;
mod pidfd;
mod registry;
mod signalfd;
mod waitpid;
mod waitpid_timeout;

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

/// How somebody lives who is watched: until he is told to end, or ended.
pub type Life = Box<dyn FnOnce() + Send>;

/// Endings that anybody can be asked for who watches processes.
pub const ENDINGS: &[Ending] = &[Ending::Exit, Ending::Terminate, Ending::Kill, Ending::Zombie];

/// A way to watch. One is watched at a time.
pub trait Watch: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What is watched.
    const ISOLATION: Isolation = Isolation::Process;
    /// Which ends it can be asked for.
    const ENDINGS: &'static [Ending] = ENDINGS;
    /// Whether knowing of the end and collecting what is left are two steps.
    const COLLECTS_APART: bool;

    /// Why this machine cannot do it at all.
    fn unavailable() -> Option<String> {
        None
    }

    /// Runs once, in a process of one thread, before anybody is started.
    fn attach() -> io::Result<Self>;

    /// Starts somebody who lives `life`, and gets ready to watch.
    fn start(&mut self, life: Life) -> io::Result<()>;

    /// Looks whether he is alive, without waiting.
    fn is_alive(&mut self) -> io::Result<bool>;

    /// Returns once it is known that he has ended.
    fn await_end(&mut self) -> io::Result<()>;

    /// Collects what is left, which the wait may have done already, and says how he ended.
    fn collect(&mut self) -> io::Result<End>;

    /// Sends him a signal.
    ///
    /// Errors: `Unsupported` for a thread.
    fn signal(&mut self, signal: Signal) -> io::Result<()>;
}

/// How the case's child comes to its end.
pub fn ending(case: &Case) -> Ending {
    case.params.ending.unwrap_or(Ending::Exit)
}

/// Forks somebody who lives `life`, leaves with status 0, and dies with this process.
///
/// Errors: this process has more threads than one; those of fork(2).
pub fn start_process(life: impl FnOnce()) -> io::Result<Process> {
    child::require_one_thread()?;
    // SAFETY: the process has one thread, as was just counted.
    unsafe {
        Process::fork(|| {
            life();
            0
        })
    }
}

/// A descriptor of the process `pid`, which is not collected yet, or the number may be another's by now.
pub fn descriptor_of(pid: Pid) -> io::Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid.as_raw()).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// Why this kernel has no descriptors of processes.
fn without_descriptors() -> Option<String> {
    let refused = descriptor_of(getpid()).err()?;
    Some(format!("pidfd_open cannot be called here: {refused}; it takes Linux 5.3, and a container that allows it"))
}

/// Somebody to watch.
///
/// Errors: nobody was started.
fn watched<T>(one: &mut Option<T>) -> io::Result<&mut T> {
    one.as_mut().ok_or_else(|| io::Error::other("nobody is watched"))
}
