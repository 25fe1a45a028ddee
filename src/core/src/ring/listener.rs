//! When an empty-handed consumer should look again.
//!
//! A poll that reaches a line while its producer still waits for it delays the producer. What to do about that depends on
//! the traffic, which nobody tells the ring:
//!
//! - In a stream, a reader that grabs each message as it appears makes the producer fetch the line anew for the next one.
//!   Pausing longer lets several messages gather behind one hand-over.
//! - In a closed loop one message is all there is. Here the first poll should come just before the answer does, and the
//!   answer takes about as long as last time.
//!
//! The two are told apart by what a pause brought: several messages mean a stream, one means a closed loop. In a closed
//! loop a longer pause is tried now and then, ever more rarely, lest a stream that began with single messages stay slow.

use crate::wait::Rhythm;

/// Pauses between polls of a stream.
const GATHER_PAUSES: u32 = 32;
/// Waits of a closed loop before a gathering pause is tried again, at first and at the longest.
const TRY_AFTER: std::ops::RangeInclusive<u32> = 64..=8192;
/// Longest pause before a first poll: beyond it, a poll more or less disturbs nobody.
const MAX_BEFORE: u32 = 64;
/// Fractions of a pause hint, so that the estimate can move by less than one.
const FINE: u32 = 8;

/// A consumer's sense of the traffic.
pub(super) struct Listener {
    /// Messages received since the ring was last found empty.
    streak: u32,
    gathering: bool,
    /// Waits until a gathering pause is tried.
    try_in: u32,
    /// What `try_in` starts from next time.
    patience: u32,
    /// Pause hints before the first poll of a closed loop, in [`FINE`] parts.
    before: u32,
    /// Polls that the last wait took.
    polls: u32,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self {
            streak: 0,
            gathering: false,
            try_in: *TRY_AFTER.start(),
            patience: *TRY_AFTER.start(),
            before: FINE,
            polls: 2,
        }
    }

    /// A message was received.
    #[inline]
    pub(super) fn received(&mut self) {
        self.streak += 1;
    }

    /// The ring is empty: when to look.
    #[inline]
    pub(super) fn now(&mut self) -> Rhythm {
        if !self.gathering {
            self.learn();
        }
        let streak = std::mem::take(&mut self.streak);
        if streak > 1 {
            self.gathering = true;
            self.patience = *TRY_AFTER.start();
        } else if self.gathering {
            self.gathering = false;
            self.try_in = self.patience;
            self.patience = (self.patience * 2).min(*TRY_AFTER.end());
        } else {
            self.try_in -= 1;
            self.gathering = self.try_in == 0;
        }
        if self.gathering {
            Rhythm { before: GATHER_PAUSES, between: GATHER_PAUSES }
        } else {
            Rhythm { before: self.before / FINE, between: 1 }
        }
    }

    /// The message came with the `polls`-th poll. Only noted: what follows from it waits until there is time again.
    #[inline]
    pub(super) fn heard_after(&mut self, polls: u32) {
        self.polls = polls;
    }

    /// The second poll is the best to hear with: the first came too early to be late.
    fn learn(&mut self) {
        self.before = match self.polls {
            1 => self.before.saturating_sub(1 + self.before / 16),
            2 => self.before,
            more => (self.before + more.saturating_sub(2).min(FINE)).min(MAX_BEFORE * FINE),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits of a closed loop whose answer takes `pauses` pause hints.
    fn settle(listener: &mut Listener, pauses: u32, waits: u32) -> u32 {
        let mut last = 0;
        for _ in 0..waits {
            listener.received();
            let rhythm = listener.now();
            last = rhythm.before;
            listener.heard_after(1 + pauses.saturating_sub(rhythm.before).div_ceil(rhythm.between));
        }
        last
    }

    #[test]
    fn the_first_poll_of_a_closed_loop_comes_just_before_the_answer() {
        let mut listener = Listener::new();
        for pauses in [3, 20, 5, 40] {
            let before = settle(&mut listener, pauses, 3000);
            assert!(before.abs_diff(pauses) <= 2 || before == GATHER_PAUSES, "{before} pauses for {pauses}");
        }
    }

    #[test]
    fn a_stream_gathers_and_a_closed_loop_rarely_tries_to() {
        let mut listener = Listener::new();
        let tries = |listener: &mut Listener, waits: u32| {
            (0..waits)
                .filter(|_| {
                    listener.received();
                    let gathers = listener.now().between == GATHER_PAUSES;
                    listener.heard_after(2);
                    gathers
                })
                .count()
        };
        assert!(tries(&mut listener, 100_000) < 30);
        listener.received();
        listener.received();
        assert_eq!(listener.now().between, GATHER_PAUSES);
    }
}
