//! Readers-writer lock of the C library. Readers count themselves in a word that all of them write, so a short read
//! costs as much as under a mutex. Two preferences: with readers first, a writer waits until no reader is left,
//! possibly forever; with writers first, a waiting writer blocks new readers. Unfair among writers. A writer's hand-off
//! to a sleeper costs a system call on each side, a wake-up and a context switch. The death of a holder is not
//! detected. Source: POSIX.1-2017, `pthread_rwlock_rdlock`; pthread_rwlockattr_setkind_np(3); glibc,
//! nptl/pthread_rwlock_common.c.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;

use super::sleeping_cost;
use crate::address::Address;
use crate::lock::placed::{Placed, done};
use crate::lock::{Acquired, ContenderId, Cost, Handle, Lock, Looked};
use crate::record::{Counts, Group, Wait};

/// Preference of readers or writers.
pub(in crate::lock) trait Preference: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// The library's number for it, from pthread.h of glibc; missing in the libc crate.
    const KIND: c_int;
}

/// Readers go first (`PTHREAD_RWLOCK_PREFER_READER_NP`, the default).
pub struct ReadersFirst;

impl Preference for ReadersFirst {
    const SUMMARY: &'static str = "pthread readers-writer lock, readers first";
    const KIND: c_int = 0;
}

/// Writers go first (`PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`; without the last word the library ignores it).
pub struct WritersFirst;

impl Preference for WritersFirst {
    const SUMMARY: &'static str = "pthread readers-writer lock, writers first";
    const KIND: c_int = 2;
}

/// Lock of preference `P`, in its own segment.
pub struct RwLock<P>(PhantomData<P>);

/// Mapping of the lock.
pub struct Mapped<P> {
    lock: Placed<libc::pthread_rwlock_t>,
    preference: PhantomData<P>,
}

impl<P: Preference> Lock for RwLock<P> {
    const SUMMARY: &'static str = P::SUMMARY;
    const GROUP: Group = Group::ReadMostly;
    const WAIT: Option<Wait> = Some(Wait::Block);
    const WAKES: bool = true;
    type Handle = Mapped<P>;

    fn create(_: u32) -> io::Result<Address> {
        Placed::create(|place| make(place, P::KIND))
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Mapped<P>> {
        Ok(Mapped { lock: Placed::attach(address)?, preference: PhantomData })
    }

    /// Cost for a writer.
    fn cost() -> Cost {
        // One word records that a writer arrived, another that writers sleep.
        Cost { alone: Counts { atomics: 3.0, ..Counts::default() }, ..sleeping_cost() }
    }
}

/// Initialises a free lock at `place`, which no other process uses yet.
fn make(place: *mut libc::pthread_rwlock_t, kind: c_int) -> io::Result<()> {
    // SAFETY: the attributes are initialised before they are used, and destroyed after, unless one of the calls fails,
    // which leaves nothing behind: they are plain bytes. `place` is aligned, mapped and not used elsewhere.
    unsafe {
        let mut shared = std::mem::zeroed::<libc::pthread_rwlockattr_t>();
        done(libc::pthread_rwlockattr_init(&raw mut shared))?;
        done(libc::pthread_rwlockattr_setpshared(&raw mut shared, libc::PTHREAD_PROCESS_SHARED))?;
        done(libc::pthread_rwlockattr_setkind_np(&raw mut shared, kind))?;
        done(libc::pthread_rwlock_init(place, &raw const shared))?;
        done(libc::pthread_rwlockattr_destroy(&raw mut shared))
    }
}

impl<P: Preference> Mapped<P> {
    /// Releases the lock that this thread holds, as reader or as writer.
    #[inline]
    fn release(&self) -> io::Result<()> {
        // SAFETY: `create` made the lock, it is mapped while `self` lives, and this thread holds it.
        done(unsafe { libc::pthread_rwlock_unlock(self.lock.get()) })
    }
}

impl<P: Preference> Handle for Mapped<P> {
    #[inline]
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        // SAFETY: `create` made the lock, and it stays mapped while `self` lives.
        done(unsafe { libc::pthread_rwlock_wrlock(self.lock.get()) })?;
        let result = critical(Acquired::default());
        self.release()?;
        Ok(result)
    }

    #[inline]
    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        // SAFETY: as in `with_lock`.
        match unsafe { libc::pthread_rwlock_trywrlock(self.lock.get()) } {
            libc::EBUSY => return Ok(None),
            code => done(code)?,
        }
        let result = critical(Acquired::default());
        self.release()?;
        Ok(Some(result))
    }

    #[inline]
    fn read<R>(&mut self, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        // SAFETY: as in `with_lock`.
        done(unsafe { libc::pthread_rwlock_rdlock(self.lock.get()) })?;
        let seen = look(0);
        self.release()?;
        Ok(Looked { seen, retries: 0 })
    }
}
