//! Time slice of a blocking call, after which the caller checks whether the trial was aborted.
//!
//! Calls with an absolute time limit share it until it has passed, so a message costs no clock read. The next call that
//! would block then returns at once: one extra call every 50 milliseconds.

use std::io;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::abort;

/// Maximum duration of a blocking call.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// Absolute time until which calls may block.
pub(super) struct Until {
    clock: ClockId,
    moment: TimeSpec,
}

impl Until {
    /// Starts a slice now, on the clock that the call uses.
    pub(super) fn on(clock: ClockId) -> io::Result<Self> {
        Ok(Self { clock, moment: from_now(clock)? })
    }

    /// End of the slice.
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

/// Yields the CPU to the peer if no call waits for space.
///
/// Errors: `Interrupted` if the trial was aborted.
#[cold]
pub(super) fn yield_now() -> io::Result<()> {
    std::thread::yield_now();
    check()
}
