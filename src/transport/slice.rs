//! How long one blocking call may last before its caller looks whether the trial was called off. Not a mechanism.
//!
//! Calls that take a moment rather than a length of time get the same one until it has passed, so a message costs no clock
//! read; a call that comes after it returns at once if it would block, which costs one more call every fifty milliseconds.

use std::io;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::abort;

/// The longest a blocking call lasts.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// The moment up to which calls may block.
pub(super) struct Until {
    clock: ClockId,
    moment: TimeSpec,
}

impl Until {
    /// On `clock`: the one that the call compares with.
    pub(super) fn on(clock: ClockId) -> io::Result<Self> {
        Ok(Self { clock, moment: from_now(clock)? })
    }

    /// The moment.
    #[inline]
    pub(super) fn moment(&self) -> &TimeSpec {
        &self.moment
    }

    /// Runs when a call has given up: sets the next moment.
    ///
    /// Errors: `Interrupted` when the trial was called off.
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

/// Errors: `Interrupted` when the trial was called off.
#[cold]
pub(super) fn check() -> io::Result<()> {
    if abort::requested() { Err(abort::error()) } else { Ok(()) }
}

/// Gives way to whoever can make room, where no call waits for it.
///
/// Errors: `Interrupted` when the trial was called off.
#[cold]
pub(super) fn yield_now() -> io::Result<()> {
    std::thread::yield_now();
    check()
}
