//! Ordinary signal sent with kill(2). Only one can be pending, so several may arrive as one. The receiver blocks it and
//! waits with sigtimedwait(2), or reads 128 bytes from a signalfd(2), as an event loop does. Cost: a call at each
//! endpoint, a wake and a context switch. Source: signal(7), kill(2), sigtimedwait(2), signalfd(2).

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{SIGUSR1, SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::signals::Blocked;
use super::{CLOSED_LOOPS, Listener, Listening, Notifier, Notifying, cost_model, supports};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Measure, Wait};
use crate::transport::peer::Peer;
use crate::transport::slice::{self, SLICE};
use crate::transport::{Delivery, Offer, Peers, Shape, Transport};

/// Signal that is sent.
const SIGNAL: Signal = SIGUSR1;

/// Sender with kill(2).
pub struct Killer {
    to: Peer,
}

/// Offer of the receiver; made after it has blocked the signal.
fn offer() -> Offer {
    Peer::offer(SIGNAL as usize)
}

/// Attaches the sender to the process that the receiver offered.
///
/// Errors: `InvalidData` if the offer has no process or another signal.
fn attach_sender(peers: &Peers) -> io::Result<Notifying<Killer>> {
    let to = Peer::of(peers)?;
    if to.number != SIGNAL as usize {
        let why = format!("the receiver waits for signal {}, but {SIGNAL} is sent", to.number);
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

/// Transport over kill(2) and sigtimedwait(2).
pub struct NotifySignal;

/// Receiver with sigtimedwait(2).
pub struct SignalEnd(Blocked);

impl Transport for NotifySignal {
    const SUMMARY: &'static str = "kill and sigtimedwait, no payload";
    const GROUP: Group = Group::Notification;
    const MEASURES: &'static [Measure] = CLOSED_LOOPS;
    const DELIVERY: Delivery = Delivery::Coalescing;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<Killer>;
    type Receiver = Listening<SignalEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// Blocks the signal before a peer can send it; unblocked, it would end the worker.
    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        match end {
            Endpoint::Sender => Ok(Offer::default()),
            Endpoint::Receiver => Ok(Offer { keep: Some(Box::new(Blocked::new(SIGNAL as i32)?)), ..offer() }),
        }
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Sender> {
        attach_sender(&peers)
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(SignalEnd(*peers.kept()?)))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
    }
}

impl Listener for SignalEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        while !self.0.wait(SLICE)? {
            slice::check()?;
        }
        Ok(())
    }
}

/// Transport over kill(2) and signalfd(2).
pub struct NotifySignalfd;

/// Receiver with signalfd(2).
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

    /// Blocks the signal before a peer can send it; unblocked, it would end the worker.
    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        let mut set = SigSet::empty();
        set.add(SIGNAL);
        set.thread_block()?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC)?;
        Ok(Offer { keep: Some(Box::new(descriptor)), ..offer() })
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Sender> {
        attach_sender(&peers)
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(SignalfdEnd(*peers.kept()?)))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
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
