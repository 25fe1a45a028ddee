//! Time limits of waits, and their use by mechanisms whose calls take a duration.

use std::io;
use std::time::Duration;

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

    /// Calls `attempt` once without waiting, then repeatedly with the duration that it may wait, until it returns `Some` or
    /// the limit has passed. Never gives up before the limit.
    ///
    /// Errors: those of `attempt`; `Interrupted` when the trial was aborted.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_limit_of_time_means_one_try_and_a_limit_is_used_up() {
        let mut tries = vec![];
        let found: Option<()> = WaitLimit::Never
            .retry(|length| {
                tries.push(length);
                Ok(None)
            })
            .expect("no trial is aborted");
        assert_eq!((found, tries.as_slice()), (None, [None].as_slice()));

        let begun_ns = clock::now_ns();
        let wait_limit = WaitLimit::after(Duration::from_millis(3));
        let found: Option<()> = wait_limit.retry(|_| Ok(None)).expect("as above");
        assert!(found.is_none() && clock::now_ns() - begun_ns >= 3_000_000);
        let slice = WaitLimit::Forever.slice().expect("as above").expect("there is always time");
        assert!(slice <= SLICE);
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
