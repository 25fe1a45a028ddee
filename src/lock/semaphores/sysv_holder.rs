//! System V semaphore as a lock. Not a mechanism. Nothing lies in shared memory, so acquire and release are calls of
//! semop(2), as programs make them: a waiter checks the abort word only when a signal interrupts it.

use std::io;
use std::marker::PhantomData;

use crate::abort;
use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::lock::Cost;
use crate::lock::by_calls::Calls;
use crate::record::{Counts, Group};
use crate::sysv_sem::{self, AtExit, Key, Semaphore};

/// What happens to a permit when its holder dies.
pub trait Permit: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Whether the kernel undoes the operations of a process that ends.
    const AT_EXIT: AtExit;
}

/// One contender's handle.
pub struct SysvHolder<P>(Semaphore, PhantomData<P>);

fn key(name: &str) -> io::Result<Key> {
    sysv_key(name).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl<P: Permit> Calls for SysvHolder<P> {
    const SUMMARY: &'static str = P::SUMMARY;
    const GROUP: Group = Group::Semaphores;

    fn unavailable() -> Option<String> {
        sysv_sem::unavailable()
    }

    /// Creates a semaphore with one permit.
    ///
    /// Errors: `StorageFull` when the machine has as many as `kernel.sem` allows.
    fn create() -> io::Result<Address> {
        let name = fresh_name(NameKind::SysvSem)?;
        // The permit belongs to the trial: it must survive the process that creates it.
        Semaphore::create(key(&name.name)?)?.give(AtExit::Kept)?;
        Ok(Address::Named(name))
    }

    fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self(Semaphore::open(key(&address.name()?.name)?)?, PhantomData))
    }

    #[inline]
    fn acquire(&self) -> io::Result<()> {
        while !self.0.wait(P::AT_EXIT)? {
            if abort::requested() {
                return Err(abort::error());
            }
        }
        Ok(())
    }

    #[inline]
    fn try_acquire(&self) -> io::Result<bool> {
        self.0.try_take(P::AT_EXIT)
    }

    #[inline]
    fn release(&self) -> io::Result<()> {
        self.0.give(P::AT_EXIT)
    }

    /// One system call each way. A waiter sleeps in its call and finds its operation completed by the releaser.
    fn cost() -> Cost {
        Cost {
            alone: Counts { system_calls: 2.0, ..Counts::default() },
            release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
        }
    }
}
