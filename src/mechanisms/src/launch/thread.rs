//! A thread of this process, by `std::thread`. No memory is copied and no program loaded: a stack is mapped, and
//! clone(2) starts a thread that shares everything. A joined thread leaves nothing to reap, and a thread cannot be
//! killed alone. Source: pthread_create(3), clone(2).

use std::io;
use std::os::fd::AsFd;
use std::thread::{Builder, JoinHandle};

use super::{ChildPipes, End, Launch, Program, Started};
use crate::record::Isolation;

/// Starts threads.
pub struct Thread {
    program: Program,
}

/// A thread that was started.
pub struct Running {
    handle: Option<JoinHandle<u8>>,
    end: Option<End>,
}

impl Launch for Thread {
    const SUMMARY: &'static str = "a thread of the same process";
    const ISOLATION: Isolation = Isolation::Thread;
    type Started = Running;

    fn attach(program: &Program) -> io::Result<Self> {
        Ok(Self { program: program.clone() })
    }

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Running> {
        let entry = self.program.entry;
        let handle = Builder::new().spawn(move || entry(pipes.input.as_fd(), pipes.output.as_fd()))?;
        Ok(Running { handle: Some(handle), end: None })
    }
}

impl Started for Running {
    const REMAINS: bool = false;

    fn pid(&self) -> Option<i32> {
        None
    }

    fn await_end(&mut self) -> io::Result<()> {
        self.collect().map(drop)
    }

    fn collect(&mut self) -> io::Result<End> {
        if let Some(handle) = self.handle.take() {
            let status = handle.join().map_err(|_| io::Error::other("the thread panicked"))?;
            self.end = Some(End::Exited(status));
        }
        self.end.ok_or_else(|| io::Error::other("the thread panicked"))
    }

    fn kill(&mut self) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a thread cannot be killed without its process"))
    }
}
