//! Count in shared memory with futex(2), without the private flag: the basis of every blocking lock and queue. The
//! notifier adds 1 and wakes; the listener takes 1, and sleeps while there is none. Cost: one call at each endpoint, a
//! wake and a context switch. Source: futex(2); Franke, Russell, Kirkwood, "Fuss, Futexes and Furwocks", OLS 2002.

use std::io;

use super::memory::Count;
use super::{Listener, Listening, Notifier, Notifying, cost_model_in_memory, supports};
use crate::address::{Address, Endpoint};
use crate::futex;
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::slice::{self, SLICE};
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over futex.
pub struct NotifyFutex;

/// Either endpoint.
pub struct FutexEnd(Count);

impl Transport for NotifyFutex {
    const SUMMARY: &'static str = "futex on a count in shared memory, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Park);
    type Sender = Notifying<FutexEnd>;
    type Receiver = Listening<FutexEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Count::create()
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        Ok(Notifying(FutexEnd(Count::attach(address, Endpoint::Sender)?)))
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        Ok(Listening(FutexEnd(Count::attach(address, Endpoint::Receiver)?)))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model_in_memory(shape, true)
    }
}

impl Notifier for FutexEnd {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.0.add_one()?;
        futex::wake(self.0.word(), 1)
    }
}

impl Listener for FutexEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        while !self.0.take_one() {
            futex::wait(self.0.word(), 0, SLICE)?;
            slice::check()?;
        }
        Ok(())
    }
}
