//! Wait strategies of an endpoint whose call on a descriptor would block, for all mechanisms that use read(2), write(2)
//! or similar calls.
//!
//! O_NONBLOCK belongs to the open file, which all copies of a descriptor share, so both directions of a connection wait
//! the same way.

use std::hint;
use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags};

use super::Shape;
use crate::abort;
use crate::record::{Counts, Operation, Wait};

/// Interval in milliseconds at which epoll_wait returns to check the abort flag.
const SLEEP_SLICE_MS: u8 = 50;

/// Event that an endpoint waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Data to read, or the end of file.
    Read,
    /// Space to write, or no reader left.
    Write,
}

/// Wait strategy of a descriptor.
pub trait Readiness: Sized + 'static {
    /// Name in records.
    const WAIT: Wait;
    /// True if a waiting endpoint keeps its CPU busy.
    const POLLS: bool;

    /// Prepares `fd` for this strategy. Called in the worker before the clock starts.
    fn prepare(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<Self>;

    /// Repeats `call` while it returns `WouldBlock` or `Interrupted`, with waits in between.
    ///
    /// Errors: those of `call`; `Interrupted` if the trial was aborted.
    fn retry<R>(&self, call: impl FnMut() -> io::Result<R>) -> io::Result<R>;

    /// Cost of `times` waits, without the successful calls.
    fn cost(times: f64) -> Counts;

    /// Why a mechanism that waits this way may cost something else than its declared counts.
    fn reason(shape: &Shape) -> &'static str {
        if !Self::POLLS {
            return shape.sleepers_reason();
        }
        "failed calls of the endpoint that polls are not declared: one under way may return the message sooner than \
         a new call, and they take the lock that the other endpoint needs"
    }
}

/// Blocks in the kernel, inside the call, without checks of the abort flag; the harness kills the process.
pub struct Block;

/// Non-blocking calls; after a failed one the endpoint sleeps in epoll_wait(2).
pub struct Epoll(epoll::Epoll);

/// Non-blocking calls; a failed one is repeated at once.
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
                Err(e) if e.kind() == io::ErrorKind::Interrupted => check_abort()?,
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
        set_nonblocking(fd)?;
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
                Err(e) if would_block(&e) => self.sleep()?,
                other => return other,
            }
        }
    }

    /// Each wait is a failed call and an epoll_wait.
    fn cost(times: f64) -> Counts {
        Counts { system_calls: 2.0 * times, wakes: times, context_switches: times, ..Counts::default() }
            .with(Operation::EpollWait, times)
    }
}

impl Epoll {
    /// Sleeps until the descriptor is ready or its peer has closed, or for a time slice; the next call finds out which.
    fn sleep(&self) -> io::Result<()> {
        match self.0.wait(&mut [EpollEvent::empty()], SLEEP_SLICE_MS) {
            Ok(_) | Err(Errno::EINTR) => check_abort(),
            Err(other) => Err(other.into()),
        }
    }
}

impl Readiness for Busy {
    const WAIT: Wait = Wait::Busy;
    const POLLS: bool = true;

    fn prepare(fd: BorrowedFd<'_>, _: Direction) -> io::Result<Self> {
        set_nonblocking(fd)?;
        Ok(Self)
    }

    #[inline]
    fn retry<R>(&self, mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        loop {
            match call() {
                // The check is one load, about a hundredth of the failed call's cost.
                Err(e) if would_block(&e) => check_abort()?,
                other => return other,
            }
            hint::spin_loop();
        }
    }

    /// Declares no cost: failed calls fill the wait, whatever its length, without delay for the message.
    fn cost(_: f64) -> Counts {
        Counts::default()
    }
}

fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[inline]
fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[inline]
fn check_abort() -> io::Result<()> {
    if abort::requested() { Err(abort::error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;
    use std::sync::mpsc;
    use std::thread;

    use nix::unistd::pipe2;

    use super::*;

    fn pipe() -> (File, File) {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        (read.into(), write.into())
    }

    /// Returns the result of `call` at an endpoint that waits with `W`; `release` runs after the first call that would
    /// block.
    fn after_a_call_that_blocks<W: Readiness, R: Send>(
        fd: &File,
        direction: Direction,
        mut call: impl FnMut() -> io::Result<R> + Send,
        release: impl FnOnce(),
    ) -> io::Result<R> {
        let (failed, first_failed) = mpsc::channel();
        thread::scope(|scope| {
            let side = scope.spawn(move || {
                let readiness = W::prepare(fd.as_fd(), direction)?;
                readiness.retry(|| {
                    let result = call();
                    if result.as_ref().is_err_and(would_block) {
                        // Only the first failure is received.
                        let _ = failed.send(());
                    }
                    result
                })
            });
            first_failed.recv().expect("the first call would block");
            drop(first_failed);
            release();
            side.join().expect("no panic")
        })
    }

    fn a_waiting_reader_gets_data<W: Readiness>() {
        let (read, mut write) = pipe();
        let mut seen = [0; 3];
        let call = || (&read).read(&mut seen);
        let got = after_a_call_that_blocks::<W, _>(&read, Direction::Read, call, || {
            write.write_all(&[1, 2, 3]).expect("a reader");
        });
        assert_eq!((got.expect("bytes"), seen), (3, [1, 2, 3]));
    }

    fn a_waiting_writer_gets_space<W: Readiness>() {
        let (mut read, write) = pipe();
        set_nonblocking(write.as_fd()).expect("a flag");
        while (&write).write(&[0; 4096]).is_ok() {}
        let call = || (&write).write(&[7]);
        let written = after_a_call_that_blocks::<W, _>(&write, Direction::Write, call, || {
            read.read_exact(&mut vec![0; 65_536]).expect("a full pipe");
        });
        assert_eq!(written.expect("room"), 1);
        assert_eq!(read.read(&mut [0; 8]).expect("the byte"), 1);
    }

    fn a_waiting_endpoint_sees_its_peer_close<W: Readiness>() {
        let (read, write) = pipe();
        let call = || (&read).read(&mut [0; 1]);
        let end = after_a_call_that_blocks::<W, _>(&read, Direction::Read, call, || drop(write));
        assert_eq!(end.expect("end of file"), 0);

        let (read, write) = pipe();
        set_nonblocking(write.as_fd()).expect("a flag");
        while (&write).write(&[0; 4096]).is_ok() {}
        let call = || (&write).write(&[7]);
        let broken = after_a_call_that_blocks::<W, _>(&write, Direction::Write, call, || drop(read));
        assert_eq!(broken.expect_err("no reader").kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn waits_outside_the_call_end_with_data_space_or_the_peer() {
        a_waiting_reader_gets_data::<Epoll>();
        a_waiting_reader_gets_data::<Busy>();
        a_waiting_writer_gets_space::<Epoll>();
        a_waiting_writer_gets_space::<Busy>();
        a_waiting_endpoint_sees_its_peer_close::<Epoll>();
        a_waiting_endpoint_sees_its_peer_close::<Busy>();
    }

    /// Outcome of calls that return `Interrupted`, then `second`, then `Ok`; and the number of calls.
    fn three_calls<W: Readiness>(second: io::ErrorKind) -> (io::Result<()>, usize) {
        let (_read, write) = pipe();
        let readiness = W::prepare(write.as_fd(), Direction::Write).expect("a pipe with room");
        let mut calls = 0;
        let result = readiness.retry(|| {
            calls += 1;
            match calls {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => Err(second.into()),
                _ => Ok(()),
            }
        });
        (result, calls)
    }

    #[test]
    fn only_temporary_errors_are_retried() {
        for outcome in [three_calls::<Block>, three_calls::<Epoll>, three_calls::<Busy>] {
            let (result, calls) = outcome(io::ErrorKind::ConnectionReset);
            assert_eq!((result.expect_err("real").kind(), calls), (io::ErrorKind::ConnectionReset, 2));
        }
        for outcome in [three_calls::<Epoll>, three_calls::<Busy>] {
            assert!(matches!(outcome(io::ErrorKind::WouldBlock), (Ok(()), 3)));
        }
        // A blocking call returns `WouldBlock` only after its caller's time limit.
        let (result, calls) = three_calls::<Block>(io::ErrorKind::WouldBlock);
        assert_eq!((result.expect_err("a time limit").kind(), calls), (io::ErrorKind::WouldBlock, 2));
    }
}
