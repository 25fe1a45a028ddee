//! Think time of the side that answers in a round trip: how long it works on a message before it answers.
//!
//! A partner that answers at once has a rhythm, which a poll policy may learn. Here the time is a pure function of the
//! message's sequence, so that both sides know it without a word, and every trial has the same ones. The thinker polls the
//! clock until the time has passed; by how much a poll passes it is measured, and left out as well. An interruption is not.

use super::histogram;
use super::locks::work::exponential;
use crate::clock;
use crate::payload::mix;
use crate::record::{Case, Spacing};

/// Think times of a trial, drawn in advance.
pub(super) struct ThinkTimes {
    /// Lengths in nanoseconds, equally likely; empty without think time.
    lengths_ns: Vec<f64>,
    ticks_trusted: bool,
    ns_per_tick: f64,
}

impl ThinkTimes {
    /// Think times of `case`.
    pub(super) fn of(case: &Case, ticks_trusted: bool) -> Self {
        let mean_ns = case.params.think_time_ns.unwrap_or(0) as f64;
        let lengths_ns = match case.params.spacing.unwrap_or(Spacing::Fixed) {
            _ if mean_ns <= 0.0 => vec![],
            Spacing::Fixed => vec![mean_ns],
            Spacing::Exponential => exponential(mean_ns).collect(),
        };
        let hz = if ticks_trusted && !lengths_ns.is_empty() { clock::ticks_hz() } else { None };
        let ns_per_tick = hz.map_or(1.0, |hz| 1e9 / hz as f64);
        Self { lengths_ns, ticks_trusted, ns_per_tick }
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        !self.lengths_ns.is_empty()
    }

    /// Think time before the answer to message `sequence`, in nanoseconds.
    #[inline]
    pub(super) fn ns(&self, sequence: u64) -> f64 {
        match self.lengths_ns.len() {
            0 => 0.0,
            // The upper half of the bits, scaled to the number of lengths.
            count => self.lengths_ns[(((mix(sequence) >> 32) * count as u64) >> 32) as usize],
        }
    }

    /// Think times of `count` messages from `first` on, in nanoseconds.
    pub(super) fn sum_ns(&self, first: u64, count: u64) -> f64 {
        if self.any() { (first..first + count).map(|sequence| self.ns(sequence)).sum() } else { 0.0 }
    }

    /// Thinks about message `sequence`.
    #[inline]
    pub(super) fn think(&self, sequence: u64) {
        if self.any() {
            self.poll_for(|| self.ns(sequence));
        }
    }

    /// Polls the clock for `planned_ns`, and returns the nanoseconds that it took beyond. No pause hint: it may last longer
    /// than a round trip.
    #[inline]
    fn poll_for(&self, planned_ns: impl FnOnce() -> f64) -> f64 {
        let began = clock::tick(self.ticks_trusted);
        let planned = planned_ns() / self.ns_per_tick;
        loop {
            let elapsed = clock::tick(self.ticks_trusted).saturating_sub(began) as f64;
            if elapsed >= planned {
                return (elapsed - planned) * self.ns_per_tick;
            }
        }
    }

    /// Time by which a thinker typically passes the plan, in nanoseconds; 0 without think time. Measured here.
    pub(super) fn beyond_ns(&self) -> f64 {
        const READINGS: u32 = 2_001;
        let beyond = |at: u32| self.poll_for(|| f64::from(200 + at % 97));
        if self.any() { histogram::median((0..READINGS).map(beyond).collect()) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measure;

    fn times(mean_ns: u64, spacing: Spacing) -> ThinkTimes {
        let case = Case::new("transport", "pipe", Measure::RoundTrip).with(|p| {
            p.think_time_ns = Some(mean_ns);
            p.spacing = Some(spacing);
        });
        ThinkTimes::of(&case, false)
    }

    #[test]
    fn exponential_think_times_have_their_mean_and_spread() {
        let times = times(1_000, Spacing::Exponential);
        let count = 100_000;
        let mean = times.sum_ns(0, count) / count as f64;
        assert!((mean / 1_000.0 - 1.0).abs() < 0.02, "{mean}");
        let below = (0..count).filter(|sequence| times.ns(*sequence) < 1_000.0 * std::f64::consts::LN_2).count();
        assert!(below.abs_diff(count as usize / 2) < 1_000, "{below} of {count} are below the median");
        // Neighbours are independent: both are below the median once in four times.
        let both = |at: &u64| times.ns(*at).max(times.ns(at + 1)) < 1_000.0 * std::f64::consts::LN_2;
        assert!((0..count).filter(both).count().abs_diff(count as usize / 4) < 1_000);
    }

    #[test]
    fn every_trial_has_the_same_think_times() {
        let (one, other) = (times(1_000, Spacing::Exponential), times(1_000, Spacing::Exponential));
        assert!((0..1_000).all(|sequence| (one.ns(sequence) - other.ns(sequence)).abs() < f64::EPSILON));
        assert!((times(700, Spacing::Fixed).sum_ns(5, 10) - 7_000.0).abs() < 1e-9);
        assert!(!times(0, Spacing::Exponential).any());
    }

    #[test]
    fn thinking_takes_at_least_what_was_planned() {
        let times = times(20_000, Spacing::Exponential);
        let start_ns = clock::now_ns();
        (0..100).for_each(|sequence| times.think(sequence));
        let elapsed_ns = (clock::now_ns() - start_ns) as f64;
        let planned_ns = times.sum_ns(0, 100);
        assert!(planned_ns <= elapsed_ns, "{planned_ns} ns of thinking in {elapsed_ns} ns");
        assert!(times.beyond_ns() >= 0.0);
    }
}
