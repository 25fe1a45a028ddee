//! The oldest way: a system call that blocks until the child has ended, and collects it. It waits for nothing else meanwhile,
//! and for no process that is not a child. A look that does not wait is the same call with WNOHANG. Source: wait(2).

use std::io;

use nix::sys::signal::Signal;

use super::{Life, Watch, start_process, watched};
use crate::launch::process::Process;
use crate::launch::{End, Started};

/// Blocks in the kernel.
pub struct Waitpid {
    process: Option<Process>,
}

impl Watch for Waitpid {
    const SUMMARY: &'static str = "blocks in waitpid, which also collects";
    const COLLECTS_APART: bool = false;

    fn attach() -> io::Result<Self> {
        Ok(Self { process: None })
    }

    fn start(&mut self, life: Life) -> io::Result<()> {
        self.process = Some(start_process(life)?);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        Ok(watched(&mut self.process)?.look()?.is_none())
    }

    fn await_end(&mut self) -> io::Result<()> {
        self.collect().map(drop)
    }

    fn collect(&mut self) -> io::Result<End> {
        watched(&mut self.process)?.collect()
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        watched(&mut self.process)?.signal(signal)
    }
}
