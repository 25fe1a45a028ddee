//! A small process, forked before its parent grew, that forks on request. The cost of a copy depends on the zygote's
//! size, not on the parent's; a start also costs two messages over a socket. The child's pipes are sent as descriptors,
//! and its pidfd is sent back. The child is a sibling of the zygote (CLONE_PARENT), so that the parent reaps it and it
//! dies with the parent. Source: clone(2), unix(7); the zygote of Android, which forks all applications from one warm
//! process.
#![allow(unsafe_code)]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::{Pid, getpid};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

use super::process::Process;
use super::{ChildPipes, Launch, Program, clone3};
use crate::child::{self, Child};

/// Most descriptors in a message: the child's pipes.
const PASSED_MAX: usize = 2;

/// Handle of the zygote.
pub struct Zygote {
    requests: OwnedFd,
    /// Dropping it kills and reaps the zygote.
    _zygote: Child,
}

impl Launch for Zygote {
    const SUMMARY: &'static str = "a small process forked in advance forks on request";
    type Started = Process;

    fn unavailable() -> Option<String> {
        clone3::unavailable()
    }

    fn attach(program: &Program) -> io::Result<Self> {
        let (requests, zygote_requests) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let (parent, entry) = (getpid(), program.entry);
        // The zygote dies with this process, and so do its copies.
        let zygote = Child::start(|| while serve(zygote_requests.as_fd(), parent, entry).is_ok() {})?;
        Ok(Self { requests, _zygote: zygote })
    }

    fn start(&mut self, pipes: ChildPipes) -> io::Result<Process> {
        send(self.requests.as_fd(), 0, &[pipes.input.as_fd(), pipes.output.as_fd()])?;
        let (number, mut passed) = receive(self.requests.as_fd())?;
        match passed.pop() {
            Some(pidfd) => Ok(Process::with_pidfd(Pid::from_raw(number), pidfd)),
            None => Err(io::Error::from_raw_os_error(number)),
        }
    }
}

/// Main loop body of the zygote: responds to one request with pid and pidfd, or with an error number only.
///
/// Errors: the parent has closed the socket.
fn serve(requests: BorrowedFd<'_>, parent: Pid, entry: fn(BorrowedFd<'_>, BorrowedFd<'_>) -> u8) -> io::Result<()> {
    let (_, passed) = receive(requests)?;
    let [input, output] = passed.as_slice() else { return send(requests, libc::EBADMSG, &[]) };
    // SAFETY: the zygote has a single thread: it was forked and starts none.
    match unsafe { clone3::clone3(libc::CLONE_PARENT as u64) } {
        Ok(Some((pid, pidfd))) => send(requests, pid.as_raw(), &[pidfd.as_fd()]),
        Ok(None) => child::run_child(parent, || entry(input.as_fd(), output.as_fd())),
        Err(error) => send(requests, error.raw_os_error().unwrap_or(libc::EIO), &[]),
    }
}

fn send(socket: BorrowedFd<'_>, number: i32, passed: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PASSED_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !passed.is_empty() {
        // The space suffices for `PASSED_MAX`.
        control.push(SendAncillaryMessage::ScmRights(passed));
    }
    sendmsg(socket, &[IoSlice::new(&number.to_ne_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Errors: `UnexpectedEof` when the other side has closed.
fn receive(socket: BorrowedFd<'_>) -> io::Result<(i32, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PASSED_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut number = [0; size_of::<i32>()];
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut number)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes != number.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let passed = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((i32::from_ne_bytes(number), passed.flatten().collect()))
}
