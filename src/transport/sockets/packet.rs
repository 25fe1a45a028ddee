//! What every socket that keeps message boundaries shares: one send(2) and one recv(2) a message, however small or large.
//! Not a mechanism; seqpacket, datagram and UDP sockets build on it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{MsgFlags, recv, send};

use crate::abort;
use crate::record::{Anatomy, Counts};
use crate::transport::readiness::{Block, Direction, Readiness};
use crate::transport::{Receiver, Sender, Shape};

/// How long a call that reads may stay silent where the kernel would never end it: SO_RCVTIMEO.
pub(super) const SILENCE: Duration = Duration::from_millis(50);

/// What it means to a reader that nothing comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// An empty packet means that every sender is gone.
    Ends,
    /// Silence means nothing yet; but nobody tells such a reader that its senders are gone, so each [`SILENCE`] it looks
    /// at the abort word.
    Waits,
    /// Silence means that whatever was on its way is lost.
    Lost,
}

/// The sending end, how it waits for room, and the buffer a message is built in.
pub struct PacketSender<W = Block> {
    socket: OwnedFd,
    readiness: W,
    buffer: Vec<u8>,
}

/// The receiving end, how it waits for a message, and the buffer a message is read into.
pub struct PacketReceiver<W = Block> {
    socket: OwnedFd,
    readiness: W,
    buffer: Vec<u8>,
    nothing: Nothing,
}

impl<W: Readiness> PacketSender<W> {
    pub(super) fn new(socket: OwnedFd, shape: &Shape) -> io::Result<Self> {
        let readiness = W::prepare(socket.as_fd(), Direction::Write)?;
        Ok(Self { socket, readiness, buffer: vec![0; shape.message_bytes] })
    }
}

impl<W: Readiness> PacketReceiver<W> {
    pub(super) fn new(socket: OwnedFd, shape: &Shape, nothing: Nothing) -> io::Result<Self> {
        let readiness = W::prepare(socket.as_fd(), Direction::Read)?;
        Ok(Self { socket, readiness, buffer: vec![0; shape.message_bytes], nothing })
    }
}

impl<W: Readiness> Sender for PacketSender<W> {
    /// Errors: `InvalidInput` for more bytes than agreed; `ConnectionRefused` or `BrokenPipe` when the receiver is gone.
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let agreed = self.buffer.len();
        let message = self.buffer.get_mut(..len).ok_or_else(|| too_long(io::ErrorKind::InvalidInput, len, agreed))?;
        fill(message);
        // A packet goes over whole or not at all.
        let socket = self.socket.as_raw_fd();
        self.readiness.retry(|| Ok(send(socket, message, MsgFlags::MSG_NOSIGNAL)?)).map(drop)
    }
}

impl<W: Readiness> Receiver for PacketReceiver<W> {
    /// Errors: `InvalidData` for a packet longer than agreed; what [`Nothing`] says where nothing comes: `UnexpectedEof`,
    /// `Interrupted` or `TimedOut`.
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let got = loop {
            // With MSG_TRUNC the length is the packet's own, even where the buffer is shorter.
            let socket = self.socket.as_raw_fd();
            match self.readiness.retry(|| Ok(recv(socket, &mut self.buffer, MsgFlags::MSG_TRUNC)?)) {
                Ok(0) if self.nothing == Nothing::Ends => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(got) => break got,
                Err(silent) if silent.kind() == io::ErrorKind::WouldBlock => self.nothing.came()?,
                Err(other) => return Err(other),
            }
        };
        let agreed = self.buffer.len();
        let message = self.buffer.get(..got).ok_or_else(|| too_long(io::ErrorKind::InvalidData, got, agreed))?;
        Ok(read(message))
    }
}

impl Nothing {
    /// What a silent call comes to.
    #[cold]
    fn came(self) -> io::Result<()> {
        match self {
            Self::Lost => Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing came for {SILENCE:?}"))),
            Self::Ends | Self::Waits if abort::requested() => Err(abort::error()),
            Self::Ends | Self::Waits => Ok(()),
        }
    }
}

#[cold]
fn too_long(kind: io::ErrorKind, len: usize, agreed: usize) -> io::Error {
    io::Error::new(kind, format!("a packet of {len} bytes on a socket agreed to carry at most {agreed} each"))
}

/// One call at each end, a copy in and a copy out. In a closed loop each message finds its reader waiting.
pub(super) fn anatomy<W: Readiness>(shape: &Shape) -> Anatomy {
    let bytes = shape.message_bytes as f64;
    let waiting = W::cost(if shape.closed_loop() { 1.0 } else { 0.0 });
    Anatomy {
        sender: Counts { system_calls: 1.0, copied_bytes: bytes, ..Counts::default() },
        receiver: Counts {
            system_calls: 1.0 + waiting.system_calls,
            copied_bytes: bytes,
            moved_bytes: bytes,
            ..waiting
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn receiver(socket: UnixDatagram, agreed: usize, nothing: Nothing) -> PacketReceiver {
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket takes a time limit");
        PacketReceiver { socket: socket.into(), readiness: Block, buffer: vec![0; agreed], nothing }
    }

    #[test]
    fn a_packet_longer_than_agreed_is_never_taken_for_a_whole_one() {
        let (sender, socket) = UnixDatagram::pair().expect("a pair");
        let mut receiver = receiver(socket, 4, Nothing::Waits);
        sender.send(b"five!").expect("sent");
        sender.send(b"four").expect("sent");
        let refused = receiver.receive(|_| ()).expect_err("too long");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert!(receiver.receive(|message| message == b"four").expect("received"));
    }

    #[test]
    fn silence_is_loss_where_packets_can_be_lost() {
        let (_sender, socket) = UnixDatagram::pair().expect("a pair");
        let silent = receiver(socket, 4, Nothing::Lost).receive(|_| ()).expect_err("nothing was sent");
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn an_empty_packet_is_the_end_or_a_message() {
        let (sender, socket) = UnixDatagram::pair().expect("a pair");
        let mut receiver = receiver(socket, 4, Nothing::Waits);
        sender.send(b"").expect("sent");
        assert_eq!(receiver.receive(<[u8]>::len).expect("received"), 0);
        receiver.nothing = Nothing::Ends;
        sender.send(b"").expect("sent");
        assert_eq!(receiver.receive(<[u8]>::len).expect_err("the end").kind(), io::ErrorKind::UnexpectedEof);
    }
}
