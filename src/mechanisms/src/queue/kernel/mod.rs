//! Work queues in the kernel, which copies each item in and out.

pub(super) mod pipe_locked;
pub(super) mod posix_mq;
mod semaphore;
pub(super) mod sysv_msg;
pub(super) mod unix_seqpacket;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// Waits until `socket_or_pipe` is ready for `flags`, at most for `limit`, and returns whether it is. A signal also
/// ends the wait.
fn await_ready(socket_or_pipe: BorrowedFd<'_>, flags: PollFlags, limit: Duration) -> io::Result<bool> {
    match ppoll(&mut [PollFd::new(socket_or_pipe, flags)], Some(TimeSpec::from_duration(limit)), None) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(other) => Err(other.into()),
    }
}
