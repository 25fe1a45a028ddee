//! What a side does when it has nothing to do: an axis of its own, the same for every shared-memory mechanism.
//!
//! A [`Gate`] is a word in shared memory beside the condition it guards. The waiter announces itself, looks once more and
//! sleeps; the other side publishes, then looks whether somebody announced himself. Both put a full fence between their
//! store and their load, so at least one of the two sees the other (Dekker's argument).

pub(crate) mod fence;

use std::io;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(loom))]
use std::time::Duration;

#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, Ordering};

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

/// When a polling side looks. Polling a line that its writer is still fetching delays the writer, so looking less often
/// can mean seeing sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Pause hints before the first poll.
    pub before: u32,
    /// Pause hints between polls.
    pub between: u32,
}

impl Rhythm {
    /// One pause hint before every poll.
    pub const QUICK: Self = Self { before: 1, between: 1 };
}

/// A way to wait for a condition that another process makes true.
pub trait WaitStrategy: 'static {
    /// Its name in records.
    const WAIT: Wait;
    /// True when a waiting side keeps its CPU busy without end.
    const POLLS: bool;

    /// Returns the first `Some` of `ready`, and how many polls it took.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    fn until<R>(gate: &Gate, rhythm: Rhythm, ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)>;

    /// Runs after the condition was published.
    fn notify(gate: &Gate) -> io::Result<()>;
}

/// Polls with the processor's pause hint; never sleeps.
pub struct Spin;
/// Polls for about [`Hybrid::PAUSES_BEFORE_SLEEP`] pause hints, then sleeps.
///
/// A side that publishes a message hardly ever finds a sleeper, and a full fence after every message would wait each time
/// for the message's own line to arrive: it made an 8-byte stream seven times slower. So the rare sleeper pays for both,
/// with membarrier(2), where the kernel has it.
pub struct Hybrid;
/// Sleeps after one look.
pub struct Park;

impl Hybrid {
    /// About the cost of one sleep and wake, so that waiting costs at most twice the better choice
    /// (the classical competitive bound: Karlin, Manasse, Rudolph, Sleator 1988).
    pub const PAUSES_BEFORE_SLEEP: u32 = 512;
}

impl WaitStrategy for Spin {
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;

    #[inline]
    fn until<R>(_: &Gate, rhythm: Rhythm, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        loop {
            if let Some(found) = poll(POLLS_PER_ABORT_CHECK, rhythm, &mut ready) {
                return Ok(found);
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
    fn until<R>(gate: &Gate, rhythm: Rhythm, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        let polls = Self::PAUSES_BEFORE_SLEEP / rhythm.between.max(1);
        match poll(polls, rhythm, &mut ready) {
            Some(found) => Ok(found),
            None => sleep_until(gate, fence::for_rare_sleeper, ready).map(|result| (result, polls)),
        }
    }

    #[inline]
    fn notify(gate: &Gate) -> io::Result<()> {
        wake_sleeper(gate, fence::before_rare_sleeper)
    }
}

impl WaitStrategy for Park {
    const WAIT: Wait = Wait::Park;
    const POLLS: bool = false;

    #[inline]
    fn until<R>(gate: &Gate, _: Rhythm, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match ready() {
            Some(result) => Ok((result, 1)),
            None => sleep_until(gate, fence::full, ready).map(|result| (result, 1)),
        }
    }

    #[inline]
    fn notify(gate: &Gate) -> io::Result<()> {
        wake_sleeper(gate, fence::full)
    }
}

#[inline]
fn poll<R>(polls: u32, rhythm: Rhythm, ready: &mut impl FnMut() -> Option<R>) -> Option<(R, u32)> {
    pause(rhythm.before);
    for n in 1..=polls {
        if let Some(result) = ready() {
            return Some((result, n));
        }
        pause(rhythm.between);
    }
    None
}

#[inline]
fn pause(hints: u32) {
    for _ in 0..hints {
        std::hint::spin_loop();
    }
}

/// `fence` is a weaker one only in the model's mutant.
#[cold]
pub(crate) fn sleep_until<R>(gate: &Gate, fence: impl Fn(), mut ready: impl FnMut() -> Option<R>) -> io::Result<R> {
    loop {
        gate.0.store(1, Ordering::Relaxed);
        // PAIRS: gate-announced. The announcement is visible before the condition is looked at.
        fence();
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
pub(crate) fn wake_sleeper(gate: &Gate, fence: impl Fn()) -> io::Result<()> {
    // PAIRS: gate-announced. The condition is visible before the announcement is looked at.
    fence();
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
