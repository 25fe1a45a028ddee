//! What a side does when it has nothing to do: an axis of its own, the same for every shared-memory mechanism.
//!
//! A [`Gate`] is a word in shared memory beside the condition it guards. The waiter announces itself, looks once more and
//! sleeps; the other side publishes, then looks whether somebody announced himself. Both put a full fence between their
//! store and their load, so at least one of the two sees the other (Dekker's argument).

use std::io;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, Ordering, fence};
#[cfg(not(loom))]
use std::time::Duration;

#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering, fence};

use crate::abort;
#[cfg(not(loom))]
use crate::futex;
use crate::record::Wait;

/// Polls between two looks at the abort word.
const POLLS_PER_ABORT_CHECK: u32 = 4096;
/// A sleeper looks at the abort word this often.
#[cfg(not(loom))]
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Where one waiter sleeps: 0 nobody, 1 somebody.
#[cfg(not(loom))]
#[repr(C, align(64))]
#[derive(Default)]
pub struct Gate(AtomicU32);

#[cfg(not(loom))]
impl Gate {
    /// Sleeps while somebody is announced.
    fn sleep(&self) -> io::Result<()> {
        futex::wait(&self.0, 1, SLEEP_SLICE)
    }

    fn wake(&self) -> io::Result<()> {
        futex::wake(&self.0, 1)
    }
}

/// The model's gate: a futex made of a lock and a condition variable, and no time limit that could hide a lost wake-up.
#[cfg(loom)]
#[derive(Default)]
pub struct Gate(AtomicU32, loom::sync::Mutex<()>, loom::sync::Condvar);

#[cfg(loom)]
impl Gate {
    fn sleep(&self) -> io::Result<()> {
        let guard = self.1.lock().expect("no model panics while it holds this");
        if self.0.load(Ordering::Relaxed) == 1 {
            drop(self.2.wait(guard));
        }
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        drop(self.1.lock());
        self.2.notify_one();
        Ok(())
    }
}

/// A way to wait for a condition that another process makes true.
pub trait WaitStrategy: 'static {
    /// Its name in records.
    const WAIT: Wait;
    /// True when a waiting side keeps its CPU busy without end.
    const POLLS: bool;

    /// Returns the first `Some` of `ready`. `pauses` is how many pause hints to give between two polls: more than one
    /// leaves the other side time to finish a batch.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    fn until<R>(gate: &Gate, pauses: u32, ready: impl FnMut() -> Option<R>) -> io::Result<R>;

    /// Runs after the condition was published.
    fn notify(gate: &Gate) -> io::Result<()>;
}

/// Polls with the processor's pause hint; never sleeps.
pub struct Spin;
/// Polls [`Hybrid::POLLS_BEFORE_SLEEP`] times, then sleeps.
pub struct Hybrid;
/// Sleeps after one look.
pub struct Park;

impl Hybrid {
    /// About the cost of one sleep and wake in polls, so that waiting costs at most twice the better choice
    /// (the classical competitive bound: Karlin, Manasse, Rudolph, Sleator 1988).
    pub const POLLS_BEFORE_SLEEP: u32 = 512;
}

impl WaitStrategy for Spin {
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;

    #[inline]
    fn until<R>(_: &Gate, pauses: u32, mut ready: impl FnMut() -> Option<R>) -> io::Result<R> {
        loop {
            if let Some(result) = poll(POLLS_PER_ABORT_CHECK, pauses, &mut ready) {
                return Ok(result);
            }
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }

    #[inline]
    fn notify(_: &Gate) -> io::Result<()> {
        Ok(())
    }
}

impl WaitStrategy for Hybrid {
    const WAIT: Wait = Wait::Hybrid;
    const POLLS: bool = false;

    #[inline]
    fn until<R>(gate: &Gate, pauses: u32, mut ready: impl FnMut() -> Option<R>) -> io::Result<R> {
        match poll(Self::POLLS_BEFORE_SLEEP, pauses, &mut ready) {
            Some(result) => Ok(result),
            None => sleep_until::<true, R>(gate, ready),
        }
    }

    #[inline]
    fn notify(gate: &Gate) -> io::Result<()> {
        wake_sleeper::<true>(gate)
    }
}

impl WaitStrategy for Park {
    const WAIT: Wait = Wait::Park;
    const POLLS: bool = false;

    #[inline]
    fn until<R>(gate: &Gate, _: u32, mut ready: impl FnMut() -> Option<R>) -> io::Result<R> {
        match ready() {
            Some(result) => Ok(result),
            None => sleep_until::<true, R>(gate, ready),
        }
    }

    #[inline]
    fn notify(gate: &Gate) -> io::Result<()> {
        wake_sleeper::<true>(gate)
    }
}

#[inline]
fn poll<R>(polls: u32, pauses: u32, ready: &mut impl FnMut() -> Option<R>) -> Option<R> {
    for _ in 0..polls {
        if let Some(result) = ready() {
            return Some(result);
        }
        for _ in 0..pauses {
            std::hint::spin_loop();
        }
    }
    None
}

/// `FENCED` is false only in the model's mutant.
#[cold]
pub(crate) fn sleep_until<const FENCED: bool, R>(gate: &Gate, mut ready: impl FnMut() -> Option<R>) -> io::Result<R> {
    loop {
        gate.0.store(1, Ordering::Relaxed);
        // PAIRS: gate-announced. The announcement is visible before the condition is looked at.
        if FENCED {
            fence(Ordering::SeqCst);
        }
        if let Some(result) = ready() {
            gate.0.store(0, Ordering::Relaxed);
            return Ok(result);
        }
        gate.sleep()?;
        if let Some(result) = ready() {
            // Not taken back here after a wake: the waker already reset it, and a stale 1 costs one extra wake at most.
            return Ok(result);
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
}

#[inline]
pub(crate) fn wake_sleeper<const FENCED: bool>(gate: &Gate) -> io::Result<()> {
    // PAIRS: gate-announced. The condition is visible before the announcement is looked at.
    if FENCED {
        fence(Ordering::SeqCst);
    }
    if gate.0.load(Ordering::Relaxed) != 0 {
        return wake_cold(gate);
    }
    Ok(())
}

#[cold]
fn wake_cold(gate: &Gate) -> io::Result<()> {
    gate.0.store(0, Ordering::Relaxed);
    gate.wake()
}
