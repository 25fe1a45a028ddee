//! Locks made of words in shared memory.

use std::io;
use std::marker::PhantomData;

use super::{Acquired, ContenderId, Cost, Handle, Lock, Looked};
use crate::address::{Address, Endpoint};
use crate::record::{Group, Substrate, Wait};
use crate::shm::{self, Segment, SharedLayout};

/// Lock made of words in shared memory. All-zero bytes are a free lock.
pub(crate) trait RawLock: SharedLayout + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Kind of mechanism.
    const GROUP: Group;
    /// How a waiter waits.
    const WAIT: Wait;
    /// True when a waiter keeps its CPU busy.
    const POLLS: bool;
    /// Whether [`try_acquire`](Self::try_acquire) works.
    const TRIES: bool = true;
    /// Whether a release wakes a waiter by a system call of its own.
    const WAKES: bool = false;

    /// Waits for the lock on behalf of contender `me`.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    fn acquire(&self, me: u32) -> io::Result<()>;
    /// Acquires the lock if it is free.
    fn try_acquire(&self, me: u32) -> bool;
    /// Releases the lock that `me` holds.
    fn release(&self, me: u32) -> io::Result<()>;
    /// [`Handle::read`]; under the lock unless the lock distinguishes readers and writers.
    #[inline]
    fn read<R>(&self, me: u32, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        self.acquire(me)?;
        let seen = look(0);
        self.release(me)?;
        Ok(Looked { seen, retries: 0 })
    }
    /// [`Handle::write`]; under the lock.
    #[inline]
    fn write<R>(&self, me: u32, change: impl FnOnce(u32) -> R) -> io::Result<R> {
        self.acquire(me)?;
        let result = change(0);
        self.release(me)?;
        Ok(result)
    }
    /// Declared cost of one acquisition.
    fn cost() -> Cost;
}

/// Lock made of the words `R` in its own segment.
pub struct InMemory<R>(PhantomData<R>);

/// Mapping of the lock.
pub struct Mapped<R> {
    segment: Segment,
    me: u32,
    raw: PhantomData<R>,
}

impl<R: RawLock> Lock for InMemory<R> {
    const SUMMARY: &'static str = R::SUMMARY;
    const GROUP: Group = R::GROUP;
    const WAIT: Option<Wait> = Some(R::WAIT);
    const POLLS: bool = R::POLLS;
    const TRIES: bool = R::TRIES;
    const WAKES: bool = R::WAKES;
    type Handle = Mapped<R>;

    fn create(_: u32) -> io::Result<Address> {
        shm::create(Substrate::Memfd, size_of::<R>())
    }

    fn attach(address: &Address, contender: ContenderId) -> io::Result<Mapped<R>> {
        let segment = Segment::attach(address, Endpoint::Sender, size_of::<R>())?;
        Ok(Mapped { segment, me: contender.index, raw: PhantomData })
    }

    fn cost() -> Cost {
        R::cost()
    }
}

impl<R: RawLock> Handle for Mapped<R> {
    #[inline]
    fn with_lock<T>(&mut self, critical: impl FnOnce(Acquired) -> T) -> io::Result<T> {
        let lock: &R = self.segment.view(0);
        lock.acquire(self.me)?;
        let result = critical(Acquired::default());
        lock.release(self.me)?;
        Ok(result)
    }

    #[inline]
    fn try_lock<T>(&mut self, critical: impl FnOnce(Acquired) -> T) -> io::Result<Option<T>> {
        let lock: &R = self.segment.view(0);
        if !lock.try_acquire(self.me) {
            return Ok(None);
        }
        let result = critical(Acquired::default());
        lock.release(self.me)?;
        Ok(Some(result))
    }
    #[inline]
    fn read<T>(&mut self, look: impl FnMut(u32) -> T) -> io::Result<Looked<T>> {
        self.segment.view::<R>(0).read(self.me, look)
    }

    #[inline]
    fn write<T>(&mut self, change: impl FnOnce(u32) -> T) -> io::Result<T> {
        self.segment.view::<R>(0).write(self.me, change)
    }
}
