//! Locks that the kernel keeps: one system call acquires, another releases, and a waiter sleeps in the first.

use std::io;
use std::marker::PhantomData;

use super::{Acquired, ContenderId, Cost, Handle, Lock, MEASURES};
use crate::abort;
use crate::address::Address;
use crate::record::{Group, Isolation, Measure, Wait};

/// One contender's handle of a lock that is acquired and released by calls.
pub(super) trait Calls: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Kind of mechanism.
    const GROUP: Group;
    /// Measures it supports.
    const MEASURES: &'static [Measure] = MEASURES;
    /// Isolations it supports; the first is the default.
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    /// How a waiter waits.
    const WAIT: Wait = Wait::Block;

    /// Why it is unavailable on this machine.
    fn unavailable() -> Option<String> {
        None
    }
    /// Creates the lock, free.
    fn create() -> io::Result<Address>;
    /// Opens this contender's handle.
    fn attach(address: &Address) -> io::Result<Self>;
    /// Waits for the lock. A wait inside the kernel ends when the lock is free, or with the process.
    fn acquire(&self) -> io::Result<()>;
    /// Acquires the lock if it is free.
    fn try_acquire(&self) -> io::Result<bool>;
    /// Releases the lock; the same call wakes a waiter.
    fn release(&self) -> io::Result<()>;
    /// Declared cost of one acquisition.
    fn cost() -> Cost;
}

/// Lock made of the calls of `C`.
pub struct Called<C>(PhantomData<C>);

/// One contender's handle.
pub struct Caller<C>(C);

impl<C: Calls> Lock for Called<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const GROUP: Group = C::GROUP;
    const MEASURES: &'static [Measure] = C::MEASURES;
    const ISOLATIONS: &'static [Isolation] = C::ISOLATIONS;
    const WAIT: Option<Wait> = Some(C::WAIT);
    type Handle = Caller<C>;

    fn unavailable() -> Option<String> {
        C::unavailable()
    }

    fn create(_: u32) -> io::Result<Address> {
        C::create()
    }

    fn attach(address: &Address, _: ContenderId) -> io::Result<Caller<C>> {
        C::attach(address).map(Caller)
    }

    fn cost() -> Cost {
        C::cost()
    }
}

impl<C: Calls> Handle for Caller<C> {
    #[inline]
    fn with_lock<T>(&mut self, critical: impl FnOnce(Acquired) -> T) -> io::Result<T> {
        self.0.acquire()?;
        let result = critical(Acquired::default());
        self.0.release()?;
        Ok(result)
    }

    #[inline]
    fn try_lock<T>(&mut self, critical: impl FnOnce(Acquired) -> T) -> io::Result<Option<T>> {
        if !self.0.try_acquire()? {
            return Ok(None);
        }
        let result = critical(Acquired::default());
        self.0.release()?;
        Ok(Some(result))
    }
}

/// Repeats a blocking call that a signal interrupted.
///
/// Errors: `Interrupted` if the trial was aborted meanwhile; those of the call.
#[inline]
pub(super) fn retry_on_eintr<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(signal) if signal.kind() == io::ErrorKind::Interrupted && !abort::requested() => {}
            other => return other,
        }
    }
}

/// True if the call acquired the lock, false if it would have blocked.
#[inline]
pub(super) fn granted(called: io::Result<()>) -> io::Result<bool> {
    match called {
        Ok(()) => Ok(true),
        Err(taken) if taken.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    const CONTENDERS: u32 = 4;
    const EACH: u64 = 200;

    /// Checks a lock between threads: one holder at a time; a try fails while the lock is held and succeeds afterwards.
    pub(in crate::lock) fn excludes<C: Calls + Send>() {
        let address = C::create().expect("a lock");
        let attach =
            |index| Called::<C>::attach(&address, ContenderId { index, contenders: CONTENDERS }).expect("attached");
        let (mut one, mut other) = (attach(0), attach(1));
        let within = one.with_lock(|_| other.try_lock(|_| ()).expect("a result")).expect("acquired");
        assert_eq!(within, None, "a held lock is not granted");
        assert_eq!(other.try_lock(|_| 7).expect("a result"), Some(7), "a free lock is granted");

        let count = AtomicU64::new(0);
        thread::scope(|scope| {
            for index in 0..CONTENDERS {
                let (mut holder, count) = (attach(index), &count);
                scope.spawn(move || {
                    for _ in 0..EACH {
                        let add = |_| count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                        holder.with_lock(add).expect("acquired");
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), u64::from(CONTENDERS) * EACH);
    }
}
