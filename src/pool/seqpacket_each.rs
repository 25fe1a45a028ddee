//! A pair of connected unix sockets that keep packets whole for each worker: a frame is a packet, written and read with one
//! call each, and must fit the socket's send buffer. Costs: see [`super::by_descriptors`]. Source: unix(7), socket(7).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, send, setsockopt, socketpair, sockopt,
};

use super::by_descriptors::{ByDescriptors, Channel, Channels, Ends};

/// The pool.
pub type SeqpacketEach = ByDescriptors<Packets>;

/// Its channels.
pub struct Packets;

/// What the kernel keeps back of a send buffer for itself: `unix_dgram_sendmsg`.
const KEPT_BACK_BYTES: usize = 32;
/// More than any machine lets a send buffer have; the kernel gives what it allows.
const BEYOND_ANY_BUFFER: usize = 1 << 30;

impl Channels for Packets {
    const SUMMARY: &'static str = "a pair of sockets for each worker that keep packets whole, a frame in each";

    /// Found out by sending one.
    fn supports(frame_bytes: usize, head_bytes: usize) -> Result<(), String> {
        let bytes = head_bytes + frame_bytes;
        let unfit = |error: io::Error| format!("a pair of sockets cannot be tried out: {error}");
        let [sender, _receiver] = pair(bytes).map_err(unfit)?;
        let most = packet_bytes_max(&sender).map_err(unfit)?;
        if bytes > most {
            return Err(format!(
                "a frame must fit its socket's send buffer: at most {most} bytes here (net.core.wmem_max), not {bytes}"
            ));
        }
        match send(sender.as_raw_fd(), &vec![0; bytes], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(Errno::ENOBUFS) => Err(format!(
                "the kernel does not find {bytes} bytes for one packet (ENOBUFS): all but the last 68 KiB must lie in \
                 one piece, at most 4 MiB on usual kernels"
            )),
            Err(other) => Err(unfit(other.into())),
        }
    }

    fn make(bytes: usize) -> io::Result<Channel> {
        let [dispatcher, worker] = pair(bytes)?;
        Ok(Channel { dispatcher: ends(dispatcher)?, worker: ends(worker)? })
    }
}

/// A pair whose send buffers hold a packet of `bytes`, where they may be so large.
fn pair(bytes: usize) -> io::Result<[OwnedFd; 2]> {
    let (first, second) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    for socket in [&first, &second] {
        if bytes > packet_bytes_max(socket)? {
            // The kernel doubles what it is asked for: one packet can be written while another is read.
            setsockopt(socket, sockopt::SndBuf, &bytes.saturating_mul(2).min(BEYOND_ANY_BUFFER))?;
        }
    }
    Ok([first, second])
}

/// The largest packet that the send buffer of `socket` admits.
fn packet_bytes_max(socket: &OwnedFd) -> io::Result<usize> {
    Ok(getsockopt(socket, sockopt::SndBuf)?.saturating_sub(KEPT_BACK_BYTES))
}

fn ends(socket: OwnedFd) -> io::Result<Ends> {
    Ok(Ends { requests: socket.try_clone()?, answers: socket })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_beyond_any_send_buffer_is_refused_with_the_limit() {
        assert_eq!(Packets::supports(300_000, 4), Ok(()));
        let [sender, _receiver] = pair(BEYOND_ANY_BUFFER).expect("a pair");
        let most = packet_bytes_max(&sender).expect("its size");
        let refused = Packets::supports(most, 4).expect_err("too large");
        assert!(refused.contains(&most.to_string()) && refused.contains("net.core.wmem_max"), "{refused}");
    }
}
