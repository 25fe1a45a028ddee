//! Waits with a time limit, for bounded queues with time-outs. Only for strategies that sleep; a polling caller could
//! read the clock instead.

use std::io;
use std::time::Duration;

use super::{Hybrid, Park, PollPolicy, WaitPoint, WaitStrategy, budget, fence, poll_within};
use crate::{abort, clock};

/// Longest blocking call between two checks of the abort flag.
const SLICE: Duration = Duration::from_millis(50);

/// Time limit of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitLimit {
    /// Does not wait.
    Never,
    /// Waits until this time of the monotonic clock, in nanoseconds.
    Until(u64),
    /// Waits without limit.
    Forever,
}

impl WaitLimit {
    /// Limit of `time` from now.
    pub fn after(time: Duration) -> Self {
        Self::Until(clock::now_ns().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Duration of the next blocking call; `None` when the limit has passed.
    ///
    /// Errors: `Interrupted` when the trial was aborted.
    pub fn slice(self) -> io::Result<Option<Duration>> {
        if self == Self::Never {
            return Ok(None);
        }
        if abort::requested() {
            return Err(abort::error());
        }
        let left_ns = match self {
            Self::Until(moment_ns) => moment_ns.saturating_sub(clock::now_ns()),
            Self::Never | Self::Forever => u64::MAX,
        };
        Ok((left_ns > 0).then(|| Duration::from_nanos(left_ns).min(SLICE)))
    }

    /// Calls `attempt` once without waiting, then repeatedly with the duration that it may wait, until it returns
    /// `Some` or the limit has passed. Never gives up before the limit.
    ///
    /// Errors: those of `attempt`; `Interrupted` when the trial was aborted.
    ///
    /// ```
    /// use ipcmark_core::wait::WaitLimit;
    ///
    /// let mut attempts = 0;
    /// let third = WaitLimit::Forever.retry(|_| {
    ///     attempts += 1;
    ///     Ok((attempts == 3).then_some(attempts))
    /// });
    /// assert_eq!(third.expect("not aborted"), Some(3));
    /// ```
    #[inline]
    pub fn retry<R>(self, mut attempt: impl FnMut(Option<Duration>) -> io::Result<Option<R>>) -> io::Result<Option<R>> {
        match attempt(None)? {
            Some(done) => Ok(Some(done)),
            None => self.retry_waiting(attempt),
        }
    }

    #[cold]
    fn retry_waiting<R>(
        self,
        mut attempt: impl FnMut(Option<Duration>) -> io::Result<Option<R>>,
    ) -> io::Result<Option<R>> {
        while let Some(length) = self.slice()? {
            if let Some(done) = attempt(Some(length))? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }
}

/// Wait strategy with a time limit.
pub trait TimedWait<P: WaitPoint>: WaitStrategy<P> {
    /// Polls or sleeps until `ready` returns `Some`; returns that value and the number of polls, or `None` once the
    /// monotonic clock has reached `moment_ns`. A timed-out waiter loses no wake-up: it checks once more after its
    /// sleep.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    fn until_moment<R>(
        &self,
        point: &P,
        policy: PollPolicy,
        moment_ns: u64,
        ready: impl FnMut() -> Option<R>,
    ) -> io::Result<Option<(R, u32)>>;

    /// Waits as long as `wait_limit` allows.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    #[inline]
    fn within<R>(
        &self,
        point: &P,
        policy: PollPolicy,
        wait_limit: WaitLimit,
        mut ready: impl FnMut() -> Option<R>,
    ) -> io::Result<Option<(R, u32)>> {
        match wait_limit {
            WaitLimit::Never => Ok(ready().map(|found| (found, 1))),
            WaitLimit::Until(moment_ns) => self.until_moment(point, policy, moment_ns, ready),
            WaitLimit::Forever => self.until(point, policy, ready).map(Some),
        }
    }
}

impl<P: WaitPoint> TimedWait<P> for Park {
    #[inline]
    fn until_moment<R>(
        &self,
        point: &P,
        _: PollPolicy,
        moment_ns: u64,
        mut ready: impl FnMut() -> Option<R>,
    ) -> io::Result<Option<(R, u32)>> {
        match ready() {
            Some(found) => Ok(Some((found, 1))),
            None => sleep_until_moment(point, fence::full, moment_ns, ready).map(|found| Some((found?, 1))),
        }
    }
}

impl<P: WaitPoint> TimedWait<P> for Hybrid {
    #[inline]
    fn until_moment<R>(
        &self,
        point: &P,
        policy: PollPolicy,
        moment_ns: u64,
        mut ready: impl FnMut() -> Option<R>,
    ) -> io::Result<Option<(R, u32)>> {
        let polls = match poll_within(&budget::BEFORE_SLEEP, policy, &mut ready) {
            Ok(found) => return Ok(Some(found)),
            Err(polls) => polls,
        };
        let found = sleep_until_moment(point, fence::for_rare_sleeper, moment_ns, ready)?;
        Ok(found.map(|found| (found, polls)))
    }
}

/// Like [`sleep_until`](super::sleep_until), with a time limit.
#[cold]
fn sleep_until_moment<P: WaitPoint, R>(
    point: &P,
    fence: impl Fn(),
    moment_ns: u64,
    mut ready: impl FnMut() -> Option<R>,
) -> io::Result<Option<R>> {
    loop {
        let ticket = point.announce();
        // PAIRS: waiter-announced. The announcement is visible before the condition is checked.
        fence();
        if let Some(found) = ready() {
            point.withdraw();
            return Ok(Some(found));
        }
        point.sleep_for(ticket, Duration::from_nanos(moment_ns.saturating_sub(clock::now_ns())))?;
        if let Some(found) = ready() {
            return Ok(Some(found));
        }
        if abort::requested() {
            return Err(abort::error());
        }
        if clock::now_ns() >= moment_ns {
            return Ok(None);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use crate::wait::EventCount;

    fn gives_up_at_its_time(wait: &impl TimedWait<EventCount>) {
        let point = EventCount::default();
        let moment_ns = clock::now_ns() + 2_000_000;
        let found =
            wait.until_moment(&point, PollPolicy::QUICK, moment_ns, || None::<()>).expect("no trial is aborted");
        assert!(found.is_none() && clock::now_ns() >= moment_ns && !point.has_waiter());
    }

    fn is_woken_before_its_time(wait: &(impl TimedWait<EventCount> + Sync)) {
        let (point, come) = (EventCount::default(), AtomicBool::new(false));
        let ready = || come.load(Ordering::Acquire).then_some(7);
        let found = thread::scope(|scope| {
            scope.spawn(|| {
                while !point.has_waiter() {
                    thread::yield_now();
                }
                come.store(true, Ordering::Release);
                wait.notify(&point, 1).expect("a futex can be woken");
            });
            wait.within(&point, PollPolicy::QUICK, WaitLimit::after(Duration::from_secs(60)), ready)
        });
        assert_eq!(found.expect("no trial is aborted").map(|(seven, _)| seven), Some(7));
    }

    #[test]
    fn sleepers_give_up_at_their_time_and_are_woken_before() {
        gives_up_at_its_time(&Park);
        gives_up_at_its_time(&Hybrid);
        is_woken_before_its_time(&Park);
        is_woken_before_its_time(&Hybrid);
    }

    #[test]
    fn a_successful_attempt_ends_the_wait() {
        let mut tries = 0;
        let found = WaitLimit::Forever.retry(|_| {
            tries += 1;
            Ok((tries == 3).then_some(tries))
        });
        assert_eq!(found.expect("no trial is aborted"), Some(3));
    }
}
