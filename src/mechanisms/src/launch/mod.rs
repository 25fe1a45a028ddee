//! Launch mechanisms: ways to start a process or thread, listed in `registry.rs`. Ways to learn of its end are in
//! [`watch`].

mod clone3;
pub mod exec;
mod fork;
pub mod process;
mod registry;
mod spawn;
mod thread;
pub mod watch;
mod zygote;

use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::record::Isolation;

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "launch";

/// What is started. Mechanisms that run a program and mechanisms that copy this process do the same work.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable file.
    pub exe: CString,
    /// Arguments, starting with the program's name.
    pub args: Vec<CString>,
    /// The work: reads from the first descriptor, writes to the second, and returns the exit status. The program does
    /// the same with its standard input and output.
    pub entry: fn(BorrowedFd<'_>, BorrowedFd<'_>) -> u8,
}

/// The child's endpoints of its two pipes.
#[derive(Debug)]
pub struct ChildPipes {
    /// For requests. End of file tells the child to exit.
    pub input: OwnedFd,
    /// For responses.
    pub output: OwnedFd,
}

/// How a process or thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this status.
    Exited(u8),
    /// This signal killed it.
    Killed(i32),
}

/// A launch mechanism.
pub trait Launch: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Whether the child is a process or a thread.
    const ISOLATION: Isolation = Isolation::Process;
    /// Whether the child has copies of all descriptors of the parent, including the parent's endpoints of the child's
    /// pipes. Then its input never ends, and it must be killed when the parent is done.
    const COPIES_DESCRIPTORS: bool = false;
    /// The parent's handle of a child.
    type Started: Started;

    /// Why this machine cannot run it, if it cannot.
    fn unavailable() -> Option<String> {
        None
    }

    /// Prepares to start `program` any number of times. Runs in the parent, which has a single thread, before the clock
    /// starts.
    ///
    /// Errors: those of the mechanism's own resources.
    fn attach(program: &Program) -> io::Result<Self>;

    /// Starts a child with `pipes`, of which the parent keeps no copy. The parent has no threads except those started
    /// here.
    ///
    /// Errors: those of the system call, such as too many processes.
    fn start(&mut self, pipes: ChildPipes) -> io::Result<Self::Started>;
}

/// A child that was started and not yet reaped. Dropping it kills and reaps a process; a thread ends only at the end of
/// its input.
pub trait Started {
    /// Whether the child stays as a zombie after its end until it is reaped.
    const REMAINS: bool = true;

    /// Pid of a process; `None` for a thread.
    fn pid(&self) -> Option<i32>;

    /// Waits for the end. A process is not reaped yet.
    fn await_end(&mut self) -> io::Result<()>;

    /// Waits for the end, reaps the child, and returns how it ended.
    fn collect(&mut self) -> io::Result<End>;

    /// Sends SIGKILL, without waiting.
    ///
    /// Errors: `Unsupported` for a thread, which cannot be killed without its process.
    fn kill(&mut self) -> io::Result<()>;
}
