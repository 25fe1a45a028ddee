//! Sleeps in poll(2) on an eventfd, which the peer writes when a sleeper is announced; such a wait fits into an event
//! loop. Cost: a poll and a read for the sleeper, a write for the waker. Source: eventfd(2).

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::{read, write};

use super::point::Parker;
use super::{PollPolicy, Strategy, WaitStrategy, fence, sleep_until, wake_sleeper};
use crate::address::Descriptor;
use crate::record::Wait;

/// Interval at which a sleeper checks the abort flag.
const SLEEP_SLICE_MS: u16 = 50;

/// Sleeps on its own eventfd after one poll, and writes the peer's to wake it.
pub struct Doorbell {
    own: OwnedFd,
    other: OwnedFd,
}

impl Strategy for Doorbell {
    const WAIT: Wait = Wait::Eventfd;
    const POLLS: bool = false;
    const DESCRIPTORS: usize = 2;

    fn equip() -> io::Result<[Vec<Descriptor>; 2]> {
        let bell = || EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map(Descriptor::new);
        let (sender, receiver) = (bell()?, bell()?);
        Ok([vec![sender.clone(), receiver.clone()], vec![receiver, sender]])
    }

    fn attach(descriptors: &[Descriptor]) -> io::Result<Self> {
        match descriptors {
            [own, other] => Ok(Self { own: own.duplicate()?, other: other.duplicate()? }),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "a doorbell takes two descriptors: own and other")),
        }
    }
}

impl WaitStrategy<Parker> for Doorbell {
    #[inline]
    fn until<R>(&self, point: &Parker, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match ready() {
            Some(result) => Ok((result, 1)),
            None => sleep_until(point, fence::full, |()| self.listen(), ready).map(|result| (result, 1)),
        }
    }

    #[inline]
    fn notify(&self, point: &Parker, _: u32) -> io::Result<()> {
        wake_sleeper(point, fence::full, || {
            point.clear();
            self.ring()
        })
    }
}

impl Doorbell {
    /// Sleeps until the own eventfd is written, for at most one slice. A late write for an earlier wait ends it early.
    fn listen(&self) -> io::Result<()> {
        let mut bells = [PollFd::new(self.own.as_fd(), PollFlags::POLLIN)];
        match poll(&mut bells, PollTimeout::from(SLEEP_SLICE_MS)) {
            Ok(0) | Err(Errno::EINTR) => return Ok(()),
            Ok(_) => {}
            Err(other) => return Err(other.into()),
        }
        match read(&self.own, &mut [0; size_of::<u64>()]) {
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    #[cold]
    fn ring(&self) -> io::Result<()> {
        write(&self.other, &1u64.to_ne_bytes())?;
        Ok(())
    }
}
