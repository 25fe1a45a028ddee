//! The C library's own way to start a program, which lets it choose how: glibc borrows the parent's memory as vfork does, on a
//! stack of its own, with all signals blocked meanwhile. Its cost does not grow with the parent. Source: posix_spawn(3).

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};

use super::image::environment;
use super::process::Process;
use super::{Launch, Plugs, Program};

/// Starts a program.
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

    fn start(&mut self, plugs: Plugs) -> io::Result<Process> {
        let Program { exe, args, .. } = &self.program;
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_dup2(plugs.input.as_raw_fd(), libc::STDIN_FILENO)?;
        actions.add_dup2(plugs.output.as_raw_fd(), libc::STDOUT_FILENO)?;
        let pid = posix_spawn(exe.as_c_str(), &actions, &self.attributes, args, &self.environment)?;
        Ok(Process::new(pid))
    }
}
