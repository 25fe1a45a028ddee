//! Mutexes, condition variables and semaphores of the C library in shared memory.
//!
//! Zero bytes are valid objects for glibc, but private to one process, so whoever comes first makes shared ones of them.
//! Every wait is cut into slices, after each of which the abort word is looked at: a peer that died with the mutex cannot
//! hold the others for good. Source: POSIX.1-2017, process-shared attributes.

use std::cell::UnsafeCell;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::abort;
use crate::shm::SharedLayout;

/// A sleeper looks at the abort word this often.
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Whether objects in shared memory were made yet.
#[repr(transparent)]
struct Made(AtomicU32);

impl Made {
    const NOT_YET: u32 = 0;
    const BEING: u32 = 1;
    const READY: u32 = 2;

    /// Runs `make` unless somebody did. Returns once it was done.
    ///
    /// Errors: those of `make`; `Interrupted` when the trial is called off.
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

/// The error that a call of the pthread family returned.
fn done(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// The end of a slice that begins now.
fn slice_end(clock: ClockId) -> io::Result<libc::timespec> {
    Ok(*(clock_gettime(clock)? + TimeSpec::from(SLEEP_SLICE)).as_ref())
}

/// A mutex, and two conditions that its holders wait for.
#[repr(C, align(64))]
pub(super) struct Monitor {
    made: Made,
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    conditions: [UnsafeCell<libc::pthread_cond_t>; 2],
}

// SAFETY: repr(C); zero means not made yet; what is in the cells is changed by the C library alone, whose own atomics make
// that safe between processes once they were made process-shared.
unsafe impl SharedLayout for Monitor {}

/// One of a monitor's conditions.
#[derive(Clone, Copy)]
pub(super) enum Condition {
    /// There is a message.
    Message,
    /// There is room.
    Room,
}

/// The mutex is held while this lives.
pub(super) struct Held<'a>(&'a Monitor);

impl Monitor {
    /// Makes the objects unless somebody did. To be called before anything else.
    pub(super) fn prepare(&self) -> io::Result<()> {
        self.made.once(|| {
            // SAFETY: all three attribute objects are initialised before they are used and destroyed after; mutex and
            // conditions are mapped, and `once` lets nobody use or make them at the same time.
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

    /// Takes the mutex.
    ///
    /// Errors: `Interrupted` when the trial is called off while it is waited for.
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
            // POSIX measures this limit on the clock of the day, and a step of that clock only changes a slice's length.
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

    /// Wakes one who waits for `condition`. Without holding the mutex, so that he finds it free.
    pub(super) fn signal(&self, condition: Condition) -> io::Result<()> {
        // SAFETY: `prepare` made the condition, and it stays mapped while `self` is borrowed.
        done(unsafe { libc::pthread_cond_signal(self.conditions[condition as usize].get()) })
    }
}

impl Held<'_> {
    /// Lets the mutex go until `condition` was signalled, or for a slice: the caller looks again either way.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    pub(super) fn wait(&self, condition: Condition) -> io::Result<()> {
        let until = slice_end(ClockId::CLOCK_MONOTONIC)?;
        let condition = self.0.conditions[condition as usize].get();
        // SAFETY: `prepare` made both, this thread holds the mutex, and `until` is a valid time of the condition's clock.
        match unsafe { libc::pthread_cond_timedwait(condition, self.0.mutex.get(), &raw const until) } {
            0 => Ok(()),
            libc::ETIMEDOUT if abort::requested() => Err(abort::error()),
            libc::ETIMEDOUT => Ok(()),
            other => Err(io::Error::from_raw_os_error(other)),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex. Unlocking one's own plain mutex has no way to fail.
        unsafe { libc::pthread_mutex_unlock(self.0.mutex.get()) };
    }
}

/// Two counts of permits.
#[repr(C, align(64))]
pub(super) struct Permits {
    made: Made,
    counts: [Count; 2],
}

/// Each side posts one of them and waits for the other, so they lie on pairs of lines of their own.
#[repr(C, align(128))]
struct Count(UnsafeCell<libc::sem_t>);

// SAFETY: repr(C); zero means not made yet; what is in the cells is changed by the C library alone, whose own atomics make
// that safe between processes once they were made process-shared.
unsafe impl SharedLayout for Permits {}

/// One of the two counts.
#[derive(Clone, Copy)]
pub(super) enum Permit {
    /// To fill a slot.
    Free,
    /// To empty one.
    Filled,
}

impl Permits {
    /// Makes the semaphores, with `free` permits to fill a slot, unless somebody did. To be called before anything else.
    pub(super) fn prepare(&self, free: u32) -> io::Result<()> {
        self.made.once(|| {
            for (count, permits) in self.counts.iter().zip([free, 0]) {
                // SAFETY: the semaphore is mapped, and `once` lets nobody use or make it at the same time.
                if unsafe { libc::sem_init(count.0.get(), 1, permits) } != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        })
    }

    /// Takes one permit.
    ///
    /// Errors: `Interrupted` when the trial is called off while it is waited for.
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

    /// Gives one permit.
    pub(super) fn give(&self, permit: Permit) -> io::Result<()> {
        // SAFETY: `prepare` made the semaphore, and it stays mapped while `self` is borrowed.
        match unsafe { libc::sem_post(self.counts[permit as usize].0.get()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
