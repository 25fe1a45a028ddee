//! Sockets on one machine: unix, TCP and UDP, and memory whose descriptors are passed over them.

mod descriptors;
mod dial;
pub(super) mod memfd_passing;
pub(super) mod memfd_pool;
mod packet;
mod packet_pair;
pub(super) mod tcp;
pub(super) mod udp;
pub(super) mod unix_dgram;
pub(super) mod unix_seqpacket;
pub(super) mod unix_stream;
pub(super) mod unix_stream_named;

use std::net::{Ipv4Addr, UdpSocket};

/// What a write on a unix stream may queue before it waits: net.core.wmem_default, kernel bookkeeping included.
const UNIX_BUFFER_BYTES: f64 = 212_992.0;

/// Why sockets on the loopback address cannot be had here: a network namespace of its own may have no such device up.
fn no_loopback() -> Option<String> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let met = bound.and_then(|socket| socket.local_addr().and_then(|place| socket.connect(place)));
    met.err().map(|error| format!("there is no loopback network here: {error}"))
}
