//! eventfd(2) with EFD_SEMAPHORE, one per direction: a write adds 1, and a read takes 1 or sleeps, so no notification
//! is lost or merged. Cost: a system call of 8 bytes at each endpoint, a wake and a context switch. Source: eventfd(2).

use std::fs::File;
use std::io::{self, Read, Write};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{Listener, Listening, Notifier, Notifying, cost_model, supports};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over eventfd.
pub struct NotifyEventfd;

/// Either endpoint.
pub struct EventfdEnd(File);

impl Transport for NotifyEventfd {
    const SUMMARY: &'static str = "eventfd as a semaphore, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<EventfdEnd>;
    type Receiver = Listening<EventfdEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let made = Descriptor::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE)?);
        Ok(Address::Inherited { sender: vec![made.clone()], receiver: vec![made] })
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        Ok(Notifying(EventfdEnd(address.descriptor(Endpoint::Sender)?.duplicate()?.into())))
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(EventfdEnd(address.descriptor(Endpoint::Receiver)?.duplicate()?.into())))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
    }
}

impl Notifier for EventfdEnd {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.0.write_all(&1u64.to_ne_bytes())
    }
}

impl Listener for EventfdEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0; 8])
    }
}
