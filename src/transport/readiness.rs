//! How a side of a descriptor waits when a call finds nothing to read, or no room to write: an axis of its own, the same
//! for every mechanism that goes through read(2) and write(2) or their kin. Not a mechanism; pipes and sockets build on it.
//!
//! O_NONBLOCK belongs to the open file, not to the descriptor: every copy of the descriptor shares it. So both directions
//! of one connection wait the same way.

use std::hint;
use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::abort;
use crate::record::{Counts, Wait};

/// A sleeper in epoll_wait looks at the abort word this often, in milliseconds.
const SLEEP_SLICE_MS: u8 = 50;

/// What a descriptor is waited on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Something to read, or the end of it.
    Read,
    /// Room to write, or nobody left to write to.
    Write,
}

/// A way to wait until a call on a descriptor gets through.
pub trait Readiness: Sized + 'static {
    /// Its name in records.
    const WAIT: Wait;
    /// True when a waiting side keeps its CPU busy without end.
    const POLLS: bool;

    /// Makes `fd` wait this way. Runs in the worker, before the clock starts.
    fn prepare(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<Self>;

    /// Makes `call` until it says anything but `WouldBlock` or `Interrupted`, and waits between.
    ///
    /// Errors: the call's own; `Interrupted` when the trial is called off, so a caller hands every error on.
    fn retry<R>(&self, call: impl FnMut() -> io::Result<R>) -> io::Result<R>;

    /// What it costs a side to wait so many `times`, beyond the calls that get through.
    fn cost(times: f64) -> Counts;
}

/// The kernel blocks the caller inside the call. Nobody looks at the abort word there: the harness ends the process.
pub struct Block;

/// The call does not block; in vain, the side sleeps in epoll_wait(2) on its one descriptor and calls again.
pub struct Epoll(epoll::Epoll);

/// The call does not block; in vain, it is made again at once.
pub struct Busy;

impl Readiness for Block {
    const WAIT: Wait = Wait::Block;
    const POLLS: bool = false;

    fn prepare(_: BorrowedFd<'_>, _: Direction) -> io::Result<Self> {
        Ok(Self)
    }

    #[inline]
    fn retry<R>(&self, mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        loop {
            match call() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => unless_called_off()?,
                other => return other,
            }
        }
    }

    fn cost(times: f64) -> Counts {
        Counts { wakes: times, context_switches: times, ..Counts::default() }
    }
}

impl Readiness for Epoll {
    const WAIT: Wait = Wait::Epoll;
    const POLLS: bool = false;

    fn prepare(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<Self> {
        never_block(fd)?;
        let wanted = match direction {
            Direction::Read => EpollFlags::EPOLLIN,
            Direction::Write => EpollFlags::EPOLLOUT,
        };
        let epoll = epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(fd, EpollEvent::new(wanted, 0))?;
        Ok(Self(epoll))
    }

    #[inline]
    fn retry<R>(&self, mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        loop {
            match call() {
                Err(e) if in_vain(&e) => self.sleep()?,
                other => return other,
            }
        }
    }

    /// Each time a call in vain and an epoll_wait.
    fn cost(times: f64) -> Counts {
        Counts { system_calls: 2.0 * times, wakes: times, context_switches: times, ..Counts::default() }
    }
}

impl Epoll {
    /// Returns when the descriptor is ready, its other end is gone, or a slice of time has passed: the call will tell.
    fn sleep(&self) -> io::Result<()> {
        match self.0.wait(&mut [EpollEvent::empty()], SLEEP_SLICE_MS) {
            Ok(_) | Err(Errno::EINTR) => unless_called_off(),
            Err(other) => Err(other.into()),
        }
    }
}

impl Readiness for Busy {
    const WAIT: Wait = Wait::Busy;
    const POLLS: bool = true;

    fn prepare(fd: BorrowedFd<'_>, _: Direction) -> io::Result<Self> {
        never_block(fd)?;
        Ok(Self)
    }

    #[inline]
    fn retry<R>(&self, mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        loop {
            match call() {
                // The abort word is one load, a hundredth of the call in vain before it: no need to count calls.
                Err(e) if in_vain(&e) => unless_called_off()?,
                other => return other,
            }
            hint::spin_loop();
        }
    }

    /// Calls in vain fill the wait, however long it is: as many as fit, none of them in the message's way.
    fn cost(_: f64) -> Counts {
        Counts::default()
    }
}

fn never_block(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[inline]
fn in_vain(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[inline]
fn unless_called_off() -> io::Result<()> {
    if abort::requested() { Err(abort::error()) } else { Ok(()) }
}
