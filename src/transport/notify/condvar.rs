//! POSIX mutex and condition variable shared between processes: the notifier counts under the mutex and signals after it
//! has let go; the listener takes one under the mutex, or waits. Cost: line hand-overs for mutex, condition and count; a
//! call on each side, a wake and a switch when the listener sleeps. A side killed inside the mutex keeps it for good, since
//! this one is not robust. Source: pthread_mutex_init(3p), pthread_cond_timedwait(3p).
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;

use nix::time::ClockId;

use super::cell::Cell;
use super::{Listener, Listening, Notifier, Notifying, anatomy_in_memory, supports};
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::slice::Until;
use crate::transport::{Peers, Shape, Topology, Transport};

/// The transport.
pub struct NotifyCondvar;

/// What lies in shared memory.
#[repr(C)]
struct Counted {
    mutex: libc::pthread_mutex_t,
    more: libc::pthread_cond_t,
    /// Only under the mutex.
    outstanding: u64,
}

/// One end.
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

    fn anatomy(shape: &Shape) -> Anatomy {
        let mut counts = anatomy_in_memory(shape, false);
        // Whoever waited has the mutex back as one that others may wait for, and wakes nobody when it lets go.
        counts.receiver.system_calls *= 2.0;
        counts
    }
}

/// The calls give their error as a result, not in errno.
#[inline]
fn done(error: libc::c_int) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

fn set_up(place: *mut Counted) -> io::Result<()> {
    let (mut mutex, mut condition) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: each attribute is initialised by its first call before the next one uses it; `place` is an aligned place in
    // mapped memory that nobody else uses yet. Linux attributes hold nothing that would have to be destroyed.
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

    /// Does `work` under the mutex.
    #[inline]
    fn locked<R>(&mut self, work: impl FnOnce(*mut Counted, &mut Until) -> R) -> io::Result<R> {
        let counted = self.counted.get();
        // SAFETY: the cell holds a mutex that was set up.
        done(unsafe { libc::pthread_mutex_lock(&raw mut (*counted).mutex) })?;
        let result = work(counted, &mut self.until);
        // SAFETY: this thread locked it just now.
        done(unsafe { libc::pthread_mutex_unlock(&raw mut (*counted).mutex) })?;
        Ok(result)
    }
}

impl Notifier for CondvarEnd {
    #[inline]
    fn notify(&mut self) -> io::Result<()> {
        // SAFETY: the count is in the cell, and only touched under the mutex, which `locked` holds.
        self.locked(|counted, _| unsafe { (*counted).outstanding += 1 })?;
        // SAFETY: the cell holds a condition that was set up.
        done(unsafe { libc::pthread_cond_signal(&raw mut (*self.counted.get()).more) })
    }
}

impl Listener for CondvarEnd {
    #[inline]
    fn listen(&mut self) -> io::Result<()> {
        self.locked(|counted, until| {
            // SAFETY: as in `notify`; a wait lets go of the mutex and comes back with it, after which the count is read anew.
            while unsafe { (*counted).outstanding } == 0 {
                // SAFETY: condition and mutex were set up together, and this thread holds the mutex.
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
