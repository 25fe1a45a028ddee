//! POSIX mutex and condition variable shared between processes. The notifier increments a count under the mutex and
//! signals after unlocking; the listener decrements it under the mutex, or waits. Cost: line transfers for mutex,
//! condition and count; a call at each endpoint, a wake and a context switch if the listener sleeps. A process killed
//! while it holds the mutex keeps it locked, since it is not robust. Source: pthread_mutex_init(3p),
//! pthread_cond_timedwait(3p).
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;

use nix::time::ClockId;

use super::memory::Cell;
use super::{Listener, Listening, Notifier, Notifying, cost_model_in_memory, supports};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::slice::Until;
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over a mutex and a condition variable.
pub struct NotifyCondvar;

/// Count with its mutex and condition variable, in shared memory.
#[repr(C)]
struct Counted {
    mutex: libc::pthread_mutex_t,
    more: libc::pthread_cond_t,
    /// Accessed only under the mutex.
    outstanding: u64,
}

/// Either endpoint.
pub struct CondvarEnd {
    counted: Cell<Counted>,
    until: Until,
}

impl Transport for NotifyCondvar {
    const SUMMARY: &'static str = "mutex and condition variable in shared memory, no payload";
    const GROUP: Group = Group::Notification;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Notifying<CondvarEnd>;
    type Receiver = Listening<CondvarEnd>;

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Cell::<Counted>::create()
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Sender> {
        CondvarEnd::attach(address, Endpoint::Sender).map(Notifying)
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<Self::Receiver> {
        CondvarEnd::attach(address, Endpoint::Receiver).map(Listening)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let mut counts = cost_model_in_memory(shape, false);
        // A listener that waited reacquires the mutex as contended, so its unlock makes a futex call that wakes no
        // waiter.
        counts.receiver.system_calls *= 2.0;
        counts
    }
}

/// Converts the return value of a pthread call, which is an error number.
#[inline]
fn done(error: libc::c_int) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

fn set_up(place: *mut Counted) -> io::Result<()> {
    let (mut mutex, mut condition) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: each attribute is initialised by its first call before the next one uses it; `place` is an aligned
    // address in mapped memory that is not used elsewhere yet. On Linux, attributes need not be destroyed.
    unsafe {
        done(libc::pthread_mutexattr_init(mutex.as_mut_ptr()))?;
        done(libc::pthread_mutexattr_setpshared(mutex.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED))?;
        done(libc::pthread_mutex_init(&raw mut (*place).mutex, mutex.as_ptr()))?;
        done(libc::pthread_condattr_init(condition.as_mut_ptr()))?;
        done(libc::pthread_condattr_setpshared(condition.as_mut_ptr(), libc::PTHREAD_PROCESS_SHARED))?;
        done(libc::pthread_condattr_setclock(condition.as_mut_ptr(), libc::CLOCK_MONOTONIC))?;
        done(libc::pthread_cond_init(&raw mut (*place).more, condition.as_ptr()))
    }
}

impl CondvarEnd {
    fn attach(address: &Address, end: Endpoint) -> io::Result<Self> {
        let counted = Cell::attach(address, end, set_up)?;
        Ok(Self { counted, until: Until::on(ClockId::CLOCK_MONOTONIC)? })
    }

    /// Runs `work` under the mutex.
    #[inline]
    fn locked<R>(&mut self, work: impl FnOnce(*mut Counted, &mut Until) -> R) -> io::Result<R> {
        let counted = self.counted.get();
        // SAFETY: the cell holds an initialised mutex.
        done(unsafe { libc::pthread_mutex_lock(&raw mut (*counted).mutex) })?;
        let result = work(counted, &mut self.until);
        // SAFETY: this thread has locked it above.
        done(unsafe { libc::pthread_mutex_unlock(&raw mut (*counted).mutex) })?;
        Ok(result)
    }
}

impl Notifier for CondvarEnd {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        // SAFETY: the count is in the cell and only accessed under the mutex, which `locked` holds.
        self.locked(|counted, _| unsafe { (*counted).outstanding += 1 })?;
        // SAFETY: the cell holds an initialised condition variable.
        done(unsafe { libc::pthread_cond_signal(&raw mut (*self.counted.get()).more) })
    }
}

impl Listener for CondvarEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        self.locked(|counted, until| {
            // SAFETY: as in `notify`; a wait releases the mutex and returns with it, after which the count is read
            // again.
            while unsafe { (*counted).outstanding } == 0 {
                // SAFETY: condition variable and mutex were initialised together, and this thread holds the mutex.
                let waited = unsafe {
                    libc::pthread_cond_timedwait(
                        &raw mut (*counted).more,
                        &raw mut (*counted).mutex,
                        until.moment().as_ref(),
                    )
                };
                match waited {
                    libc::ETIMEDOUT => until.passed()?,
                    other => done(other)?,
                }
            }
            // SAFETY: as in `notify`.
            unsafe { (*counted).outstanding -= 1 };
            Ok(())
        })?
    }
}
