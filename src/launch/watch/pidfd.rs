//! A descriptor of the process itself, readable once it has ended: for loops that wait for many things at once, without signals,
//! and for any process whose number is known, child or not. It can never come to mean another process. Costs a descriptor for
//! each, a poll, and the collecting afterwards. Source: pidfd_open(2).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::{ENDINGS, Life, Watch, descriptor_of, start_process, until_ended, watched, without_descriptors};
use crate::child::retry_on_eintr;
use crate::launch::process::Process;
use crate::launch::{End, Started};
use crate::record::Ending;

/// Polls a descriptor of the child.
pub struct Pidfd {
    process: Option<Process>,
    pidfd: Option<OwnedFd>,
}

impl Watch for Pidfd {
    const SUMMARY: &'static str = "polls a pidfd, then collects";
    /// The one way that also sees the end of a process that is no child: a grandchild, or one's own parent.
    const ENDINGS: &'static [Ending] =
        &[ENDINGS[0], ENDINGS[1], ENDINGS[2], ENDINGS[3], Ending::Daemon, Ending::Orphan];
    const COLLECTS_APART: bool = true;

    fn unavailable() -> Option<String> {
        without_descriptors()
    }

    fn attach() -> io::Result<Self> {
        Ok(Self { process: None, pidfd: None })
    }

    fn start(&mut self, life: Life) -> io::Result<()> {
        let process = start_process(life)?;
        self.pidfd = Some(descriptor_of(process.number())?);
        self.process = Some(process);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        let pidfd = watched(&mut self.pidfd)?;
        let mut ends = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        Ok(retry_on_eintr(|| poll(&mut ends, PollTimeout::ZERO))? == 0)
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
