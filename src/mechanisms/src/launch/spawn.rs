//! Starts a program through a library: posix_spawn(3) of the C library, or `std::process::Command`.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::unistd::Pid;

use super::process::{Process, environment};
use super::{ChildPipes, Launch, Program};

/// posix_spawn(3). glibc borrows the parent's memory as vfork does, on a stack of its own, with all signals blocked.
/// The cost does not grow with the parent.
pub struct PosixSpawn {
    program: Program,
    environment: Vec<CString>,
    attributes: PosixSpawnAttr,
}

impl Launch for PosixSpawn {
    const SUMMARY: &'static str = "posix_spawn of the C library";
    type Started = Process;

    fn attach(program: &Program) -> io::Result<Self> {
        Ok(Self { program: program.clone(), environment: environment()?, attributes: PosixSpawnAttr::init()? })
    }

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        let Program { exe, args, .. } = &self.program;
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_dup2(pipes.input.as_raw_fd(), libc::STDIN_FILENO)?;
        actions.add_dup2(pipes.output.as_raw_fd(), libc::STDOUT_FILENO)?;
        let pid = posix_spawn(exe.as_c_str(), &actions, &self.attributes, args, &self.environment)?;
        Ok(Process::new(pid))
    }
}

/// `std::process::Command`, which most Rust programs use. It chooses posix_spawn where it can, as here, and sets up
/// signals and streams; arguments and environment are built for each start. Source: the documentation of
/// `std::process`.
pub struct Command {
    exe: OsString,
    name: OsString,
    args: Vec<OsString>,
}

impl Launch for Command {
    const SUMMARY: &'static str = "std::process::Command";
    type Started = Process;

    fn attach(program: &Program) -> io::Result<Self> {
        let text = |it: &CString| OsStr::from_bytes(it.as_bytes()).to_owned();
        let mut args = program.args.iter().map(text);
        let exe = OsString::from_vec(program.exe.as_bytes().to_vec());
        Ok(Self { name: args.next().unwrap_or_else(|| exe.clone()), exe, args: args.collect() })
    }

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        let mut command = process::Command::new(&self.exe);
        let child = command.arg0(&self.name).args(&self.args).stdin(pipes.input).stdout(pipes.output).spawn()?;
        // Dropping the handle neither waits nor kills; `Process` reaps the child.
        Ok(Process::new(Pid::from_raw(child.id().cast_signed())))
    }
}
