//! Work of a known duration for critical sections and think time: a chain of dependent multiplications, which a
//! processor cannot overlap. Each role calibrates the chain on its CPU before the timed work.

use std::hint;

use crate::clock;
use crate::measure::window::sample::Positions;
use crate::record::{Case, Spacing};

/// Rounds of one calibration run.
const ROUNDS: u64 = 20_000;
/// Calibration runs; the fastest counts, since disturbances only add time.
const READINGS: u32 = 15;

/// Calibrated chain of dependent multiplications.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    rounds_per_ns: f64,
}

impl Chain {
    /// Measures the speed of this CPU, in about a millisecond.
    pub fn calibrated() -> Self {
        let reading = |_| {
            let start = clock::now_ns();
            run(ROUNDS);
            clock::now_ns() - start
        };
        let fastest_ns = (0..READINGS).map(reading).min().unwrap_or(1).max(1);
        Self { rounds_per_ns: ROUNDS as f64 / fastest_ns as f64 }
    }

    /// Rounds that last `ns` nanoseconds.
    pub fn rounds(&self, ns: u64) -> u64 {
        (ns as f64 * self.rounds_per_ns).round() as u64
    }
}

/// Runs `rounds` of the chain. The loop is compiled once: copies in other code would differ in alignment, and then a
/// difference of two measures would contain that of the copies.
#[inline]
pub fn run(rounds: u64) {
    if rounds > 0 {
        chain(rounds);
    }
}

#[inline(never)]
fn chain(rounds: u64) {
    let mut word = rounds;
    for _ in 0..rounds {
        // `black_box` keeps the compiler from folding the loop.
        word = hint::black_box(word.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

/// Number of precomputed lengths.
const DRAWS: usize = 1024;

/// Think time: the work between two acquisitions, of fixed or exponentially distributed length.
pub(super) struct ThinkTime {
    /// Rounds and nanoseconds of the mean of each of [`DRAWS`] equal parts of the distribution; one entry if fixed.
    lengths: Vec<(u64, f64)>,
    random: Positions,
}

impl ThinkTime {
    /// Think time of `case` for the contender on `slot`.
    pub(super) fn of(case: &Case, slot: u32, chain: Chain) -> Self {
        let mean_ns = case.params.think_time_ns.unwrap_or(0) as f64;
        let length = |ns: f64| (chain.rounds(ns.round() as u64), ns);
        let lengths = match case.params.spacing.unwrap_or(Spacing::Fixed) {
            Spacing::Exponential if mean_ns > 0.0 => exponential(mean_ns).map(length).collect(),
            _ => vec![length(mean_ns)],
        };
        Self { lengths, random: Positions::new(slot) }
    }

    /// Runs one think time and returns its nominal nanoseconds.
    #[inline]
    pub(super) fn work(&mut self) -> f64 {
        if let [(rounds, ns)] = self.lengths.as_slice() {
            run(*rounds);
            return *ns;
        }
        let (rounds, ns) = self.lengths[self.random.below(DRAWS as u32) as usize];
        run(rounds);
        ns
    }
}

/// Exponential distribution as the means of [`DRAWS`] equally likely parts. Their mean is `mean_ns`, unlike that of the
/// medians.
pub(in crate::measure) fn exponential(mean_ns: f64) -> impl Iterator<Item = f64> {
    let quantile = |part: usize| -(1.0 - part as f64 / DRAWS as f64).ln();
    // The quantile function is q(p) = -ln(1 - p); its integral from 0 to p is 1 - (1 - p) * (1 + q(p)).
    let integral = move |part: usize| {
        let rest = 1.0 - part as f64 / DRAWS as f64;
        if part == DRAWS { 1.0 } else { 1.0 - rest * (1.0 + quantile(part)) }
    };
    (0..DRAWS).map(move |part| mean_ns * DRAWS as f64 * (integral(part + 1) - integral(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_proportional_to_the_duration() {
        let chain = Chain { rounds_per_ns: 0.25 };
        assert_eq!((chain.rounds(0), chain.rounds(100), chain.rounds(1000)), (0, 25, 250));
        assert!(Chain::calibrated().rounds(1000) > 0);
    }

    #[test]
    fn drawn_lengths_have_the_requested_mean() {
        let all: Vec<f64> = exponential(1000.0).collect();
        let mean = all.iter().sum::<f64>() / DRAWS as f64;
        assert!((mean - 1000.0).abs() < 1e-6, "{mean}");
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let below_median = all.iter().filter(|ns| **ns < 1000.0 * std::f64::consts::LN_2).count();
        assert!(below_median.abs_diff(DRAWS / 2) <= 1);
    }
}
