//! Count in shared memory; the listener waits through io_uring (IORING_OP_FUTEX_WAIT), as a server with a ring does,
//! and the notifier wakes it with futex(2). Cost: io_uring_enter(2) at the listener and futex at the notifier, a wake
//! and a context switch. Source: io_uring_enter(2), futex(2).
#![allow(unsafe_code)]

use std::io;

use io_uring::opcode::FutexWait;
use nix::errno::Errno;

use super::memory::Count;
use super::uring::{self, Ring};
use super::{Listener, Listening, Notifier, Notifying, cost_model_in_memory, supports};
use crate::address::{Address, Endpoint};
use crate::futex;
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::slice;
use crate::transport::{Peers, Shape, Topology, Transport};

/// 32-bit word, shared between processes: `FUTEX2_SIZE_U32` without `FUTEX2_PRIVATE`.
const SHARED_U32: u32 = 2;
/// Matches any waker: `FUTEX_BITSET_MATCH_ANY`.
const ANY_WAKER: u64 = 0xffff_ffff;

/// Transport over a futex wait in io_uring.
pub struct NotifyUringFutex;

/// Sender.
pub struct Waker(Count);

/// Receiver.
pub struct Waiter {
    /// Declared before the count, so that it is dropped first, with the wait in the kernel.
    ring: Ring,
    count: Count,
    /// Whether a wait is in progress in the kernel.
    waiting: bool,
}

impl Transport for NotifyUringFutex {
    const SUMMARY: &'static str = "futex waited for through io_uring, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<Waker>;
    type Receiver = Listening<Waiter>;

    fn unavailable() -> Option<String> {
        uring::unavailable(FutexWait::CODE, "FUTEX_WAIT")
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Count::create()
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        Ok(Notifying(Waker(Count::attach(address, Endpoint::Sender)?)))
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        let count = Count::attach(address, Endpoint::Receiver)?;
        Ok(Listening(Waiter { ring: Ring::new()?, count, waiting: false }))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model_in_memory(shape, true)
    }
}

impl Notifier for Waker {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        self.0.add_one()?;
        futex::wake(self.0.word(), 1)
    }
}

impl Listener for Waiter {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        while !self.count.take_one() {
            if !self.waiting {
                let wait = FutexWait::new(self.count.word().as_ptr(), 0, ANY_WAKER, SHARED_U32).build();
                // SAFETY: the word stays mapped as long as `count` lives, which is longer than the ring.
                unsafe { self.ring.push(&wait) }?;
                self.waiting = true;
            }
            self.ring.enter()?;
            match self.ring.result() {
                // Woken, or the count was no longer 0.
                Some(Ok(_) | Err(Errno::EAGAIN | Errno::EINTR)) => self.waiting = false,
                Some(Err(other)) => return Err(other.into()),
                None => {}
            }
            slice::check()?;
        }
        Ok(())
    }
}
