//! Poll policies for a line that another CPU will change.

use std::io;

use crate::abort;
use crate::clock::pause::pause;

/// Poll policy. A poll that comes while the writer fetches the line delays the writer, so the best policy depends on
/// the distance of the CPUs: on a pair of distant virtual CPUs a round trip took 530 ns with plain polls, 490 ns with
/// pauses, and 360 ns with a first poll just before the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Pause hints before the first poll.
    before: u32,
    /// Pause hints between polls.
    between: u32,
    /// Whether each poll that finds nothing yields the CPU.
    yields: bool,
}

impl Polls {
    /// Policy for two processes on one CPU: a system call switches to the other.
    pub const YIELDING: Self = Self { before: 0, between: 0, yields: true };

    /// Policies to try; the fastest gives the floor. They count hints, since the sweep finds the best pause at any price.
    pub const SWEEP: [Self; 12] = [
        Self::spaced(0, 0),
        Self::spaced(0, 1),
        Self::spaced(1, 1),
        Self::spaced(2, 1),
        Self::spaced(3, 1),
        Self::spaced(5, 1),
        Self::spaced(8, 1),
        Self::spaced(12, 1),
        Self::spaced(16, 1),
        Self::spaced(24, 1),
        Self::spaced(40, 1),
        Self::spaced(64, 1),
    ];

    const fn spaced(before: u32, between: u32) -> Self {
        Self { before, between, yields: false }
    }

    /// Polls until `done`. Errors: `Interrupted` if the trial is aborted.
    #[inline]
    pub(super) fn until(self, done: impl Fn() -> bool) -> io::Result<()> {
        pause(self.before);
        loop {
            for _ in 0..4096 {
                if done() {
                    return Ok(());
                }
                if self.yields {
                    std::thread::yield_now();
                } else {
                    pause(self.between);
                }
            }
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }
}
