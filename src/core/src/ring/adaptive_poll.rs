//! Adaptive poll policy of a consumer that finds its ring empty.
//!
//! A poll that reads a cache line while the producer still waits for it delays the producer. The best interval depends
//! on the traffic, which the ring cannot know in advance:
//!
//! - In a stream, a reader that takes each message at once forces the producer to fetch the line again for the next one.
//!   Longer pauses let several messages accumulate per line transfer.
//! - In a closed loop there is one message at a time. The first poll should come just before the response, which takes
//!   about as long as the previous one.
//!
//! The number of messages found after a pause distinguishes the two: several mean a stream, one means a closed loop. In
//! a closed loop a few longer pauses are tried at growing intervals, so that a stream that began with single messages is
//! detected. In a stream whose messages take about as long as a pause, many pauses find a single one; only many of them
//! in a row mean a closed loop, so that such a stream does not switch to and fro.

use crate::wait::{PollPolicy, budget};

/// Waits of a closed loop before a long pause is tried again: initial and largest interval.
const TRY_AFTER: std::ops::RangeInclusive<u32> = 64..=8192;
/// Gathering pauses of a stream in a row that may find a single message before it is taken for a closed loop. A pause that
/// was only tried may not.
const MISSES_OF_A_STREAM: u32 = 31;
/// Fixed-point scale of pause hints, so that the estimate can change by less than one.
const FINE: u32 = 8;

/// Poll policy that adapts to the observed traffic.
pub(super) struct AdaptivePoll {
    /// Whether the policy adapts; otherwise it is always [`PollPolicy::QUICK`].
    adapts: bool,
    /// Messages received since the ring was last found empty.
    streak: u32,
    gathering: bool,
    /// Pause hints between polls of a stream: [`budget::GATHER`].
    gather: u32,
    /// Longest pause before the first poll, scaled by [`FINE`]: [`budget::FIRST_POLL`].
    longest_before: u32,
    /// Gathering pauses in a row that may still find a single message.
    misses_left: u32,
    /// Waits until a long pause is tried.
    try_in: u32,
    /// Next initial value of `try_in`.
    patience: u32,
    /// Pause hints before the first poll of a closed loop, scaled by [`FINE`].
    before: u32,
    /// Polls of the last wait.
    polls: u32,
}

impl AdaptivePoll {
    pub(super) fn new() -> Self {
        Self::with_pauses(budget::GATHER.hints(), budget::FIRST_POLL.hints())
    }

    fn with_pauses(gather: u32, longest_before: u32) -> Self {
        Self {
            adapts: true,
            streak: 0,
            gathering: false,
            gather,
            longest_before: longest_before * FINE,
            misses_left: 0,
            try_in: *TRY_AFTER.start(),
            patience: *TRY_AFTER.start(),
            before: FINE,
            polls: 2,
        }
    }

    /// Policy that does not adapt: one pause hint before every poll.
    pub(super) fn fixed() -> Self {
        Self { adapts: false, ..Self::new() }
    }

    /// Records that a message was received.
    #[inline]
    pub(super) fn received(&mut self) {
        self.streak = self.streak.wrapping_add(1);
    }

    /// Returns the poll policy for a wait on the empty ring.
    #[inline]
    pub(super) fn now(&mut self) -> PollPolicy {
        if !self.adapts {
            return PollPolicy::QUICK;
        }
        if !self.gathering {
            self.learn();
        }
        let streak = std::mem::take(&mut self.streak);
        if streak > 1 {
            self.gathering = true;
            self.misses_left = MISSES_OF_A_STREAM;
            self.patience = *TRY_AFTER.start();
        } else if self.gathering && self.misses_left > 0 {
            self.misses_left -= 1;
        } else if self.gathering {
            self.gathering = false;
            self.try_in = self.patience;
            self.patience = (self.patience * 2).min(*TRY_AFTER.end());
        } else {
            self.try_in -= 1;
            self.gathering = self.try_in == 0;
        }
        if self.gathering {
            PollPolicy { before: self.gather, between: self.gather }
        } else {
            PollPolicy { before: self.before / FINE, between: 1 }
        }
    }

    /// Records that the message was found by the `polls`-th poll; evaluated at the next wait, outside the critical
    /// path.
    #[inline]
    pub(super) fn record_polls(&mut self, polls: u32) {
        self.polls = polls;
    }

    /// Adjusts the first pause so that the second poll finds the message: the first was then just early enough.
    fn learn(&mut self) {
        self.before = match self.polls {
            1 => self.before.saturating_sub(1 + self.before / 16),
            2 => self.before,
            more => (self.before + more.saturating_sub(2).min(FINE)).min(self.longest_before),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATHER: u32 = 32;

    /// Waits of a closed loop whose answer takes `pauses` pause hints.
    fn settle(adaptive_poll: &mut AdaptivePoll, pauses: u32, waits: u32) -> u32 {
        let mut last = 0;
        for _ in 0..waits {
            adaptive_poll.received();
            let policy = adaptive_poll.now();
            last = policy.before;
            adaptive_poll.record_polls(1 + pauses.saturating_sub(policy.before).div_ceil(policy.between));
        }
        last
    }

    #[test]
    fn the_first_poll_of_a_closed_loop_comes_just_before_the_answer() {
        let mut adaptive_poll = AdaptivePoll::with_pauses(GATHER, 2 * GATHER);
        for pauses in [3, 20, 5, 40] {
            let before = settle(&mut adaptive_poll, pauses, 3000);
            assert!(before.abs_diff(pauses) <= 2 || before == GATHER, "{before} pauses for {pauses}");
        }
    }

    #[test]
    fn a_stream_gathers_and_a_closed_loop_rarely_tries_to() {
        let mut adaptive_poll = AdaptivePoll::with_pauses(GATHER, 2 * GATHER);
        let tries = |adaptive_poll: &mut AdaptivePoll, waits: u32| {
            (0..waits)
                .filter(|_| {
                    adaptive_poll.received();
                    let gathers = adaptive_poll.now().between == GATHER;
                    adaptive_poll.record_polls(2);
                    gathers
                })
                .count()
        };
        assert!(tries(&mut adaptive_poll, 100_000) < 30);
        adaptive_poll.received();
        adaptive_poll.received();
        assert_eq!(adaptive_poll.now().between, GATHER);
    }

    #[test]
    fn a_stream_of_messages_as_long_as_a_pause_has_one_mode() {
        let mut adaptive_poll = AdaptivePoll::with_pauses(GATHER, 2 * GATHER);
        let mut wait = |number: u64| {
            // Half of the pauses find one message, the others two.
            for _ in 0..=crate::payload::mix(number) & 1 {
                adaptive_poll.received();
            }
            let gathers = adaptive_poll.now().between == GATHER;
            adaptive_poll.record_polls(2);
            u32::from(gathers)
        };
        for window in 0..100 {
            let gathered: u32 = (0..1000).map(|at| wait(window * 1000 + at)).sum();
            assert!(gathered > 900, "window {window} gathered in {gathered} of 1000 waits");
        }
    }

    #[test]
    fn a_fixed_policy_never_adapts() {
        let mut fixed = AdaptivePoll::fixed();
        for polls in 1..1000 {
            fixed.received();
            fixed.received();
            assert_eq!(fixed.now(), PollPolicy::QUICK);
            fixed.record_polls(polls);
        }
    }
}
