//! ZeroMQ's PUSH and PULL between two processes over ipc://, a Unix stream socket. Each side has a queue and a thread of
//! its own that does the input and output, on the CPU its worker is pinned to. Cost: at each side a message handed from
//! one thread to the other, woken through an eventfd when it sleeps, and the socket's write, read and two copies in the
//! other thread; what runs in that thread is in the CPU time of the role and not in the declared counts.
//! Source: libzmq 4.3, zmq_socket(3), zmq_ipc(7).

use super::absent::Library;
use crate::record::Wait;

#[cfg(feature = "peer-zeromq")]
mod linked;

/// What is known of it.
pub struct About;

impl Library for About {
    const SUMMARY: &'static str = "ZeroMQ PUSH to PULL over ipc://, blocking";
    const WAIT: Wait = Wait::Block;
    const FEATURE: &'static str = "peer-zeromq";
    const WANTS: &'static str = "a C++ compiler (Debian: g++)";
}

/// The transport.
#[cfg(feature = "peer-zeromq")]
pub type ZeroMq = linked::PushPull;
/// The transport.
#[cfg(not(feature = "peer-zeromq"))]
pub type ZeroMq = super::absent::Absent<About>;
