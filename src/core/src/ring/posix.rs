//! Mutexes, condition variables and semaphores of the C library in shared memory.
//!
//! Zero bytes are valid objects for glibc, but process-private, so the first process initialises them as
//! process-shared. Each wait is split into slices and checks the abort flag after each: a peer that died with the mutex
//! cannot block the others for good. Source: POSIX.1-2017, process-shared attributes.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::abort;
use crate::shm::SharedLayout;

/// Interval at which a sleeper checks the abort flag.
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Initialisation state of objects in shared memory.
#[repr(transparent)]
struct Made(AtomicU32);

impl Made {
    const NOT_YET: u32 = 0;
    const BEING: u32 = 1;
    const READY: u32 = 2;

    /// Runs `make` unless it already ran in some process. Returns once it has completed.
    ///
    /// Errors: those of `make`; `Interrupted` when the trial is aborted.
    fn once(&self, make: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        loop {
            // PAIRS: posix-made
            match self.0.compare_exchange(Self::NOT_YET, Self::BEING, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => {
                    let made = make();
                    // PAIRS: posix-made
                    self.0.store(if made.is_ok() { Self::READY } else { Self::NOT_YET }, Ordering::Release);
                    return made;
                }
                Err(Self::READY) => return Ok(()),
                Err(_) if abort::requested() => return Err(abort::error()),
                Err(_) => std::thread::yield_now(),
            }
        }
    }
}

/// Converts the return code of a pthread function.
fn done(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// End of a slice that starts now.
fn slice_end(clock: ClockId) -> io::Result<libc::timespec> {
    Ok(*(clock_gettime(clock)? + TimeSpec::from(SLEEP_SLICE)).as_ref())
}

/// Mutex with two condition variables.
#[repr(C, align(64))]
pub(super) struct Monitor {
    made: Made,
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    conditions: [UnsafeCell<libc::pthread_cond_t>; 2],
    /// Waiters by condition, counted under the mutex. A killed one stays counted, which costs needless signals only.
    waiters: [AtomicU32; 2],
}

// SAFETY: repr(C); zero means not initialised; the cells are changed by the C library alone, whose atomics make that
// safe between processes once the objects are process-shared.
unsafe impl SharedLayout for Monitor {}

/// Condition variable of a monitor.
#[derive(Clone, Copy)]
pub(super) enum Condition {
    /// A message is available.
    Message,
    /// Space is available.
    Room,
}

/// Guard of a locked monitor.
pub(super) struct Held<'a>(&'a Monitor);

impl Monitor {
    /// Initialises the objects unless another process did. Must be called first.
    pub(super) fn prepare(&self) -> io::Result<()> {
        self.made.once(|| {
            // SAFETY: all three attribute objects are initialised before they are used and destroyed after; mutex and
            // conditions are mapped, and `once` excludes concurrent use and initialisation.
            unsafe {
                let mut shared = std::mem::zeroed::<libc::pthread_mutexattr_t>();
                done(libc::pthread_mutexattr_init(&raw mut shared))?;
                done(libc::pthread_mutexattr_setpshared(&raw mut shared, libc::PTHREAD_PROCESS_SHARED))?;
                done(libc::pthread_mutex_init(self.mutex.get(), &raw const shared))?;
                done(libc::pthread_mutexattr_destroy(&raw mut shared))?;
                let mut shared = std::mem::zeroed::<libc::pthread_condattr_t>();
                done(libc::pthread_condattr_init(&raw mut shared))?;
                done(libc::pthread_condattr_setpshared(&raw mut shared, libc::PTHREAD_PROCESS_SHARED))?;
                done(libc::pthread_condattr_setclock(&raw mut shared, libc::CLOCK_MONOTONIC))?;
                for condition in &self.conditions {
                    done(libc::pthread_cond_init(condition.get(), &raw const shared))?;
                }
                done(libc::pthread_condattr_destroy(&raw mut shared))
            }
        })
    }

    /// Locks the mutex.
    ///
    /// Errors: `Interrupted` when the trial is aborted during the wait.
    pub(super) fn lock(&self) -> io::Result<Held<'_>> {
        // SAFETY: `prepare` made the mutex, and it stays mapped while `self` is borrowed.
        match unsafe { libc::pthread_mutex_trylock(self.mutex.get()) } {
            0 => Ok(Held(self)),
            libc::EBUSY => self.lock_contended(),
            other => Err(io::Error::from_raw_os_error(other)),
        }
    }

    #[cold]
    fn lock_contended(&self) -> io::Result<Held<'_>> {
        loop {
            // POSIX measures this limit on CLOCK_REALTIME; a step of that clock only changes the slice's length.
            let until = slice_end(ClockId::CLOCK_REALTIME)?;
            // SAFETY: as in `lock`; `until` is a valid time.
            match unsafe { libc::pthread_mutex_timedlock(self.mutex.get(), &raw const until) } {
                0 => return Ok(Held(self)),
                libc::ETIMEDOUT if abort::requested() => return Err(abort::error()),
                libc::ETIMEDOUT => {}
                other => return Err(io::Error::from_raw_os_error(other)),
            }
        }
    }

    /// Wakes one waiter of `condition`. Called without the mutex, so that the waiter finds it free.
    pub(super) fn signal(&self, condition: Condition) -> io::Result<()> {
        // SAFETY: `prepare` made the condition, and it stays mapped while `self` is borrowed.
        done(unsafe { libc::pthread_cond_signal(self.conditions[condition as usize].get()) })
    }
}

impl Held<'_> {
    /// Releases the mutex until `condition` is signalled or a slice has passed; the caller checks its condition either
    /// way.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    pub(super) fn wait(&self, condition: Condition) -> io::Result<()> {
        let until = slice_end(ClockId::CLOCK_MONOTONIC)?;
        let waiters = &self.0.waiters[condition as usize];
        waiters.fetch_add(1, Ordering::Relaxed);
        let condition = self.0.conditions[condition as usize].get();
        // SAFETY: `prepare` made both, this thread holds the mutex, and `until` is a valid time of the condition's
        // clock.
        let code = unsafe { libc::pthread_cond_timedwait(condition, self.0.mutex.get(), &raw const until) };
        waiters.fetch_sub(1, Ordering::Relaxed);
        match code {
            0 => Ok(()),
            libc::ETIMEDOUT if abort::requested() => Err(abort::error()),
            libc::ETIMEDOUT => Ok(()),
            other => Err(io::Error::from_raw_os_error(other)),
        }
    }

    /// Whether an endpoint waits on `condition`.
    pub(super) fn has_waiter(&self, condition: Condition) -> bool {
        self.0.waiters[condition as usize].load(Ordering::Relaxed) > 0
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex; unlocking a held plain mutex cannot fail.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.get()) };
    }
}

/// Two counting semaphores.
#[repr(C, align(64))]
pub(super) struct Permits {
    made: Made,
    counts: [Count; 2],
}

/// One semaphore, on a separate pair of cache lines: each side posts one and waits for the other.
#[repr(C, align(128))]
struct Count(UnsafeCell<libc::sem_t>);

// SAFETY: repr(C); zero means not initialised; the cells are changed by the C library alone, whose atomics make that
// safe between processes once the objects are process-shared.
unsafe impl SharedLayout for Permits {}

/// Selects a semaphore.
#[derive(Clone, Copy)]
pub(super) enum Permit {
    /// Counts free slots.
    Free,
    /// Counts filled slots.
    Filled,
}

impl Permits {
    /// Initialises the semaphores with `free` free slots unless another process did. Must be called first.
    pub(super) fn prepare(&self, free: u32) -> io::Result<()> {
        self.made.once(|| {
            for (count, permits) in self.counts.iter().zip([free, 0]) {
                // SAFETY: the semaphore is mapped, and `once` excludes concurrent use and initialisation.
                if unsafe { libc::sem_init(count.0.get(), 1, permits) } != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        })
    }

    /// Decrements a semaphore; waits while it is 0.
    ///
    /// Errors: `Interrupted` when the trial is aborted during the wait.
    pub(super) fn take(&self, permit: Permit) -> io::Result<()> {
        // SAFETY: `prepare` made the semaphore, and it stays mapped while `self` is borrowed.
        match unsafe { libc::sem_trywait(self.counts[permit as usize].0.get()) } {
            0 => Ok(()),
            _ => self.await_permit(permit),
        }
    }

    #[cold]
    fn await_permit(&self, permit: Permit) -> io::Result<()> {
        loop {
            let until = slice_end(ClockId::CLOCK_REALTIME)?;
            // SAFETY: as in `take`; `until` is a valid time.
            if unsafe { libc::sem_timedwait(self.counts[permit as usize].0.get(), &raw const until) } == 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::ETIMEDOUT | libc::EINTR) if abort::requested() => return Err(abort::error()),
                Some(libc::ETIMEDOUT | libc::EINTR) => {}
                _ => return Err(error),
            }
        }
    }

    /// Increments a semaphore.
    pub(super) fn give(&self, permit: Permit) -> io::Result<()> {
        // SAFETY: `prepare` made the semaphore, and it stays mapped while `self` is borrowed.
        match unsafe { libc::sem_post(self.counts[permit as usize].0.get()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
