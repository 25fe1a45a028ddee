//! Poll policies of a side that waits for a line to change.

use std::io;

use crate::abort;

/// Poll policy. Polling a line while its writer still fetches it delays the writer, so the best policy depends on the
/// distance between the CPUs: on one pair of distant virtual CPUs a round trip took 530 ns with plain polls, 490 ns with
/// pauses, and 360 ns when the first poll came just before the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Pause hints before the first poll.
    before: u32,
    /// Pause hints between polls.
    between: u32,
}

impl Polls {
    /// Policies to try; the floor is the lowest result.
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

    /// Polls until `done`. Errors: `Interrupted` when the trial is called off.
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
