//! kill(2) and a read of a signalfd(2): an ordinary signal, blocked by its receiver, who reads it as 128 bytes from a
//! descriptor, as an event loop would. Several sent before the first is read arrive as one. Cost: a call on each side, a
//! wake and a switch. Source: signal(7), kill(2), signalfd(2).

use std::io;

use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::plain_signal::{self, Killer, SIGNAL};
use super::{CLOSED_LOOPS, Listener, Listening, Notifying, anatomy, supports};
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Measure, Wait};
use crate::transport::slice;
use crate::transport::{Delivery, Offer, Peers, Shape, Transport};

/// The transport.
pub struct NotifySignalfd;

/// The end that waits.
pub struct SignalfdEnd(SignalFd);

impl Transport for NotifySignalfd {
    const SUMMARY: &'static str = "kill and signalfd, no payload";
    const GROUP: Group = Group::Notification;
    const MEASURES: &'static [Measure] = CLOSED_LOOPS;
    const DELIVERY: Delivery = Delivery::Coalescing;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<Killer>;
    type Receiver = Listening<SignalfdEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// Blocked before anybody can send it, or it would end the worker.
    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let mut set = SigSet::empty();
        set.add(SIGNAL);
        set.thread_block()?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC)?;
        Ok(Offer { keep: Some(Box::new(descriptor)), ..plain_signal::offer() })
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Sender> {
        plain_signal::attach_sender(&peers)
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(SignalfdEnd(*peers.kept()?)))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        anatomy(shape)
    }
}

impl Listener for SignalfdEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        loop {
            match self.0.read_signal() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) | Err(Errno::EINTR) => slice::check()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}
