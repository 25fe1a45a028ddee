//! Starts a copy of this process: fork(2), or its successor clone3(2).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsFd;

use nix::unistd::getpid;

use super::clone3::{clone3, unavailable};
use super::process::Process;
use super::{ChildPipes, Launch, Program};
use crate::child;

/// fork(2). The kernel copies the page tables and marks every private page as copy-on-write, so the cost grows with the
/// memory in use; no program is loaded. Only a process with a single thread may fork and continue freely.
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

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        let entry = self.program.entry;
        // SAFETY: the process had a single thread in `attach`, and this mechanism starts none.
        unsafe { Process::fork(|| entry(pipes.input.as_fd(), pipes.output.as_fd())) }
    }
}

/// clone3(2), which returns the child's pidfd together with the child, so that its pid cannot be reused in between. The
/// C library does not wrap it. Costs as much as fork, and a descriptor. Source: clone(2), "Completing the pidfd API"
/// (LWN, 2019).
pub struct Clone3 {
    program: Program,
}

impl Launch for Clone3 {
    const SUMMARY: &'static str = "a copy of the parent by clone3, with its pidfd";
    const COPIES_DESCRIPTORS: bool = true;
    type Started = Process;

    fn unavailable() -> Option<String> {
        unavailable()
    }

    fn attach(program: &Program) -> io::Result<Self> {
        child::require_one_thread()?;
        Ok(Self { program: program.clone() })
    }

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        let (parent, entry) = (getpid(), self.program.entry);
        // SAFETY: the process had a single thread in `attach`, and this mechanism starts none.
        match unsafe { clone3(0) }? {
            Some((pid, pidfd)) => Ok(Process::with_pidfd(pid, pidfd)),
            None => child::run_child(parent, || entry(pipes.input.as_fd(), pipes.output.as_fd())),
        }
    }
}
