//! A System V semaphore as a lock. Not a mechanism. Nothing lies in shared memory, so each way is a call, semop(2), as
//! programs make it: one who waits looks at the abort word only when a signal disturbs him.

use std::io;

use crate::abort;
use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::lock::{Acquired, Cost, Holder};
use crate::record::Counts;
use crate::sysv_sem::{AtExit, Key, Semaphore};

/// Makes a semaphore with one permit.
///
/// Errors: `StorageFull` when the machine has as many as `kernel.sem` allows.
pub(super) fn create() -> io::Result<Address> {
    let name = fresh_name(NameKind::SysvSem)?;
    // The permit is the trial's, not its maker's, whose end must not take it back.
    Semaphore::create(key(&name.name)?)?.give(AtExit::Kept)?;
    Ok(Address::Named(name))
}

fn key(name: &str) -> io::Result<Key> {
    sysv_key(name).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// A holder.
pub struct SysvHolder<const UNDONE: bool>(Semaphore);

impl<const UNDONE: bool> SysvHolder<UNDONE> {
    const AT_EXIT: AtExit = if UNDONE { AtExit::Undone } else { AtExit::Kept };

    /// Finds what [`create`] made.
    pub(super) fn attach(address: &Address) -> io::Result<Self> {
        Semaphore::open(key(&address.name()?.name)?).map(Self)
    }
}

impl<const UNDONE: bool> Holder for SysvHolder<UNDONE> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        while !self.0.wait(Self::AT_EXIT)? {
            if abort::requested() {
                return Err(abort::error());
            }
        }
        let result = critical(Acquired::default());
        self.0.give(Self::AT_EXIT)?;
        Ok(result)
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        if !self.0.try_take(Self::AT_EXIT)? {
            return Ok(None);
        }
        let result = critical(Acquired::default());
        self.0.give(Self::AT_EXIT)?;
        Ok(Some(result))
    }
}

/// A call each way. One who waits sleeps in his, and finds his step done by the one who let go.
pub(super) fn cost() -> Cost {
    Cost {
        alone: Counts { system_calls: 2.0, ..Counts::default() },
        release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
        acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_hand_overs: 1.0, ..Counts::default() },
    }
}
