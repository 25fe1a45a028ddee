//! Starts a program with execve(2), after fork(2) or vfork(2).
#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::io;
use std::ptr;

use nix::sched::{CloneFlags, clone};
use nix::unistd::{dup2_stdin, dup2_stdout};

use super::process::{Process, environment};
use super::{ChildPipes, Launch, Program};
use crate::child;

/// Exit status of a child whose execve failed, as in a shell.
const EXEC_FAILED: u8 = 127;
/// Stack of a vfork child, which makes three system calls.
const STACK_BYTES: usize = 64 * 1024;

/// fork, then execve in the copy. The page tables that fork copies are dropped at once; the program must be loaded.
/// Source: fork(2), execve(2).
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

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        // SAFETY: the process had a single thread in `attach`, and this mechanism starts none.
        unsafe { Process::fork(|| self.image.exec(&pipes)) }
    }
}

/// vfork(2): the child borrows the parent's memory, and the parent is suspended, until the child calls execve. No page
/// tables are copied, so the parent's size does not matter. vfork itself returns twice on one stack, which Rust does
/// not support. So the child gets its own stack by clone(2) with CLONE_VM and CLONE_VFORK, as in the C library's
/// posix_spawn. Source: vfork(2), clone(2).
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

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        let image = &self.image;
        let exec = Box::new(|| image.exec(&pipes) as isize);
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        // SAFETY: with CLONE_VFORK this thread is suspended until the child has left its memory, so image, pipes and
        // stack outlive it; `exec` allocates nothing and writes only to that stack, of which it needs far less.
        let pid = unsafe { clone(exec, &mut self.stack, flags, Some(libc::SIGCHLD)) }?;
        Ok(Process::new(pid))
    }
}

/// The arguments of execve(2), prepared so that a child need not allocate before the call.
struct Image {
    exe: CString,
    /// Point into the strings below, which are not moved.
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    _args: Vec<CString>,
    _environment: Vec<CString>,
}

impl Image {
    fn of(program: &Program) -> io::Result<Self> {
        let (args, environment) = (program.args.clone(), environment()?);
        let pointers = |strings: &[CString]| -> Vec<*const c_char> {
            strings.iter().map(|it| it.as_ptr()).chain([ptr::null()]).collect()
        };
        Ok(Self {
            exe: program.exe.clone(),
            argv: pointers(&args),
            envp: pointers(&environment),
            _args: args,
            _environment: environment,
        })
    }

    /// Executes the program with `pipes` as standard input and output; returns only on failure. Allocates nothing and
    /// writes to no memory of the caller.
    fn exec(&self, pipes: &ChildPipes) -> u8 {
        if dup2_stdin(&pipes.input).is_ok() && dup2_stdout(&pipes.output).is_ok() {
            // SAFETY: file, arguments and environment are zero-terminated strings, in null-terminated lists, all owned
            // by `self`.
            unsafe { libc::execve(self.exe.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        }
        EXEC_FAILED
    }
}
