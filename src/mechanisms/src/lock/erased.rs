//! Type-erased locks, for code outside timed loops: it is compiled once instead of once for each lock.

use std::io;

use super::{Acquired, ContenderId, Cost, Entry, Guard, Handle, Lock, Looked, rows};
use crate::address::Address;
use crate::record::Measure;

/// Properties of a lock, and how to create one.
#[derive(Clone)]
pub struct AnyLock {
    /// [`Lock::GUARD`].
    pub guard: Guard,
    /// [`Lock::MEASURES`].
    pub measures: &'static [Measure],
    /// [`Lock::POLLS`].
    pub polls: bool,
    /// [`Lock::TRIES`].
    pub tries: bool,
    /// [`Lock::cost`].
    pub cost: Cost,
    /// [`Lock::unavailable`].
    pub unavailable: fn() -> Option<String>,
    create: fn(u32) -> io::Result<Address>,
    attach: fn(&Address, ContenderId) -> io::Result<AnyHandle>,
}

impl AnyLock {
    /// The lock `L`.
    pub fn of<L: Lock>() -> Self {
        Self {
            guard: L::GUARD,
            measures: L::MEASURES,
            polls: L::POLLS,
            tries: L::TRIES,
            cost: L::cost(),
            unavailable: L::unavailable,
            create: L::create,
            attach: |address, contender| L::attach(address, contender).map(AnyHandle::new),
        }
    }

    /// The lock of this row.
    ///
    /// ```
    /// use ipcmark_mechanisms::lock::erased::AnyLock;
    /// use ipcmark_mechanisms::lock::{ContenderId, Handle};
    ///
    /// let lock = AnyLock::named("futex-mutex/park").expect("a row of this name");
    /// let address = lock.create(1).expect("created");
    /// let mut handle = lock.attach(&address, ContenderId { index: 0, contenders: 1 }).expect("attached");
    /// assert_eq!(handle.with_lock(|_| 7).expect("a free lock"), 7);
    /// assert!(AnyLock::named("no-such-lock").is_none());
    /// ```
    pub fn named(row: &str) -> Option<Self> {
        rows().into_iter().find(|(name, _)| *name == row).map(|(_, lock)| lock)
    }

    /// [`Lock::create`].
    pub fn create(&self, holders: u32) -> io::Result<Address> {
        (self.create)(holders)
    }

    /// [`Lock::attach`].
    pub fn attach(&self, address: &Address, contender: ContenderId) -> io::Result<AnyHandle> {
        (self.attach)(address, contender)
    }
}

impl Entry for AnyLock {
    fn of<L: Lock>() -> Self {
        Self::of::<L>()
    }
}

/// Handle of a lock of any type.
pub struct AnyHandle(Box<dyn Erased>);

impl AnyHandle {
    /// Erases the type of `holder`.
    pub fn new(holder: impl Handle + 'static) -> Self {
        Self(Box::new(holder))
    }
}

/// [`Handle`] with closures that are called through a pointer and return nothing.
trait Erased {
    fn with_lock_any(&mut self, critical: &mut dyn FnMut(Acquired)) -> io::Result<()>;
    fn try_lock_any(&mut self, critical: &mut dyn FnMut(Acquired)) -> io::Result<Option<()>>;
    fn read_any(&mut self, look: &mut dyn FnMut(u32)) -> io::Result<Looked<()>>;
    fn write_any(&mut self, change: &mut dyn FnMut(u32)) -> io::Result<()>;
}

impl<H: Handle> Erased for H {
    fn with_lock_any(&mut self, critical: &mut dyn FnMut(Acquired)) -> io::Result<()> {
        Handle::with_lock(self, critical)
    }

    fn try_lock_any(&mut self, critical: &mut dyn FnMut(Acquired)) -> io::Result<Option<()>> {
        Handle::try_lock(self, critical)
    }

    fn read_any(&mut self, look: &mut dyn FnMut(u32)) -> io::Result<Looked<()>> {
        Handle::read(self, look)
    }

    fn write_any(&mut self, change: &mut dyn FnMut(u32)) -> io::Result<()> {
        Handle::write(self, change)
    }
}

impl Handle for AnyHandle {
    fn with_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<R> {
        let mut once = Once::new(critical);
        self.0.with_lock_any(&mut |acquired| once.call(acquired))?;
        Ok(once.result())
    }

    fn try_lock<R>(&mut self, critical: impl FnOnce(Acquired) -> R) -> io::Result<Option<R>> {
        let mut once = Once::new(critical);
        let granted = self.0.try_lock_any(&mut |acquired| once.call(acquired))?;
        Ok(granted.map(|()| once.result()))
    }

    fn read<R>(&mut self, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let mut last = None;
        let Looked { retries, .. } = self.0.read_any(&mut |copy| last = Some(look(copy)))?;
        Ok(Looked { seen: last.expect("a successful read has called `look`"), retries })
    }

    fn write<R>(&mut self, change: impl FnOnce(u32) -> R) -> io::Result<R> {
        let mut once = Once::new(change);
        self.0.write_any(&mut |copy| once.call(copy))?;
        Ok(once.result())
    }
}

/// Closure that is called once, behind an interface that could call it repeatedly.
struct Once<F, R> {
    closure: Option<F>,
    result: Option<R>,
}

impl<F, R> Once<F, R> {
    fn new(closure: F) -> Self {
        Self { closure: Some(closure), result: None }
    }

    fn call<A>(&mut self, argument: A)
    where
        F: FnOnce(A) -> R,
    {
        let closure = self.closure.take().expect("a lock runs its critical section once");
        self.result = Some(closure(argument));
    }

    fn result(self) -> R {
        self.result.expect("a granted lock has run its critical section")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_erased_lock_does_the_same() {
        let lock = AnyLock::named("ttas/spin").expect("a row");
        let address = lock.create(2).expect("created");
        let [mut first, mut second] =
            [0, 1].map(|index| lock.attach(&address, ContenderId { index, contenders: 2 }).expect("attached"));
        let refused = first.with_lock(|_| second.try_lock(|_| 7).expect("a result")).expect("acquired");
        assert_eq!(refused, None);
        assert_eq!(second.try_lock(|_| 7).expect("a result"), Some(7));
        assert_eq!(first.write(|copy| copy).expect("written"), 0);
        assert_eq!(first.read(|copy| copy + 1).expect("read"), Looked { seen: 1, retries: 0 });
    }
}
