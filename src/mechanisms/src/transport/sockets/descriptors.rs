//! Memory passed between processes as a descriptor, by SCM_RIGHTS over a unix socket pair, with an eight-byte word per
//! message. Source: unix(7), memfd_create(2).

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

/// Maximum of messages on a connection, including those being written and read: the smallest send buffer (4608 bytes)
/// has space for six packets of a word (768 bytes each, including kernel bookkeeping).
pub(super) const UNDER_WAY_MAX: usize = 8;

/// Creates a connection with the smallest possible buffers, since queued messages keep memory allocated.
pub(super) fn pair() -> io::Result<Address> {
    let (first, second) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    for socket in [&first, &second] {
        setsockopt(socket, sockopt::SndBuf, &0)?;
    }
    Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
}

/// Creates `bytes` zero bytes of anonymous, sealable memory.
pub(super) fn memory(bytes: usize) -> io::Result<OwnedFd> {
    let fd = memfd_create("ipcmark", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&fd, bytes as u64)?;
    Ok(fd)
}

/// Checks that `bytes` bytes of this memory can be mapped and cannot disappear.
///
/// Errors: `InvalidData` if it is smaller, or could be truncated while it is read (SIGBUS).
pub(super) fn check_size(memory: impl AsFd, bytes: usize) -> io::Result<()> {
    let sealed = fcntl_get_seals(&memory)?.contains(SealFlags::SHRINK);
    let large = fstat(&memory)?.st_size.cast_unsigned() >= bytes as u64;
    let wrong = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match (sealed, large) {
        (false, _) => wrong("the passed memory could still be truncated"),
        (_, false) => wrong("the passed memory is smaller than agreed"),
        _ => Ok(()),
    }
}

/// Sends `word` with a copy of `descriptor`; waits for space.
pub(super) fn send(socket: impl AsFd, word: u64, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let passed = descriptor.as_slice();
    if !passed.is_empty() {
        // The buffer has space for exactly one.
        control.push(SendAncillaryMessage::ScmRights(passed));
    }
    let word = word.to_ne_bytes();
    retry_on_eintr(|| sendmsg(&socket, &[IoSlice::new(&word)], &mut control, SendFlags::NOSIGNAL)).map(drop)
}

/// Waits for a word, and takes the descriptor that came with it.
///
/// Errors: `UnexpectedEof` if the peer has closed; `InvalidData` for anything but a word, or at this process's limit of
/// descriptors.
pub(super) fn receive(socket: impl AsFd) -> io::Result<(u64, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0; 8];
    let got =
        retry_on_eintr(|| recvmsg(&socket, &mut [IoSliceMut::new(&mut word)], &mut control, RecvFlags::CMSG_CLOEXEC))?;
    let passed = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let wrong = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    match got.bytes {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ if got.flags.contains(ReturnFlags::CTRUNC) => wrong("cannot receive the descriptor: see RLIMIT_NOFILE"),
        8 => Ok((u64::from_ne_bytes(word), passed)),
        _ => wrong("a message that passes a descriptor has eight bytes"),
    }
}

/// Repeats a call that a signal interrupted.
fn retry_on_eintr<R>(mut call: impl FnMut() -> rustix::io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
