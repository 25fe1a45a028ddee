//! System V semaphores. Nothing is in shared memory, so acquire and release are calls of semop(2), as programs make
//! them: a waiter checks the abort word only when a signal interrupts it.

use std::io;
use std::marker::PhantomData;

use crate::abort;
use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::lock::Cost;
use crate::lock::by_calls::{Called, Calls};
use crate::record::{Counts, Group};
use crate::sysv_sem::{self, AtExit, Key, Semaphore};

/// System V semaphore: a count in the kernel, so acquire and release are a system call each, contended or not. A
/// release completes the operation of the first waiter in the queue and then wakes it: fair, and every hand-off is a
/// wake-up and a context switch. The permit of a dead holder is lost.
///
/// Source: semop(2), sysvipc(7); Linux, ipc/sem.c.
pub type SysvSem = Called<SysvHolder<Kept>>;

/// Its permit stays taken when the holder dies.
pub struct Kept;

impl Permit for Kept {
    const SUMMARY: &'static str = "System V semaphore";
    const AT_EXIT: AtExit = AtExit::Kept;
}

/// System V semaphore with `SEM_UNDO`: when a process ends, the kernel reverts its operations, so the permit of a dead
/// holder goes to the next waiter in the queue, without notice. The kernel keeps a sum per process and semaphore, which
/// each call looks up. Otherwise as without: fair, a system call each way, a wake-up and a context switch per hand-off.
/// Threads of one process share the sum, so a thread that ends alone returns nothing.
///
/// Source: semop(2), sysvipc(7); Linux, ipc/sem.c.
pub type SysvSemUndo = Called<SysvHolder<Undone>>;

/// Its permit is given back when the holder dies.
pub struct Undone;

impl Permit for Undone {
    const SUMMARY: &'static str = "System V semaphore, returned by the kernel when its holder dies";
    const AT_EXIT: AtExit = AtExit::Undone;
}

/// Effect of the holder's death on the permit.
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
            acquire: Counts { system_calls: 1.0, context_switches: 1.0, line_transfers: 1.0, ..Counts::default() },
        }
    }
}
