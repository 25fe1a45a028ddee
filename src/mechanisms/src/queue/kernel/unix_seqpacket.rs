//! A pair of unix sockets that preserve packet boundaries: all producers send to one socket, all consumers receive from
//! the other. The send buffer bounds the queue and includes the kernel's bookkeeping, so a plan cannot choose a number
//! of items, and the number of items is unknown. Time-outs belong to the socket (SO_RCVTIMEO), which the endpoints
//! share; so an endpoint tries without waiting and sleeps in poll(2), from which several may wake for one item. Cost: a
//! system call and a copy on each side, a buffer allocated and freed per item; a poll, a wake-up, a context switch and
//! another call when an endpoint sleeps. Source: unix(7), send(2) and recv(2) with MSG_DONTWAIT.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, recv, send, socketpair, sockopt};

use super::await_ready;
use crate::address::{Address, Descriptor, Endpoint};
use crate::queue::{Got, Handle, Put, Shape, WorkQueue};
use crate::record::Wait;
use crate::wait::WaitLimit;

/// Bytes of a send buffer that the kernel reserves: `unix_dgram_sendmsg`.
const RESERVED_BYTES: usize = 32;

/// The queue.
pub struct UnixSeqpacket;

/// An endpoint, with both sockets and a buffer for an item.
pub struct QueueHandle {
    tail: OwnedFd,
    head: OwnedFd,
    room: Vec<u8>,
}

fn pair() -> nix::Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

impl WorkQueue for UnixSeqpacket {
    const SUMMARY: &'static str = "unix seqpacket socket pair, bounded by its send buffer";
    const WAIT: Wait = Wait::Block;
    type Handle = QueueHandle;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.depth > 0 {
            let asked = shape.depth;
            return Err(format!("a socket's buffer is bounded in bytes, so the depth cannot be {asked} items"));
        }
        let buffer = pair().and_then(|(tail, _head)| getsockopt(&tail, sockopt::SndBuf));
        let most = buffer.map_err(|e| format!("a pair of sockets: {e}"))?.saturating_sub(RESERVED_BYTES);
        if shape.message_bytes > most {
            let bytes = shape.message_bytes;
            return Err(format!(
                "a packet must fit the send buffer: at most {most} bytes (net.core.wmem_default), not {bytes}"
            ));
        }
        Ok(())
    }

    fn depth(_: &Shape) -> Option<u32> {
        None
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (tail, head) = pair()?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(tail), Descriptor::new(head)], receiver: vec![] })
    }

    fn attach(address: &Address, shape: &Shape) -> io::Result<QueueHandle> {
        let [tail, head] = address.descriptors(Endpoint::Sender)? else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the address needs two sockets"));
        };
        Ok(QueueHandle { tail: tail.duplicate()?, head: head.duplicate()?, room: vec![0; shape.message_bytes] })
    }
}

/// Waits until the socket may be ready, if there is a `limit`; then makes one call that does not wait.
fn attempt<R>(
    socket: &OwnedFd,
    flags: PollFlags,
    limit: Option<Duration>,
    call: impl FnOnce() -> nix::Result<R>,
) -> io::Result<Option<R>> {
    if let Some(limit) = limit {
        await_ready(socket.as_fd(), flags, limit)?;
    }
    match call() {
        Ok(done) => Ok(Some(done)),
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

impl Handle for QueueHandle {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        Shape::check_length(self.room.len(), len)?;
        let (tail, item) = (&self.tail, &mut self.room[..len]);
        fill(item);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        // A packet is sent completely or not at all.
        let call = || send(tail.as_raw_fd(), item, flags);
        let sent = wait_limit.retry(|limit| attempt(tail, PollFlags::POLLOUT, limit, call))?;
        Ok(Put::of(sent.is_some()))
    }

    #[inline]
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        let (head, room) = (&self.head, &mut self.room);
        // With MSG_TRUNC the result is the packet's length, even if the buffer is shorter.
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
        let mut call = || recv(head.as_raw_fd(), room, flags);
        let Some(len) = wait_limit.retry(|limit| attempt(head, PollFlags::POLLIN, limit, &mut call))? else {
            return Ok(Got::Empty);
        };
        match self.room.get(..len) {
            Some(item) => Ok(Got::Item(read(item))),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, format!("an item of {len} bytes is too long"))),
        }
    }

    fn items(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}
