//! kill(2) and sigtimedwait(2): an ordinary signal, blocked by its receiver, who waits for it in the kernel. Several sent
//! before the first is taken arrive as one. Cost: a call on each side, a wake and a switch. Source: signal(7), kill(2),
//! sigtimedwait(2).

use std::io;

use super::plain_signal::{self, Killer, SIGNAL};
use super::signals::Blocked;
use super::{CLOSED_LOOPS, Listener, Listening, Notifying, anatomy, supports};
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Measure, Wait};
use crate::transport::slice::{self, SLICE};
use crate::transport::{Delivery, Offer, Peers, Shape, Transport};

/// The transport.
pub struct NotifySignal;

/// The end that waits.
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

    /// Blocked before anybody can send it, or it would end the worker.
    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        match end {
            Endpoint::Sender => Ok(Offer::default()),
            Endpoint::Receiver => {
                Ok(Offer { keep: Some(Box::new(Blocked::new(SIGNAL as i32)?)), ..plain_signal::offer() })
            }
        }
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Sender> {
        plain_signal::attach_sender(&peers)
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(SignalEnd(*peers.kept()?)))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        anatomy(shape)
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
