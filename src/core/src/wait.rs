//! Wait strategies: what a sender or receiver does while it waits, the same for every shared-memory mechanism.
//!
//! A waiter sleeps at a [`WaitPoint`] in shared memory: a [`Parker`] serves one waiter, an [`EventCount`] many. A
//! [`WaitStrategy`] determines how long a waiter polls before it sleeps, and how it is woken.

pub mod budget;
mod doorbell;
pub mod fence;
#[cfg(loom)]
pub mod model;
mod point;
mod timed;
mod word;

use std::io;

use crate::abort;
use crate::address::Descriptor;
use crate::clock::pause::{Budget, pause};
use crate::record::Wait;

pub use doorbell::Doorbell;
pub use point::{ALL, EventCount, NoWaiters, Parker, WaitPoint};
pub use timed::{TimedWait, WaitLimit};
pub use word::Word;
pub use word::sleep_until_woken;

/// Polls between two checks of the abort flag.
const POLLS_PER_ABORT_CHECK: u32 = 4096;

/// Poll policy: the pauses before and between polls. Polling a cache line that its writer is still fetching delays the
/// writer, so polling less often can see the new value sooner. It counts hints, since the shortest pause is one hint; a
/// pause that means a time is the [`hints`](crate::clock::pause::Budget::hints) of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollPolicy {
    /// Pause hints before the first poll.
    pub before: u32,
    /// Pause hints between polls.
    pub between: u32,
}

impl PollPolicy {
    /// One pause hint before every poll.
    pub const QUICK: Self = Self { before: 1, between: 1 };
}

/// Properties of a wait strategy.
pub trait Strategy: Sized + 'static {
    /// Name in records.
    const WAIT: Wait;
    /// True if a waiter never sleeps and keeps its CPU busy.
    const POLLS: bool;
    /// Number of descriptors that each endpoint of a channel needs.
    const DESCRIPTORS: usize = 0;

    /// Creates what the endpoints of one channel need: the sender's descriptors, then the receiver's.
    fn equip() -> io::Result<[Vec<Descriptor>; 2]> {
        Ok([vec![], vec![]])
    }
    /// Creates the strategy of one endpoint from duplicates of the descriptors that [`equip`](Self::equip) made for it.
    fn attach(descriptors: &[Descriptor]) -> io::Result<Self>;
}

/// Waits at a wait point for a condition that another process makes true.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use ipcmark_core::wait::{Park, Parker, PollPolicy, WaitStrategy};
///
/// let (parker, ready) = (Parker::default(), AtomicBool::new(false));
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         ready.store(true, Ordering::Release);
///         Park.notify(&parker, 1)
///     });
///     let condition = || ready.load(Ordering::Acquire).then_some("woken");
///     assert_eq!(Park.until(&parker, PollPolicy::QUICK, condition).expect("not aborted").0, "woken");
/// });
/// ```
pub trait WaitStrategy<P: WaitPoint>: Strategy {
    /// Polls or sleeps until `ready` returns `Some`; returns that value and the number of polls.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    fn until<R>(&self, point: &P, policy: PollPolicy, ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)>;

    /// Wakes up to `most` waiters. Called after the condition was published.
    fn notify(&self, point: &P, most: u32) -> io::Result<()>;
}

/// Polls with the processor's pause hint; never sleeps.
#[derive(Clone, Copy, Default)]
pub struct Spin;
/// Polls for about [`budget::BEFORE_YIELD`], then yields the CPU between polls; never sleeps.
/// Costs the same as [`Spin`] while there are enough CPUs; otherwise the awaited process gets to run.
#[derive(Clone, Copy, Default)]
pub struct SpinYield;
/// Polls for about [`budget::BEFORE_SLEEP`], then sleeps.
///
/// A process that publishes a message rarely finds a sleeper, and a full fence after every message would wait for the
/// message's own cache line: it made an 8-byte stream seven times slower. So the sleeper executes the fence for both
/// processes with membarrier(2), where the kernel has it.
#[derive(Clone, Copy, Default)]
pub struct Hybrid;
/// Sleeps after one poll.
#[derive(Clone, Copy, Default)]
pub struct Park;

/// Strategies without state.
macro_rules! plain_strategies {
    ($($name:ident: $wait:ident, polls $polls:literal;)*) => {
        $(impl Strategy for $name {
            const WAIT: Wait = Wait::$wait;
            const POLLS: bool = $polls;

            fn attach(_: &[Descriptor]) -> io::Result<Self> {
                Ok($name)
            }
        })*
    };
}

plain_strategies! {
    Spin: Spin, polls true;
    SpinYield: SpinYield, polls true;
    Hybrid: Hybrid, polls false;
    Park: Park, polls false;
}

impl<P: WaitPoint> WaitStrategy<P> for Spin {
    #[inline]
    fn until<R>(&self, _: &P, policy: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        loop {
            if let Some(found) = poll(POLLS_PER_ABORT_CHECK, policy, &mut ready) {
                return Ok(found);
            }
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }

    #[inline]
    fn notify(&self, _: &P, _: u32) -> io::Result<()> {
        Ok(())
    }
}

impl<P: WaitPoint> WaitStrategy<P> for SpinYield {
    #[inline]
    fn until<R>(&self, _: &P, policy: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match poll_within(&budget::BEFORE_YIELD, policy, &mut ready) {
            Ok(found) => Ok(found),
            Err(polls) => yield_until(ready).map(|(result, yields)| (result, polls.saturating_add(yields))),
        }
    }

    #[inline]
    fn notify(&self, _: &P, _: u32) -> io::Result<()> {
        Ok(())
    }
}

impl<P: WaitPoint> WaitStrategy<P> for Hybrid {
    #[inline]
    fn until<R>(&self, point: &P, policy: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match poll_within(&budget::BEFORE_SLEEP, policy, &mut ready) {
            Ok(found) => Ok(found),
            Err(polls) => sleep_until(point, fence::for_rare_sleeper, |ticket| point.sleep(ticket), ready)
                .map(|result| (result, polls)),
        }
    }

    #[inline]
    fn notify(&self, point: &P, most: u32) -> io::Result<()> {
        wake_sleeper(point, fence::before_rare_sleeper, || wake_cold(point, most))
    }
}

impl<P: WaitPoint> WaitStrategy<P> for Park {
    #[inline]
    fn until<R>(&self, point: &P, _: PollPolicy, mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        match ready() {
            Some(result) => Ok((result, 1)),
            None => sleep_until(point, fence::full, |ticket| point.sleep(ticket), ready).map(|result| (result, 1)),
        }
    }

    #[inline]
    fn notify(&self, point: &P, most: u32) -> io::Result<()> {
        wake_sleeper(point, fence::full, || wake_cold(point, most))
    }
}

/// Polls until `ready` or until the pauses between polls fill the budget; the error is the number of polls. What is ready at
/// once does not look the budget up.
#[inline]
fn poll_within<R>(budget: &Budget, policy: PollPolicy, ready: &mut impl FnMut() -> Option<R>) -> Result<(R, u32), u32> {
    pause(policy.before);
    if let Some(result) = ready() {
        return Ok((result, 1));
    }
    let hints_per_poll = policy.between.max(1);
    let (mut polls, mut hints_left) = (1, budget.hints().saturating_sub(hints_per_poll));
    while hints_left > 0 {
        pause(policy.between);
        polls += 1;
        if let Some(result) = ready() {
            return Ok((result, polls));
        }
        hints_left = hints_left.saturating_sub(hints_per_poll);
    }
    Err(polls)
}

#[inline]
fn poll<R>(polls: u32, policy: PollPolicy, ready: &mut impl FnMut() -> Option<R>) -> Option<(R, u32)> {
    pause(policy.before);
    for n in 1..=polls {
        if let Some(result) = ready() {
            return Some((result, n));
        }
        pause(policy.between);
    }
    None
}

/// Each yield is a system call, so the cost of checking the abort flag every time is negligible.
#[cold]
fn yield_until<R>(mut ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
    let mut yields = 0u32;
    loop {
        std::thread::yield_now();
        yields = yields.saturating_add(1);
        if let Some(result) = ready() {
            return Ok((result, yields));
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
}

/// Announces, fences, polls once more, sleeps, and repeats until `ready`. Only the model's mutant passes a weaker
/// `fence`.
#[cold]
pub fn sleep_until<P: WaitPoint, R>(
    point: &P,
    fence: impl Fn(),
    sleep: impl Fn(P::Ticket) -> io::Result<()>,
    mut ready: impl FnMut() -> Option<R>,
) -> io::Result<R> {
    loop {
        let ticket = point.announce();
        // PAIRS: waiter-announced. The announcement is visible before the condition is checked.
        fence();
        if let Some(result) = ready() {
            point.withdraw();
            return Ok(result);
        }
        sleep(ticket)?;
        if let Some(result) = ready() {
            return Ok(result);
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
}

/// Fences, then calls `wake` if a sleeper has announced itself. Only the model's mutant passes a weaker `fence`.
#[inline]
pub fn wake_sleeper(point: &impl WaitPoint, fence: impl Fn(), wake: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // PAIRS: waiter-announced. The condition is visible before the announcement is checked.
    fence();
    if point.has_waiter() { wake() } else { Ok(()) }
}

/// [`WaitPoint::wake`], kept out of the fast path.
#[cold]
pub fn wake_cold(point: &impl WaitPoint, most: u32) -> io::Result<()> {
    point.wake(most)
}
