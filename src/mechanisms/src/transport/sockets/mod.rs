//! Sockets on one machine: unix, TCP and UDP, and memory passed over them as descriptors.

mod descriptors;
mod dial;
pub(super) mod memfd_passing;
pub(super) mod memfd_pool;
mod packet;
pub(super) mod tcp;
pub(super) mod udp;
pub(super) mod unix_packet;
pub(super) mod unix_stream;

use std::net::{Ipv4Addr, UdpSocket};

use crate::record::Operation;

/// Send and receive over unix sockets in cost models.
const UNIX_TRANSFER: [Operation; 2] = [Operation::UnixSend, Operation::UnixReceive];

/// Reason why the loopback address has no sockets; a separate network namespace may lack the device.
fn no_loopback() -> Option<String> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let connected = bound.and_then(|socket| socket.local_addr().and_then(|address| socket.connect(address)));
    connected.err().map(|error| format!("there is no loopback network here: {error}"))
}
