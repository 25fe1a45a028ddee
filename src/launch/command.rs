//! `std::process::Command`, as most Rust programs start others. It chooses posix_spawn where it can, as here, and sets up
//! signals and streams by itself; arguments and environment are built for each start. Source: the documentation of
//! `std::process`.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process;

use nix::unistd::Pid;

use super::process::Process;
use super::{Launch, Plugs, Program};

/// Starts a program.
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

    fn start(&mut self, plugs: Plugs) -> io::Result<Process> {
        let mut command = process::Command::new(&self.exe);
        let child = command.arg0(&self.name).args(&self.args).stdin(plugs.input).stdout(plugs.output).spawn()?;
        // Dropping its handle neither waits nor kills, so the child is ours to collect.
        Ok(Process::new(Pid::from_raw(child.id().cast_signed())))
    }
}
