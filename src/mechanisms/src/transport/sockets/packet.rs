//! Sockets that keep message boundaries: one send(2) and one recv(2) per message. Used by seqpacket, datagram and UDP
//! sockets.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, recv, send, setsockopt, socketpair, sockopt,
};

use crate::abort;
use crate::address::{Address, Descriptor};
use crate::record::{CostModel, Counts, Operation};
use crate::transport::readiness::{Block, Direction, Readiness};
use crate::transport::{Receiver, Sender, Shape};

/// Time limit of a receive that the kernel would never end: SO_RCVTIMEO.
pub(super) const SILENCE: Duration = Duration::from_millis(50);

/// Meaning of an empty or missing packet for a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// An empty packet means that all senders have closed.
    Ends,
    /// A time-out means that there is no message yet. The receiver cannot see its senders close, so it checks the abort
    /// flag after each [`SILENCE`].
    Waits,
    /// A time-out means that all outstanding messages are lost.
    Lost,
}

/// Sender with its wait strategy and message buffer.
pub struct PacketSender<W = Block> {
    socket: OwnedFd,
    readiness: W,
    buffer: Vec<u8>,
}

/// Receiver with its wait strategy and message buffer.
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
    /// Errors: `InvalidInput` for more bytes than agreed; `ConnectionRefused` or `BrokenPipe` after the receiver has
    /// closed.
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let agreed = self.buffer.len();
        let message = self.buffer.get_mut(..len).ok_or_else(|| too_long(io::ErrorKind::InvalidInput, len, agreed))?;
        fill(message);
        // A packet is sent as a whole or not at all.
        let socket = self.socket.as_raw_fd();
        self.readiness.retry(|| Ok(send(socket, message, MsgFlags::MSG_NOSIGNAL)?)).map(drop)
    }
}

impl<W: Readiness> Receiver for PacketReceiver<W> {
    /// Errors: `InvalidData` for a packet longer than agreed; `UnexpectedEof`, `Interrupted` or `TimedOut` without a
    /// message, according to [`Nothing`].
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let got = loop {
            // With MSG_TRUNC the result is the length of the packet, even if the buffer is shorter.
            let socket = self.socket.as_raw_fd();
            match self.readiness.retry(|| Ok(recv(socket, &mut self.buffer, MsgFlags::MSG_TRUNC)?)) {
                Ok(0) if self.nothing == Nothing::Ends => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(got) => break got,
                Err(silent) if silent.kind() == io::ErrorKind::WouldBlock => self.nothing.timed_out()?,
                Err(other) => return Err(other),
            }
        };
        let agreed = self.buffer.len();
        let message = self.buffer.get(..got).ok_or_else(|| too_long(io::ErrorKind::InvalidData, got, agreed))?;
        Ok(read(message))
    }
}

impl Nothing {
    /// Handles a time-out.
    #[cold]
    fn timed_out(self) -> io::Result<()> {
        match self {
            Self::Lost => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no message for {SILENCE:?}"))),
            Self::Ends | Self::Waits if abort::requested() => Err(abort::error()),
            Self::Ends | Self::Waits => Ok(()),
        }
    }
}

#[cold]
fn too_long(kind: io::ErrorKind, len: usize, agreed: usize) -> io::Error {
    io::Error::new(kind, format!("a packet of {len} bytes on a socket of packets of up to {agreed} bytes"))
}

/// Cost model: one call at each endpoint, a copy in and a copy out. In a closed loop the receiver waits for each
/// message.
pub(super) fn cost_model<W: Readiness>(shape: &Shape, [send, receive]: [Operation; 2]) -> CostModel {
    let bytes = shape.message_bytes as f64;
    let waiting = W::cost(if shape.closed_loop() { 1.0 } else { 0.0 });
    CostModel {
        sender: Counts { system_calls: 1.0, copied_bytes: bytes, ..Counts::default() }.carrying(send, 1.0, bytes),
        receiver: Counts {
            system_calls: 1.0 + waiting.system_calls,
            copied_bytes: bytes,
            moved_bytes: bytes,
            ..waiting
        }
        .carrying(receive, 1.0, bytes),
        unexplained: Some(W::reason(shape).into()),
    }
}

/// Bytes of a send buffer that the kernel reserves: `unix_dgram_sendmsg`.
const KEPT_BACK_BYTES: usize = 32;
/// Request beyond any machine's send buffer; the kernel gives what it allows.
const BEYOND_ANY_BUFFER: usize = 1 << 30;

/// Creates a pair of unix sockets whose send buffers hold a packet of `bytes`, if the limits allow that.
fn pair(kind: SockType, bytes: usize) -> io::Result<[OwnedFd; 2]> {
    let (first, second) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    for socket in [&first, &second] {
        if bytes > packet_bytes_max(socket)? {
            // The kernel doubles the value, for two packets: the sender can continue while one is read.
            setsockopt(socket, sockopt::SndBuf, &bytes.saturating_mul(2).min(BEYOND_ANY_BUFFER))?;
        }
    }
    Ok([first, second])
}

/// Maximum packet in the send buffer of `socket`.
fn packet_bytes_max(socket: &OwnedFd) -> io::Result<usize> {
    Ok(getsockopt(socket, sockopt::SndBuf)?.saturating_sub(KEPT_BACK_BYTES))
}

/// Creates a pair of unix sockets that keep message boundaries.
pub(super) fn create_pair(kind: SockType, shape: &Shape) -> io::Result<Address> {
    let [first, second] = pair(kind, shape.message_bytes)?;
    Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
}

/// Checks that a pair of unix sockets carries a message of this size, by sending one.
///
/// A packet is one kernel buffer. It must fit SO_SNDBUF minus 32 reserved bytes, and all but its last 68 KiB must be
/// contiguous kernel memory, at most 4 MiB on usual kernels. net.unix.max_dgram_qlen does not apply to a pair, but to
/// sockets whose receiver is not connected back. Source: unix(7), socket(7).
///
/// Errors: the reason, with the limit.
pub(super) fn pair_supports(kind: SockType, shape: &Shape) -> Result<(), String> {
    let bytes = shape.message_bytes;
    let unfit = |error: io::Error| format!("cannot test a pair of sockets: {error}");
    let [sender, _receiver] = pair(kind, bytes).map_err(unfit)?;
    let most = packet_bytes_max(&sender).map_err(unfit)?;
    if bytes > most {
        return Err(format!(
            "a packet must fit the send buffer of its socket: at most {most} bytes here (net.core.wmem_max), not {bytes}"
        ));
    }
    match send(sender.as_raw_fd(), &vec![0; bytes], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
        Ok(_) => Ok(()),
        Err(Errno::ENOBUFS) => Err(format!(
            "the kernel cannot allocate {bytes} bytes for one packet (ENOBUFS): all but the last 68 KiB must be \
             contiguous, at most 4 MiB on usual kernels"
        )),
        Err(other) => Err(unfit(other.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::record::{Measure, Substrate};

    fn receiver(socket: UnixDatagram, agreed: usize, nothing: Nothing) -> PacketReceiver {
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a socket takes a time limit");
        PacketReceiver { socket: socket.into(), readiness: Block, buffer: vec![0; agreed], nothing }
    }

    #[test]
    fn a_packet_longer_than_agreed_is_refused() {
        let (sender, socket) = UnixDatagram::pair().expect("a pair");
        let mut receiver = receiver(socket, 4, Nothing::Waits);
        sender.send(b"five!").expect("sent");
        sender.send(b"four").expect("sent");
        let refused = receiver.receive(|_| ()).expect_err("too long");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        assert!(receiver.receive(|message| message == b"four").expect("received"));
    }

    #[test]
    fn a_time_out_means_loss_where_packets_can_be_lost() {
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

    fn shape(message_bytes: usize) -> Shape {
        Shape {
            message_bytes,
            depth: 0,
            substrate: Substrate::Memfd,
            measure: Measure::Stream,
            producers: 1,
            consumers: 1,
            prefault: false,
            delay_ns: 0,
        }
    }

    #[test]
    fn packets_beyond_the_default_buffer_are_sent_and_those_beyond_any_buffer_refused() {
        for kind in [SockType::SeqPacket, SockType::Datagram] {
            assert_eq!(pair_supports(kind, &shape(1)), Ok(()));
            assert_eq!(pair_supports(kind, &shape(300_000)), Ok(()));
            let [sender, _receiver] = pair(kind, BEYOND_ANY_BUFFER).expect("a pair");
            let most = packet_bytes_max(&sender).expect("its size");
            let refused = pair_supports(kind, &shape(most + 1)).expect_err("too large");
            assert!(refused.contains(&most.to_string()) && refused.contains("net.core.wmem_max"), "{refused}");
        }
    }
}
