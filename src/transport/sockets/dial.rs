//! What connections made by a listening and a dialling side share: the receiving worker listens and offers the place, the
//! sending worker dials it. Not a mechanism; named unix sockets and TCP build on it.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::abort;
use crate::address::Endpoint;
use crate::transport::{Offer, Peers};

/// How often a side that waits for its peer's call looks at the abort word, in milliseconds.
const SLICE_MS: u8 = 50;

/// A kind of connection.
pub(super) trait Dial {
    /// An end of it.
    type Stream: Read + Write + AsFd;
    /// Where calls arrive.
    type Listener: AsFd + Send + 'static;

    /// Opens a place of its own where calls arrive, and says how to find it.
    fn listen() -> io::Result<(Self::Listener, String)>;
    /// Takes the call that is there, and closes the place to others.
    fn accept(listener: Self::Listener) -> io::Result<Self::Stream>;
    /// Calls the listener at `place`.
    fn dial(place: &str) -> io::Result<Self::Stream>;
}

/// Runs in a worker before any end attaches: the receiving side listens.
pub(super) fn offer<D: Dial>(end: Endpoint) -> io::Result<Offer> {
    if end == Endpoint::Sender {
        return Ok(Offer::default());
    }
    let (listener, place) = D::listen()?;
    Ok(Offer { text: Some(place), keep: Some(Box::new(listener)) })
}

/// The connection, for the side at `end`. A call is complete before it is taken, so neither side needs the other to hurry.
///
/// Errors: the system's; `Interrupted` when the trial was called off before anybody dialled.
pub(super) fn connect<D: Dial>(end: Endpoint, peers: Peers) -> io::Result<D::Stream> {
    match end {
        Endpoint::Sender => {
            D::dial(&peers.text.ok_or_else(|| io::Error::other("the receiver offered no place to dial"))?)
        }
        Endpoint::Receiver => {
            let kept = peers.keep.and_then(|kept| kept.downcast::<D::Listener>().ok());
            let listener = kept.ok_or_else(|| io::Error::other("no listener was kept from the offer"))?;
            await_call(listener.as_fd())?;
            D::accept(*listener)
        }
    }
}

/// Returns once a call is there. A peer that dies before it dials leaves no trace on a listener but the abort word.
fn await_call(listener: BorrowedFd<'_>) -> io::Result<()> {
    loop {
        match poll(&mut [PollFd::new(listener, PollFlags::POLLIN)], PollTimeout::from(SLICE_MS)) {
            Ok(0) | Err(Errno::EINTR) if abort::requested() => return Err(abort::error()),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
}
