//! A descriptor from which SIGCHLD is read, for loops that wait for many events. The signal is blocked otherwise.
//! Signals of several children may be merged, so a real program then checks all children; here there is one child at a
//! time, and its pid is in the data read. Costs a queued signal, a read, and the wait call that reaps. Source:
//! signalfd(2), signal(7).

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{Body, Watch, start_process, watched};
use crate::child::retry_on_eintr;
use crate::launch::process::Process;
use crate::launch::{End, Started};

/// The mechanism.
pub struct Signalfd {
    signals: SignalFd,
    process: Option<Process>,
    ended: bool,
}

impl Signalfd {
    /// Reads all signals that have arrived. Returns true once the child has ended.
    fn take(&mut self) -> io::Result<bool> {
        let pid = watched(&mut self.process)?.number();
        while !self.ended {
            match self.signals.read_signal() {
                // May be an earlier child's signal.
                Ok(Some(signal)) => self.ended = signal.ssi_pid == pid.as_raw().cast_unsigned(),
                Ok(None) => break,
                Err(Errno::EINTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(self.ended)
    }
}

impl Watch for Signalfd {
    const SUMMARY: &'static str = "reads SIGCHLD from a signalfd, then reaps";
    const COLLECTS_APART: bool = true;

    fn attach() -> io::Result<Self> {
        let set = SigSet::from_iter([Signal::SIGCHLD]);
        set.thread_block()?;
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { signals, process: None, ended: false })
    }

    fn start(&mut self, body: Body) -> io::Result<()> {
        self.ended = false;
        self.process = Some(start_process(body)?);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        self.take().map(|ended| !ended)
    }

    fn await_end(&mut self) -> io::Result<()> {
        while !self.take()? {
            let mut polled = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            retry_on_eintr(|| poll(&mut polled, PollTimeout::NONE))?;
        }
        Ok(())
    }

    fn collect(&mut self) -> io::Result<End> {
        watched(&mut self.process)?.collect()
    }

    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        watched(&mut self.process)?.signal(signal)
    }
}
