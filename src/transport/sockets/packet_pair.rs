//! Pairs of unix sockets that keep message boundaries: how they are made, and how large a message can be.
//! Not a mechanism.
//!
//! A packet is one buffer of the kernel. It must fit the sender's SO_SNDBUF, of which 32 bytes are kept back, and all but
//! its last 68 KiB lie in one piece of kernel memory, 4 MiB at most on usual kernels. A pair never meets
//! net.unix.max_dgram_qlen: that limit is for sockets whose receiver is not connected back. Source: unix(7), socket(7).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, getsockopt, send, setsockopt, socketpair, sockopt,
};

use crate::address::{Address, Descriptor};
use crate::transport::Shape;

/// What the kernel keeps back of a send buffer for itself: `unix_dgram_sendmsg`.
const KEPT_BACK_BYTES: usize = 32;
/// More than any machine lets a send buffer have; the kernel gives what it allows.
const BEYOND_ANY_BUFFER: usize = 1 << 30;

/// A fresh pair whose send buffers hold a packet of `bytes`, where they may be so large.
fn pair(kind: SockType, bytes: usize) -> io::Result<[OwnedFd; 2]> {
    let (first, second) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    for socket in [&first, &second] {
        if bytes > packet_bytes_max(socket)? {
            // The kernel doubles what it is asked for. Two packets' worth lets the sender go on while one is read.
            setsockopt(socket, sockopt::SndBuf, &bytes.saturating_mul(2).min(BEYOND_ANY_BUFFER))?;
        }
    }
    Ok([first, second])
}

/// The largest packet that the send buffer of `socket` admits.
fn packet_bytes_max(socket: &OwnedFd) -> io::Result<usize> {
    Ok(getsockopt(socket, sockopt::SndBuf)?.saturating_sub(KEPT_BACK_BYTES))
}

/// Makes the pair.
pub(super) fn create(kind: SockType, shape: &Shape) -> io::Result<Address> {
    let [first, second] = pair(kind, shape.message_bytes)?;
    Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
}

/// Whether such a pair carries a message of the shape's size, found out by sending one.
///
/// Errors: the reason, with the limit.
pub(super) fn supports(kind: SockType, shape: &Shape) -> Result<(), String> {
    let bytes = shape.message_bytes;
    let unfit = |error: io::Error| format!("a pair of sockets cannot be tried out: {error}");
    let [sender, _receiver] = pair(kind, bytes).map_err(unfit)?;
    let most = packet_bytes_max(&sender).map_err(unfit)?;
    if bytes > most {
        return Err(format!(
            "a packet must fit its socket's send buffer: at most {most} bytes here (net.core.wmem_max), not {bytes}"
        ));
    }
    match send(sender.as_raw_fd(), &vec![0; bytes], MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
        Ok(_) => Ok(()),
        Err(Errno::ENOBUFS) => Err(format!(
            "the kernel does not find {bytes} bytes for one packet (ENOBUFS): all but the last 68 KiB must lie in one \
             piece, at most 4 MiB on usual kernels"
        )),
        Err(other) => Err(unfit(other.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Measure, Substrate};

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
    fn a_packet_beyond_the_default_buffer_is_carried_and_one_beyond_any_is_refused_with_the_limit() {
        for kind in [SockType::SeqPacket, SockType::Datagram] {
            assert_eq!(supports(kind, &shape(1)), Ok(()));
            assert_eq!(supports(kind, &shape(300_000)), Ok(()));
            let [sender, _receiver] = pair(kind, BEYOND_ANY_BUFFER).expect("a pair");
            let most = packet_bytes_max(&sender).expect("its size");
            let refused = supports(kind, &shape(most + 1)).expect_err("too large");
            assert!(refused.contains(&most.to_string()) && refused.contains("net.core.wmem_max"), "{refused}");
        }
    }
}
