//! How long a side is willing to wait, and how mechanisms whose calls take a length of time live up to it.

use std::io;
use std::time::Duration;

use crate::{abort, clock};

/// The longest a blocking call lasts before its caller looks whether the trial was called off.
const SLICE: Duration = Duration::from_millis(50);

/// How long a side is willing to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    Never,
    /// Until this moment of the monotonic clock, in nanoseconds.
    Until(u64),
    /// As long as it takes.
    Forever,
}

impl Patience {
    /// Until so much later than now.
    pub fn lasting(time: Duration) -> Self {
        Self::Until(clock::now_ns().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// How long the next blocking call may last; none when the time is up.
    ///
    /// Errors: `Interrupted` when the trial was called off.
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

    /// Makes one `attempt` without waiting and, while there is time left, one after the other that each wait for the
    /// length they are given. Nothing when all were in vain; never before the time is up.
    ///
    /// Errors: those of `attempt`; `Interrupted` when the trial was called off.
    #[inline]
    pub fn insist<R>(
        self,
        mut attempt: impl FnMut(Option<Duration>) -> io::Result<Option<R>>,
    ) -> io::Result<Option<R>> {
        match attempt(None)? {
            Some(done) => Ok(Some(done)),
            None => self.insist_waiting(attempt),
        }
    }

    #[cold]
    fn insist_waiting<R>(
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
    fn whoever_waits_not_at_all_tries_once_and_others_do_not_give_up_before_their_time() {
        let mut tries = vec![];
        let found: Option<()> = Patience::Never
            .insist(|length| {
                tries.push(length);
                Ok(None)
            })
            .expect("no trial is called off");
        assert_eq!((found, tries.as_slice()), (None, [None].as_slice()));

        let begun_ns = clock::now_ns();
        let patience = Patience::lasting(Duration::from_millis(3));
        let found: Option<()> = patience.insist(|_| Ok(None)).expect("as above");
        assert!(found.is_none() && clock::now_ns() - begun_ns >= 3_000_000);
        let slice = Patience::Forever.slice().expect("as above").expect("there is always time");
        assert!(slice <= SLICE);
    }

    #[test]
    fn what_comes_about_ends_the_wait() {
        let mut tries = 0;
        let found = Patience::Forever.insist(|_| {
            tries += 1;
            Ok((tries == 3).then_some(tries))
        });
        assert_eq!(found.expect("no trial is called off"), Some(3));
    }
}
