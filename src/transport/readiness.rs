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

    /// What `call` gives in a side that waits with `W`, when `release` happens after its first call in vain.
    fn after_a_call_in_vain<W: Readiness, R: Send>(
        fd: &File,
        direction: Direction,
        mut call: impl FnMut() -> io::Result<R> + Send,
        release: impl FnOnce(),
    ) -> io::Result<R> {
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            let side = scope.spawn(move || {
                let readiness = W::prepare(fd.as_fd(), direction)?;
                readiness.retry(|| {
                    let result = call();
                    if result.as_ref().is_err_and(in_vain) {
                        // Nobody listens to later ones.
                        let _ = tell.send(());
                    }
                    result
                })
            });
            told.recv().expect("the first call finds nothing");
            drop(told);
            release();
            side.join().expect("no panic")
        })
    }

    fn a_reader_gets_what_comes_later<W: Readiness>() {
        let (read, mut write) = pipe();
        let mut seen = [0; 3];
        let call = || (&read).read(&mut seen);
        let got = after_a_call_in_vain::<W, _>(&read, Direction::Read, call, || {
            write.write_all(&[1, 2, 3]).expect("a reader");
        });
        assert_eq!((got.expect("bytes"), seen), (3, [1, 2, 3]));
    }

    fn a_writer_gets_room_once_there_is_some<W: Readiness>() {
        let (mut read, write) = pipe();
        never_block(write.as_fd()).expect("a flag");
        while (&write).write(&[0; 4096]).is_ok() {}
        let call = || (&write).write(&[7]);
        let written = after_a_call_in_vain::<W, _>(&write, Direction::Write, call, || {
            read.read_exact(&mut vec![0; 65_536]).expect("a full pipe");
        });
        assert_eq!(written.expect("room"), 1);
        assert_eq!(read.read(&mut [0; 8]).expect("the byte"), 1);
    }

    fn either_side_sees_the_other_go<W: Readiness>() {
        let (read, write) = pipe();
        let call = || (&read).read(&mut [0; 1]);
        let end = after_a_call_in_vain::<W, _>(&read, Direction::Read, call, || drop(write));
        assert_eq!(end.expect("end of file"), 0);

        let (read, write) = pipe();
        never_block(write.as_fd()).expect("a flag");
        while (&write).write(&[0; 4096]).is_ok() {}
        let call = || (&write).write(&[7]);
        let broken = after_a_call_in_vain::<W, _>(&write, Direction::Write, call, || drop(read));
        assert_eq!(broken.expect_err("no reader").kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_side_that_waits_outside_the_kernels_call_goes_on_when_it_can() {
        a_reader_gets_what_comes_later::<Epoll>();
        a_reader_gets_what_comes_later::<Busy>();
        a_writer_gets_room_once_there_is_some::<Epoll>();
        a_writer_gets_room_once_there_is_some::<Busy>();
        either_side_sees_the_other_go::<Epoll>();
        either_side_sees_the_other_go::<Busy>();
    }

    /// The outcome of three calls: interrupted, then `second`, then done; and how many were made.
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
    fn only_what_passes_is_called_again() {
        for outcome in [three_calls::<Block>, three_calls::<Epoll>, three_calls::<Busy>] {
            let (result, calls) = outcome(io::ErrorKind::ConnectionReset);
            assert_eq!((result.expect_err("real").kind(), calls), (io::ErrorKind::ConnectionReset, 2));
        }
        for outcome in [three_calls::<Epoll>, three_calls::<Busy>] {
            assert!(matches!(outcome(io::ErrorKind::WouldBlock), (Ok(()), 3)));
        }
        // A blocking call says so only when its own time limit has passed, which the caller set.
        let (result, calls) = three_calls::<Block>(io::ErrorKind::WouldBlock);
        assert_eq!((result.expect_err("a time limit").kind(), calls), (io::ErrorKind::WouldBlock, 2));
    }
}
