//! Sending an ordinary signal with kill(2): at most one is pending, so several sent before the first is taken arrive as
//! one. Not a mechanism: the rows that receive it differ.

use std::io;

use nix::sys::signal::{SIGUSR1, Signal, kill};

use super::{Notifier, Notifying};
use crate::transport::peer::Peer;
use crate::transport::{Offer, Peers};

/// What is sent.
pub(super) const SIGNAL: Signal = SIGUSR1;

/// The end that sends.
pub struct Killer {
    to: Peer,
}

/// What the receiving end offers, once it has blocked the signal.
pub(super) fn offer() -> Offer {
    Peer::offer(SIGNAL as usize)
}

/// The end that signals the process that offered itself.
///
/// Errors: `InvalidData` when it offered no process, or waits for another signal.
pub(super) fn attach_sender(peers: &Peers) -> io::Result<Notifying<Killer>> {
    let to = Peer::of(peers)?;
    if to.number != SIGNAL as usize {
        let why = format!("the other end waits for signal {} where {SIGNAL} is sent", to.number);
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(Notifying(Killer { to }))
}

impl Notifier for Killer {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        Ok(kill(self.to.pid, SIGNAL)?)
    }
}
