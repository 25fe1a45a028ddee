//! Memory passed between processes as an open descriptor: SCM_RIGHTS over a unix socket pair, a word of eight bytes with
//! each message. Not a mechanism. Source: unix(7), memfd_create(2).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::address::{Address, Descriptor};

/// Messages that a connection of these holds at most, the one being written and the one being read included: the
/// smallest send buffer there is (4608 bytes) has room for six packets of a word (768 bytes each, bookkeeping included).
pub(super) const UNDER_WAY_MAX: usize = 8;

/// Makes a connection. Its buffers are as small as can be: what waits in them keeps a message's memory alive.
pub(super) fn pair() -> io::Result<Address> {
    let (first, second) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    for socket in [&first, &second] {
        setsockopt(socket, sockopt::SndBuf, &0)?;
    }
    Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
}

/// Makes `bytes` bytes of anonymous memory, zero and sealable.
pub(super) fn memory(bytes: usize) -> io::Result<OwnedFd> {
    let fd = memfd_create("ipcmark", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&fd, bytes as u64)?;
    Ok(fd)
}

/// Whether `bytes` bytes of this memory can be mapped and stay there.
///
/// Errors: `InvalidData` where it is smaller, or could be cut short under its reader (SIGBUS).
pub(super) fn lasting(memory: impl AsFd, bytes: usize) -> io::Result<()> {
    let sealed = fcntl_get_seals(&memory)?.contains(SealFlags::SHRINK);
    let large = fstat(&memory)?.st_size.cast_unsigned() >= bytes as u64;
    let wrong = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match (sealed, large) {
        (false, _) => wrong("the memory passed could still be cut short"),
        (_, false) => wrong("the memory passed is smaller than agreed"),
        _ => Ok(()),
    }
}

/// Sends `word`, and with it a copy of `descriptor`; waits for room.
pub(super) fn send(socket: impl AsFd, word: u64, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let passed = descriptor.as_slice();
    if !passed.is_empty() {
        // There is room for exactly one.
        control.push(SendAncillaryMessage::ScmRights(passed));
    }
    let word = word.to_ne_bytes();
    again(|| sendmsg(&socket, &[IoSlice::new(&word)], &mut control, SendFlags::NOSIGNAL)).map(drop)
}

/// Waits for a word, and takes over the descriptor that came with it.
///
/// Errors: `UnexpectedEof` when the other end is gone; `InvalidData` for anything but a word, or when this process may
/// have no further descriptor.
pub(super) fn receive(socket: impl AsFd) -> io::Result<(u64, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0; 8];
    let got = again(|| recvmsg(&socket, &mut [IoSliceMut::new(&mut word)], &mut control, RecvFlags::CMSG_CLOEXEC))?;
    let passed = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let wrong = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match got.bytes {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if got.flags.contains(ReturnFlags::CTRUNC) => wrong("no room for the descriptor passed: see RLIMIT_NOFILE"),
        8 => Ok((u64::from_ne_bytes(word), passed)),
        _ => wrong("a message passed with a descriptor is one word"),
    }
}

/// Makes a call again when a signal broke it off.
fn again<R>(mut call: impl FnMut() -> rustix::io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
