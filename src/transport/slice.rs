//! Time slice of a blocking call, after which the caller checks whether the trial was aborted. Not a mechanism.
//!
//! Calls that take an absolute time get the same one until it has passed, so a message costs no clock read. A call
//! after that time returns at once if it would block, which costs one extra call every 50 milliseconds.

use std::io;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::abort;

/// Longest duration of a blocking call.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// Absolute time until which calls may block.
pub(super) struct Until {
    clock: ClockId,
    moment: TimeSpec,
}

impl Until {
    /// End of a slice that starts now, on the clock that the call uses.
    pub(super) fn on(clock: ClockId) -> io::Result<Self> {
        Ok(Self { clock, moment: from_now(clock)? })
    }

    /// The absolute time.
    #[inline]
    pub(super) fn moment(&self) -> &TimeSpec {
        &self.moment
    }

    /// Starts the next slice, after a call has timed out.
    ///
    /// Errors: `Interrupted` if the trial was aborted.
    #[cold]
    pub(super) fn passed(&mut self) -> io::Result<()> {
        check()?;
        self.moment = from_now(self.clock)?;
        Ok(())
    }
}

fn from_now(clock: ClockId) -> io::Result<TimeSpec> {
    Ok(clock_gettime(clock)? + TimeSpec::from_duration(SLICE))
}

/// Errors: `Interrupted` if the trial was aborted.
#[cold]
pub(super) fn check() -> io::Result<()> {
    if abort::requested() { Err(abort::error()) } else { Ok(()) }
}

/// Yields the CPU to the peer, where no call waits for space.
///
/// Errors: `Interrupted` if the trial was aborted.
#[cold]
pub(super) fn yield_now() -> io::Result<()> {
    std::thread::yield_now();
    check()
}
