//! A System V semaphore as a lock. Not a mechanism. Nothing lies in shared memory, so each way is a call, semop(2), as
//! programs make it: one who waits looks at the abort word only when a signal disturbs him.

use std::io;
use std::marker::PhantomData;

use crate::abort;
use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::lock::Cost;
use crate::lock::by_calls::Calls;
use crate::record::{Counts, Group};
use crate::sysv_sem::{self, AtExit, Key, Semaphore};

/// What becomes of a permit when its holder dies.
pub trait Permit: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Whether the kernel undoes the steps of a process that ends.
    const AT_EXIT: AtExit;
}

/// A holder.
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

    /// Makes a semaphore with one permit.
    ///
    /// Errors: `StorageFull` when the machine has as many as `kernel.sem` allows.
    fn create() -> io::Result<Address> {
        let name = fresh_name(NameKind::SysvSem)?;
        // The permit is the trial's, not its maker's, whose end must not take it back.
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

    /// A call each way. One who waits sleeps in his, and finds his step done by the one who let go.
    fn cost() -> Cost {
        Cost {
            alone: Counts { system_calls: 2.0, ..Counts::default() },
            release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
        }
    }
}
