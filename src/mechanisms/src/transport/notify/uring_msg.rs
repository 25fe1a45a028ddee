//! IORING_OP_MSG_RING of io_uring: the notifier lets the kernel put a result into the listener's ring. A ring cannot be
//! passed over a socket (since Linux 6.7), so the notifier duplicates its descriptor with pidfd_getfd(2). Cost:
//! io_uring_enter(2) at each endpoint, a wake and a context switch. Source: io_uring_enter(2), pidfd_getfd(2).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use io_uring::opcode::MsgRingData;
use io_uring::types::Fd;
use nix::errno::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::uring::{self, Ring};
use super::{Listener, Listening, Notifier, Notifying, cost_model, supports};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::peer::{self, Peer};
use crate::transport::slice;
use crate::transport::{Offer, Peers, Shape, Topology, Transport};

/// Transport over messages between rings.
pub struct NotifyUringMsg;

/// Sender.
pub struct Messenger {
    ring: Ring,
    /// Ring of the receiver.
    target: OwnedFd,
}

/// Receiver.
pub struct Addressee(Ring);

impl Transport for NotifyUringMsg {
    const SUMMARY: &'static str = "io_uring message from ring to ring, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToOne;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<Messenger>;
    type Receiver = Listening<Addressee>;

    fn unavailable() -> Option<String> {
        uring::unavailable(MsgRingData::CODE, "MSG_RING").or_else(peer::access_forbidden)
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        peer::allow_access();
        let ring = Ring::new()?;
        Ok(Offer { text: Peer::offer(ring.descriptor() as usize).text, keep: Some(Box::new(ring)) })
    }

    fn attach_sender(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Sender> {
        let listener = Peer::of(&peers)?;
        let process = Pid::from_raw(listener.pid.as_raw()).ok_or(io::ErrorKind::InvalidData)?;
        let process = pidfd_open(process, PidfdFlags::empty())?;
        let number = i32::try_from(listener.number).map_err(|_| io::ErrorKind::InvalidData)?;
        let target = pidfd_getfd(process, number, PidfdGetfdFlags::empty())?;
        Ok(Notifying(Messenger { ring: Ring::new()?, target }))
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(Addressee(*peers.kept()?)))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
    }
}

impl Messenger {
    /// Sends one message and waits for its result.
    #[inline]
    fn message(&mut self) -> io::Result<Result<i32, Errno>> {
        let call = MsgRingData::new(Fd(self.target.as_raw_fd()), 0, 0, None).build();
        // SAFETY: the call points to no memory.
        unsafe { self.ring.push(&call) }?;
        loop {
            self.ring.enter()?;
            if let Some(result) = self.ring.result() {
                return Ok(result);
            }
            slice::check()?;
        }
    }
}

impl Notifier for Messenger {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        loop {
            match self.message()? {
                Ok(_) => return Ok(()),
                // The listener has more pending results than the kernel keeps.
                Err(Errno::EOVERFLOW | Errno::EAGAIN) => slice::yield_now()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}

impl Listener for Addressee {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        loop {
            if let Some(result) = self.0.result() {
                result?;
                return Ok(());
            }
            self.0.enter()?;
            slice::check()?;
        }
    }
}
