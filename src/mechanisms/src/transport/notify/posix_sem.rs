//! POSIX semaphore shared between processes (`sem_init` with pshared): the C library counts in shared memory and calls
//! futex(2) only to sleep or to wake a sleeper. Cost: a line transfer; a call at each endpoint, a wake and a context
//! switch if the listener sleeps. Source: sem_overview(7), sem_init(3), sem_timedwait(3).
#![allow(unsafe_code)]

use std::io;

use nix::errno::Errno;
use nix::time::ClockId;

use super::memory::Cell;
use super::{Listener, Listening, Notifier, Notifying, cost_model_in_memory, supports};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::slice::{self, Until};
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over a POSIX semaphore.
pub struct NotifyPosixSem;

/// Either endpoint.
pub struct PosixSemEnd {
    semaphore: Cell<libc::sem_t>,
    until: Until,
}

impl Transport for NotifyPosixSem {
    const SUMMARY: &'static str = "POSIX semaphore in shared memory, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<PosixSemEnd>;
    type Receiver = Listening<PosixSemEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Cell::<libc::sem_t>::create()
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        PosixSemEnd::attach(address, Endpoint::Sender).map(Notifying)
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        PosixSemEnd::attach(address, Endpoint::Receiver).map(Listening)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model_in_memory(shape, false)
    }
}

impl PosixSemEnd {
    fn attach(address: &Address, end: Endpoint) -> io::Result<Self> {
        let semaphore = Cell::attach(address, end, |place| {
            // SAFETY: an aligned address in mapped memory that is not used elsewhere yet.
            Errno::result(unsafe { libc::sem_init(place, 1, 0) })?;
            Ok(())
        })?;
        Ok(Self { semaphore, until: Until::on(ClockId::CLOCK_REALTIME)? })
    }
}

impl Notifier for PosixSemEnd {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        loop {
            // SAFETY: the cell holds an initialised semaphore.
            match Errno::result(unsafe { libc::sem_post(self.semaphore.get()) }) {
                Ok(_) => return Ok(()),
                // The semaphore is at SEM_VALUE_MAX.
                Err(Errno::EOVERFLOW) => slice::yield_now()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}

impl Listener for PosixSemEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        loop {
            // SAFETY: the cell holds an initialised semaphore; the time outlives the call.
            match Errno::result(unsafe { libc::sem_timedwait(self.semaphore.get(), self.until.moment().as_ref()) }) {
                Ok(_) => return Ok(()),
                Err(Errno::ETIMEDOUT | Errno::EINTR) => self.until.passed()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}
