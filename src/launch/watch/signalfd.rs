//! A descriptor that SIGCHLD can be read from, for loops that wait for many things at once. The signal is blocked everywhere
//! else. Signals of several children may become one, so a real program then looks at all of them; here it is one child at a
//! time, and its number is in what is read. Costs a signal queued and a read, and the collecting afterwards.
//! Source: signalfd(2), signal(7).

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{Life, Watch, start_process, watched};
use crate::child::retry_on_eintr;
use crate::launch::process::Process;
use crate::launch::{End, Started};

/// Reads SIGCHLD from a descriptor.
pub struct Signalfd {
    signals: SignalFd,
    process: Option<Process>,
    ended: bool,
}

impl Signalfd {
    /// Reads what has come in; true once the child's end is among it.
    fn take(&mut self) -> io::Result<bool> {
        let pid = watched(&mut self.process)?.number();
        while !self.ended {
            match self.signals.read_signal() {
                // A signal may still be here of one who was collected before.
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
    const SUMMARY: &'static str = "reads SIGCHLD from a signalfd, then collects";
    const COLLECTS_APART: bool = true;

    fn attach() -> io::Result<Self> {
        let set = SigSet::from_iter([Signal::SIGCHLD]);
        set.thread_block()?;
        let signals = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { signals, process: None, ended: false })
    }

    fn start(&mut self, life: Life) -> io::Result<()> {
        self.ended = false;
        self.process = Some(start_process(life)?);
        Ok(())
    }

    fn is_alive(&mut self) -> io::Result<bool> {
        self.take().map(|ended| !ended)
    }

    fn await_end(&mut self) -> io::Result<()> {
        while !self.take()? {
            let mut ends = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            retry_on_eintr(|| poll(&mut ends, PollTimeout::NONE))?;
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
