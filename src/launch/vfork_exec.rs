//! What vfork(2) does: the child borrows the parent's memory, and the parent stands still, until the child has become another
//! program. No page table is copied, so the parent's size does not matter. vfork itself returns twice on one stack, which no
//! Rust compiler promises to keep; the child gets a stack of its own, by clone(2) with CLONE_VM and CLONE_VFORK, as the C
//! library's posix_spawn gives it one. Source: vfork(2), clone(2).

use std::io;

use nix::sched::{CloneFlags, clone};

use super::image::Image;
use super::process::Process;
use super::{Launch, Plugs, Program};
use crate::child;

/// The child makes three system calls.
const STACK_BYTES: usize = 64 * 1024;

/// Starts a program from a child that borrows this process's memory.
pub struct VforkExec {
    image: Image,
    stack: Vec<u8>,
}

impl Launch for VforkExec {
    const SUMMARY: &'static str = "execve in a child that borrows the parent's memory (vfork)";
    type Started = Process;

    fn attach(program: &Program) -> io::Result<Self> {
        child::require_one_thread()?;
        Ok(Self { image: Image::of(program)?, stack: vec![0; STACK_BYTES] })
    }

    fn start(&mut self, plugs: Plugs) -> io::Result<Process> {
        let image = &self.image;
        let become_it = Box::new(|| image.run(&plugs) as isize);
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        // SAFETY: with CLONE_VFORK this thread stands still until the child has left its memory, so image, plugs and stack
        // outlive it; `run` allocates nothing and writes to no memory but that stack, of which it needs far less.
        let pid = unsafe { clone(become_it, &mut self.stack, flags, Some(libc::SIGCHLD)) }?;
        Ok(Process::new(pid))
    }
}
