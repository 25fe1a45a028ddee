//! Ways to start a process or a thread, one file each; `registry.rs` is the only list. What watches for its end is below
//! `watch`.
#![allow(unsafe_code)]

mod clone3;
mod command;
mod fork;
mod fork_exec;
pub mod image;
mod new_process;
mod posix_spawn;
pub mod process;
mod registry;
mod thread;
mod vfork_exec;
pub mod watch;
mod zygote;

use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::record::Isolation;

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "launch";

/// What is started: the same work for those who run a program and for those who go on in a copy of this one.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file to run.
    pub exe: CString,
    /// Its arguments, its name first.
    pub args: Vec<CString>,
    /// The work itself: hears by the first descriptor, says by the second, and gives the status to leave with. The program
    /// does the same with its standard input and output.
    pub entry: fn(BorrowedFd<'_>, BorrowedFd<'_>) -> u8,
}

/// The newborn's ends of its two pipes.
#[derive(Debug)]
pub struct Plugs {
    /// Where it hears what to do. The end of it tells that nobody is left to serve.
    pub input: OwnedFd,
    /// Where it answers.
    pub output: OwnedFd,
}

/// How a process or thread came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It left with a status.
    Left(u8),
    /// A signal of this number ended it.
    Killed(i32),
}

/// A way to start a process or thread.
pub trait Launch: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What stands between parent and newborn.
    const ISOLATION: Isolation = Isolation::Process;
    /// Whether the newborn has all that the parent had open, the parent's own ends of its pipes among it: then its input never
    /// ends, and it has to be ended with its parent.
    const COPIES_DESCRIPTORS: bool = false;
    /// The parent's handle.
    type Started: Started;

    /// Why this machine cannot do it at all.
    fn unavailable() -> Option<String> {
        None
    }

    /// Gets ready to start `program`, any number of times. Runs in the parent, which has one thread, before the clock starts.
    ///
    /// Errors: what the way itself needs is not to be had.
    fn attach(program: &Program) -> io::Result<Self>;

    /// Starts one, which takes `plugs` along; this process keeps no copy of them. The parent has no threads but those that
    /// were started here.
    ///
    /// Errors: those of the system call, as when there are too many processes.
    fn start(&mut self, plugs: Plugs) -> io::Result<Self::Started>;
}

/// Somebody who was started and not yet collected. Dropped, a process is killed and collected; a thread has to end by
/// itself, when its input does.
pub trait Started {
    /// Whether something is left after the end that wants collecting: a zombie.
    const REMAINS: bool = true;

    /// The number of the process; none for a thread.
    fn pid(&self) -> Option<i32>;

    /// Returns once it has ended. A process stays to be collected.
    fn await_end(&mut self) -> io::Result<()>;

    /// Waits for the end, collects what is left, and says how it ended.
    fn collect(&mut self) -> io::Result<End>;

    /// Ends it by SIGKILL, without waiting.
    ///
    /// Errors: `Unsupported` for a thread, which has no end apart from that of its process.
    fn kill(&mut self) -> io::Result<()>;
}
