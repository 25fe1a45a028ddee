//! Locks made of words in shared memory.

use std::io;
use std::marker::PhantomData;

use super::{Acquired, ContenderId, Cost, Handle, Lock, Looked};
use crate::address::{Address, Endpoint};
use crate::raw_lock::RawLock;
use crate::record::{Group, Substrate, Wait};
use crate::shm::{self, Segment};

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
