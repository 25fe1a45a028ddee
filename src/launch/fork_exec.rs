//! The classic pair: a copy of this process that becomes another program at once. It pays for the page tables that fork copies,
//! only to throw them away, and then for loading the program. Source: fork(2), execve(2).

use std::io;

use super::image::Image;
use super::process::Process;
use super::{Launch, Plugs, Program};
use crate::child;

/// Starts a program in a copy of this process.
pub struct ForkExec {
    image: Image,
}

impl Launch for ForkExec {
    const SUMMARY: &'static str = "fork, then execve in the copy";
    type Started = Process;

    fn attach(program: &Program) -> io::Result<Self> {
        child::require_one_thread()?;
        Ok(Self { image: Image::of(program)? })
    }

    fn start(&mut self, plugs: Plugs) -> io::Result<Process> {
        // SAFETY: the process had one thread when this was made, and this way starts none.
        unsafe { Process::fork(|| self.image.run(&plugs)) }
    }
}
