//! nng's PUSH and PULL between two processes over ipc://, a Unix stream socket. A pool of threads of the library's own
//! does the input and output at each side, on the CPU its worker is pinned to, and wakes the worker through a condition
//! variable. Cost: at each side a message handed from one thread to another, eight system calls for the socket and its
//! readiness, two copies, and futexes whose number depends on who gets which CPU. Source: nng 1.x, nng_push(7), nng_pull(7), nng_ipc(7).

use super::library::Library;
use crate::record::Wait;

#[cfg(feature = "peer-nng")]
mod linked;

/// What is known of it.
pub struct About;

impl Library for About {
    const SUMMARY: &'static str = "nng PUSH to PULL over ipc://, blocking";
    const WAIT: Wait = Wait::Block;
    const FEATURE: &'static str = "peer-nng";
    const WANTS: &'static str = "cmake (Debian: cmake)";
}

/// The transport.
#[cfg(feature = "peer-nng")]
pub type Nng = linked::PushPull;
/// The transport.
#[cfg(not(feature = "peer-nng"))]
pub type Nng = super::absent::Absent<About>;
