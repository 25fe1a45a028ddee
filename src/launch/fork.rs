//! A copy of this process that goes on in its own way. The kernel copies the page tables and marks every private page to be
//! copied when it is next written, so the call grows with the memory in use; nothing is loaded. Only a process of one thread
//! may do it and go on as it likes. Source: fork(2).

use std::io;
use std::os::fd::AsFd;

use super::process::Process;
use super::{Launch, Plugs, Program};
use crate::child;

/// Starts copies of this process.
pub struct Fork {
    program: Program,
}

impl Launch for Fork {
    const SUMMARY: &'static str = "a copy of the parent, its memory copied on write";
    const COPIES_DESCRIPTORS: bool = true;
    type Started = Process;

    fn attach(program: &Program) -> io::Result<Self> {
        child::require_one_thread()?;
        Ok(Self { program: program.clone() })
    }

    fn start(&mut self, plugs: Plugs) -> io::Result<Process> {
        let entry = self.program.entry;
        // SAFETY: the process had one thread when this was made, and this way starts none.
        unsafe { Process::fork(|| entry(plugs.input.as_fd(), plugs.output.as_fd())) }
    }
}
