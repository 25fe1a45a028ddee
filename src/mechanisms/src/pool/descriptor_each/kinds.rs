//! The kinds of channels that [`DescriptorEach`] uses, one row each.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, send, setsockopt, socketpair, sockopt,
};
use nix::unistd::pipe2;

use super::{Channel, Channels, DescriptorEach, Endpoint};

/// The row `pipe-each`.
pub type PipeEach = DescriptorEach<Pipes>;
/// The row `socketpair-each`.
pub type SocketpairEach = DescriptorEach<Streams>;
/// The row `seqpacket-each`.
pub type SeqpacketEach = DescriptorEach<Packets>;

/// Two pipes for each worker, one for requests and one for responses: the classic design of preforking servers. A frame
/// larger than the 64 KiB of a pipe is transferred in pieces. Source: pipe(2), pipe(7).
pub struct Pipes;

impl Channels for Pipes {
    const SUMMARY: &'static str = "a pipe of requests and a pipe of responses for each worker";

    fn supports(_: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn create(_: usize) -> io::Result<Channel> {
        let (requests, responses) = (pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?);
        Ok(Channel {
            dispatcher: Endpoint { requests: requests.1, responses: responses.0 },
            worker: Endpoint { requests: requests.0, responses: responses.1 },
        })
    }
}

/// A pair of connected unix stream sockets for each worker. Compared to two pipes: half the descriptors, and a buffer
/// of net.core.wmem_default bytes each way, some of which the kernel uses for bookkeeping of each write. Source:
/// socketpair(2), unix(7).
pub struct Streams;

impl Channels for Streams {
    const SUMMARY: &'static str = "a pair of connected stream sockets for each worker";

    fn supports(_: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn create(_: usize) -> io::Result<Channel> {
        let (dispatcher, worker) = UnixStream::pair()?;
        Ok(Channel { dispatcher: endpoint(dispatcher.into())?, worker: endpoint(worker.into())? })
    }
}

/// A pair of connected unix sockets that preserve packet boundaries, for each worker. A frame is one packet, written
/// and read with one call each, and must fit the send buffer. Source: unix(7), socket(7).
pub struct Packets;

/// Bytes of a send buffer that the kernel reserves: `unix_dgram_sendmsg`.
const RESERVED_BYTES: usize = 32;
/// Larger than any send buffer; the kernel reduces it to its limit.
const BUFFER_BYTES_MAX: usize = 1 << 30;

impl Channels for Packets {
    const SUMMARY: &'static str =
        "a pair of sockets that preserve packet boundaries for each worker, one packet per frame";

    /// Sends a test packet.
    fn supports(frame_bytes: usize, head_bytes: usize) -> Result<(), String> {
        let bytes = head_bytes + frame_bytes;
        let untested = |error: io::Error| format!("a pair of sockets cannot be tested: {error}");
        let [sender, _receiver] = pair(bytes).map_err(untested)?;
        let most = packet_bytes_max(&sender).map_err(untested)?;
        if bytes > most {
            return Err(format!(
                "a frame must fit its socket's send buffer: at most {most} bytes here (net.core.wmem_max), not {bytes}"
            ));
        }
        match send(sender.as_raw_fd(), &vec![0; bytes], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(Errno::ENOBUFS) => Err(format!(
                "the kernel cannot allocate {bytes} bytes for one packet (ENOBUFS): all but the last 68 KiB must be \
                 contiguous, usually at most 4 MiB"
            )),
            Err(other) => Err(untested(other.into())),
        }
    }

    fn create(bytes: usize) -> io::Result<Channel> {
        let [dispatcher, worker] = pair(bytes)?;
        Ok(Channel { dispatcher: endpoint(dispatcher)?, worker: endpoint(worker)? })
    }
}

/// A pair whose send buffers hold a packet of `bytes`, if the limit allows it.
fn pair(bytes: usize) -> io::Result<[OwnedFd; 2]> {
    let (first, second) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    for socket in [&first, &second] {
        if bytes > packet_bytes_max(socket)? {
            // Room for two packets: one can be written while another is read.
            setsockopt(socket, sockopt::SndBuf, &bytes.saturating_mul(2).min(BUFFER_BYTES_MAX))?;
        }
    }
    Ok([first, second])
}

/// Largest packet that fits the send buffer of `socket`.
fn packet_bytes_max(socket: &OwnedFd) -> io::Result<usize> {
    Ok(getsockopt(socket, sockopt::SndBuf)?.saturating_sub(RESERVED_BYTES))
}

fn endpoint(socket: OwnedFd) -> io::Result<Endpoint> {
    Ok(Endpoint { requests: socket.try_clone()?, responses: socket })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_larger_than_the_send_buffer_is_refused_with_the_limit() {
        assert_eq!(Packets::supports(300_000, 4), Ok(()));
        let [sender, _receiver] = pair(BUFFER_BYTES_MAX).expect("a pair");
        let most = packet_bytes_max(&sender).expect("its size");
        let refused = Packets::supports(most, 4).expect_err("too large");
        assert!(refused.contains(&most.to_string()) && refused.contains("net.core.wmem_max"), "{refused}");
    }
}
