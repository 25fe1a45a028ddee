//! ZeroMQ's PUSH and PULL between two processes over ipc://, a Unix stream socket. Each side has a queue and a thread of
//! its own that does the input and output, on the CPU its worker is pinned to. Cost: at each side a message handed from
//! one thread to the other, which is woken through a socket pair when it sleeps, and the socket's write, read and two
//! copies. One message at a time that makes sixteen system calls (counted with strace). Source: libzmq 4.3 as the crate
//! zmq builds it, zmq_socket(3), zmq_ipc(7).

use super::library::Library;
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
