//! System V semaphore in a set of one: the notifier adds 1, the listener takes 1 or sleeps. Each endpoint always makes
//! a call, since no count is in shared memory. A notifier yields and retries at the maximum of 32767. Cost: semop(2) or
//! semtimedop(2) at each endpoint, a wake and a context switch. Source: sysvipc(7), semop(2).

use std::io;

use super::{Listener, Listening, Notifier, Notifying, cost_model, supports};
use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::sysv_sem::{self, Semaphore};
use crate::transport::slice::{self, SLICE};
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over a System V semaphore.
pub struct NotifySysvSem;

/// Either endpoint.
pub struct SysvSemEnd(Semaphore);

impl Transport for NotifySysvSem {
    const SUMMARY: &'static str = "System V semaphore, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<SysvSemEnd>;
    type Receiver = Listening<SysvSemEnd>;

    fn unavailable() -> Option<String> {
        sysv_sem::unavailable()
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn depth(_: &Shape) -> Option<u32> {
        Some(Semaphore::MAX)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let name = fresh_name(NameKind::SysvSem)?;
        Semaphore::create(sysv_key(&name.name).ok_or(io::ErrorKind::InvalidInput)?)?;
        Ok(Address::Named(name))
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        open(address).map(Notifying)
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        open(address).map(Listening)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
    }
}

fn open(address: &Address) -> io::Result<SysvSemEnd> {
    let key = sysv_key(&address.name()?.name).ok_or(io::ErrorKind::InvalidInput)?;
    Semaphore::open(key).map(SysvSemEnd)
}

impl Notifier for SysvSemEnd {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        while !self.0.post()? {
            slice::yield_now()?;
        }
        Ok(())
    }
}

impl Listener for SysvSemEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        while !self.0.take(SLICE)? {
            slice::check()?;
        }
        Ok(())
    }
}
