//! A descriptor of the process, readable once it has ended: for loops that wait for many events, without signals, and
//! for any process with a known pid, child or not. It never refers to another process. Costs a descriptor per process,
//! a poll, and the wait call that reaps. Source: pidfd_open(2).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::{Body, ENDINGS, Watch, descriptor_of, start_process, until_ended, watched, without_descriptors};
use crate::child::retry_on_eintr;
use crate::launch::process::Process;
use crate::launch::{End, Started};
use crate::record::Ending;

/// The mechanism.
pub struct Pidfd {
    process: Option<Process>,
    pidfd: Option<OwnedFd>,
}

impl Watch for Pidfd {
    const SUMMARY: &'static str = "polls a pidfd, then reaps";
    /// Also of processes that are not children: a grandchild, or the parent.
    const ENDINGS: &'static [Ending] =
        &[ENDINGS[0], ENDINGS[1], ENDINGS[2], ENDINGS[3], Ending::Daemon, Ending::Orphan];
    const COLLECTS_APART: bool = true;

    fn unavailable() -> Option<String> {
        without_descriptors()
    }

    fn attach() -> io::Result<Self> {
        Ok(Self { process: None, pidfd: None })
    }

    fn start(&mut self, body: Body) -> io::Result<()> {
        let process = start_process(body)?;
        self.pidfd = Some(descriptor_of(process.number())?);
        self.process = Some(process);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        let pidfd = watched(&mut self.pidfd)?;
        let mut polled = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        Ok(retry_on_eintr(|| poll(&mut polled, PollTimeout::ZERO))? == 0)
    }

    fn await_end(&mut self) -> io::Result<()> {
        until_ended(watched(&mut self.pidfd)?.as_fd())
    }

    fn collect(&mut self) -> io::Result<End> {
        watched(&mut self.process)?.collect()
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        watched(&mut self.process)?.signal(signal)
    }
}
