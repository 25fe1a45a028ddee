//! Locks on files, as used by shell scripts, package managers and mailers. The kernel keeps them with the file, or the
//! name of the file is the lock.
//!
//! The file is in the user's directory for temporary files and has no name, so that nothing is left behind; each
//! contender opens it separately. All local file systems share the kernel's lock code, so the choice of file system
//! hardly matters here.

pub(super) mod fcntl_record;
pub(super) mod flock;
pub(super) mod lock_file;
pub(super) mod ofd;

use std::env;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, MemfdFlags, Mode, OFlags, memfd_create, open};

use super::Cost;
use super::by_calls::{Calls, granted, retry_on_eintr};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Counts, Group, Isolation};

/// Creates a file without a name in the directory for temporary files, or in memory if its file system does not support
/// that.
fn create() -> io::Result<Address> {
    let unnamed = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = open(env::temp_dir(), unnamed, Mode::RUSR | Mode::WUSR);
    let file: OwnedFd = file.or_else(|_| memfd_create("ipcmark-lock", MemfdFlags::CLOEXEC))?;
    Ok(Address::Inherited { sender: vec![Descriptor::new(file)], receiver: vec![] })
}

/// Opens the file again, since a duplicate would share its lock. Source: proc_pid_fd(5).
fn reopened(address: &Address) -> io::Result<File> {
    let inherited = address.descriptor(Endpoint::Sender)?.number();
    File::options().read(true).write(true).open(format!("/proc/self/fd/{inherited}"))
}

/// Operation on a lock of a whole file.
#[derive(Clone, Copy)]
pub enum Operation {
    /// Acquires the lock; waits without limit.
    Acquire,
    /// Acquires the lock without waiting.
    TryAcquire,
    /// Releases the lock.
    Release,
}

impl From<Operation> for FlockOperation {
    #[inline]
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Acquire => Self::LockExclusive,
            Operation::TryAcquire => Self::NonBlockingLockExclusive,
            Operation::Release => Self::Unlock,
        }
    }
}

/// System call that acquires and releases a lock on a whole file.
pub trait WholeFile: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Isolations it supports; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];

    /// Makes the call.
    ///
    /// Errors: `WouldBlock` if a try finds the lock held by another contender.
    fn call(file: &File, operation: Operation) -> io::Result<()>;
}

/// Open file of one contender, locked by calls `W`.
pub struct OnFile<W>(File, PhantomData<W>);

impl<W: WholeFile> Calls for OnFile<W> {
    const SUMMARY: &'static str = W::SUMMARY;
    const GROUP: Group = Group::FileLocks;
    const ISOLATIONS: &'static [Isolation] = W::ISOLATIONS;

    fn create() -> io::Result<Address> {
        create()
    }

    fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self(reopened(address)?, PhantomData))
    }

    #[inline]
    fn acquire(&self) -> io::Result<()> {
        retry_on_eintr(|| W::call(&self.0, Operation::Acquire))
    }

    #[inline]
    fn try_acquire(&self) -> io::Result<bool> {
        granted(W::call(&self.0, Operation::TryAcquire))
    }

    #[inline]
    fn release(&self) -> io::Result<()> {
        W::call(&self.0, Operation::Release)
    }

    /// One call to acquire and one to release, which also wakes a waiter.
    fn cost() -> Cost {
        let call = Counts { system_calls: 1.0, ..Counts::default() };
        Cost {
            alone: Counts { system_calls: 2.0, ..Counts::default() },
            release: Counts { wakes: 1.0, ..call.clone() },
            acquire: Counts { context_switches: 1.0, ..call },
        }
    }
}
