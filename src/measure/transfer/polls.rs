//! Poll policies for a line that another CPU will change.

use std::io;

use crate::abort;

/// Poll policy. A poll that comes while the writer fetches the line delays the writer, so the best policy depends on
/// the distance of the CPUs: on a pair of distant virtual CPUs a round trip took 530 ns with plain polls, 490 ns with
/// pauses, and 360 ns with a first poll just before the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Pause hints before the first poll.
    before: u32,
    /// Pause hints between polls.
    between: u32,
}

impl Polls {
    /// Policies to try; the fastest gives the floor.
    pub const SWEEP: [Self; 12] = [
        Self { before: 0, between: 0 },
        Self { before: 0, between: 1 },
        Self { before: 1, between: 1 },
        Self { before: 2, between: 1 },
        Self { before: 3, between: 1 },
        Self { before: 5, between: 1 },
        Self { before: 8, between: 1 },
        Self { before: 12, between: 1 },
        Self { before: 16, between: 1 },
        Self { before: 24, between: 1 },
        Self { before: 40, between: 1 },
        Self { before: 64, between: 1 },
    ];

    /// Polls until `done`. Errors: `Interrupted` if the trial is aborted.
    #[inline]
    pub(super) fn until(self, done: impl Fn() -> bool) -> io::Result<()> {
        pause(self.before);
        loop {
            for _ in 0..4096 {
                if done() {
                    return Ok(());
                }
                pause(self.between);
            }
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }
}

#[inline]
fn pause(hints: u32) {
    for _ in 0..hints {
        std::hint::spin_loop();
    }
}
