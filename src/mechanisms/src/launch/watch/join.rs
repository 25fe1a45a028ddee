//! Joins a thread: a futex wait on a word that the kernel clears when the thread exits. Nothing is left to reap.
//! Source: pthread_join(3), the documentation of `std::thread`.

use std::io;
use std::thread::{self, JoinHandle};

use nix::sys::signal::Signal;

use super::{Body, Watch, watched};
use crate::launch::End;
use crate::record::{Ending, Isolation};

/// The mechanism.
pub struct Join {
    thread: Option<JoinHandle<()>>,
}

impl Watch for Join {
    const SUMMARY: &'static str = "joins a thread";
    const ISOLATION: Isolation = Isolation::Thread;
    /// A thread that was not joined is the counterpart of a zombie. A thread cannot be killed alone.
    const ENDINGS: &'static [Ending] = &[Ending::Exit, Ending::Zombie];
    const COLLECTS_APART: bool = false;

    fn attach() -> io::Result<Self> {
        Ok(Self { thread: None })
    }

    fn start(&mut self, body: Body) -> io::Result<()> {
        self.thread = Some(thread::Builder::new().spawn(body)?);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        Ok(!watched(&mut self.thread)?.is_finished())
    }

    fn await_end(&mut self) -> io::Result<()> {
        match self.thread.take() {
            Some(thread) => thread.join().map_err(|_| io::Error::other("the thread panicked")),
            None => Ok(()),
        }
    }

    fn collect(&mut self) -> io::Result<End> {
        self.await_end()?;
        Ok(End::Exited(0))
    }

    fn signal(&mut self, _: Signal) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a thread cannot be killed without its process"))
    }
}
