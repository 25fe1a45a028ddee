//! Connections by address: the receiving worker listens and offers its address, and the sending worker connects to it.
//! Used by named unix sockets and TCP.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::abort;
use crate::address::Endpoint;
use crate::transport::{Offer, Peers};

/// Interval in milliseconds at which a receiver that waits for the connection checks the abort flag.
const SLICE_MS: u8 = 50;

/// Kind of connection.
pub(super) trait Connect {
    /// Endpoint of a connection.
    type Stream: Read + Write + AsFd;
    /// Listener for connections.
    type Listener: AsFd + Send + 'static;

    /// Opens a listener and returns its address.
    fn listen() -> io::Result<(Self::Listener, String)>;
    /// Accepts the pending connection and closes the listener.
    fn accept(listener: Self::Listener) -> io::Result<Self::Stream>;
    /// Connects to the listener at `address`.
    fn connect(address: &str) -> io::Result<Self::Stream>;
}

/// Opens the receiver's listener. Called in a worker before any endpoint attaches.
pub(super) fn offer<D: Connect>(end: Endpoint) -> io::Result<Offer> {
    if end == Endpoint::Sender {
        return Ok(Offer::default());
    }
    let (listener, address) = D::listen()?;
    Ok(Offer { text: Some(address), keep: Some(Box::new(listener)) })
}

/// Connects endpoint `end`. The connection is complete before it is accepted, so neither worker waits for the other.
///
/// Errors: those of the system; `Interrupted` if the trial is aborted before the sender connects.
pub(super) fn connect<D: Connect>(end: Endpoint, peers: Peers) -> io::Result<D::Stream> {
    match end {
        Endpoint::Sender => D::connect(&peers.text.ok_or_else(|| io::Error::other("the receiver offered no address"))?),
        Endpoint::Receiver => {
            let kept = peers.keep.and_then(|kept| kept.downcast::<D::Listener>().ok());
            let listener = kept.ok_or_else(|| io::Error::other("no listener was kept from the offer"))?;
            await_connection(listener.as_fd())?;
            D::accept(*listener)
        }
    }
}

/// Waits for a connection. If the sender dies first, only the abort flag shows it.
fn await_connection(listener: BorrowedFd<'_>) -> io::Result<()> {
    loop {
        match poll(&mut [PollFd::new(listener, PollFlags::POLLIN)], PollTimeout::from(SLICE_MS)) {
            Ok(0) | Err(Errno::EINTR) if abort::requested() => return Err(abort::error()),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
}
