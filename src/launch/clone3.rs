//! fork's successor: the system call clone3, which gives the child's pidfd together with the child, so that nobody else can
//! come by its number in between. The C library does not wrap it. Costs what fork costs, and a descriptor.
//! Source: clone(2), "Completing the pidfd API" (LWN, 2019).

use std::io;
use std::os::fd::AsFd;

use nix::unistd::getpid;

use super::process::Process;
use super::{Launch, Plugs, Program, new_process};
use crate::child;

/// Starts copies of this process.
pub struct Clone3 {
    program: Program,
}

impl Launch for Clone3 {
    const SUMMARY: &'static str = "a copy of the parent by clone3, with its pidfd";
    const COPIES_DESCRIPTORS: bool = true;
    type Started = Process;

    fn unavailable() -> Option<String> {
        new_process::unavailable()
    }

    fn attach(program: &Program) -> io::Result<Self> {
        child::require_one_thread()?;
        Ok(Self { program: program.clone() })
    }

    fn start(&mut self, plugs: Plugs) -> io::Result<Process> {
        let (parent, entry) = (getpid(), self.program.entry);
        // SAFETY: the process had one thread when this was made, and this way starts none.
        match unsafe { new_process::copy_this(0) }? {
            Some((pid, pidfd)) => Ok(Process::with_pidfd(pid, pidfd)),
            None => child::run_child(parent, || entry(plugs.input.as_fd(), plugs.output.as_fd())),
        }
    }
}
