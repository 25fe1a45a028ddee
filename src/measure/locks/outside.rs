//! What a holder does between two acquisitions.

use super::chain::{self, Chain};
use crate::payload::mix;
use crate::record::{Case, Spacing};

/// Different lengths that are drawn from; a power of two.
const DRAWS: usize = 1024;

/// Work between two acquisitions: always the same, or drawn from an exponential distribution.
pub(super) struct Outside {
    /// Rounds and nanoseconds, at the middle of each of [`DRAWS`] equal parts of the distribution; one entry when fixed.
    lengths: Vec<(u64, f64)>,
    random: u64,
}

impl Outside {
    /// What `case` asks for, for the holder on `slot`.
    pub(super) fn of(case: &Case, slot: u32, chain: Chain) -> Self {
        let mean_ns = case.params.think_time_ns.unwrap_or(0) as f64;
        let length = |ns: f64| (chain.rounds(ns.round() as u64), ns);
        let lengths = match case.params.spacing.unwrap_or(Spacing::Fixed) {
            Spacing::Exponential if mean_ns > 0.0 => exponential(mean_ns).map(length).collect(),
            _ => vec![length(mean_ns)],
        };
        Self { lengths, random: mix(u64::from(slot) + 1) | 1 }
    }

    /// Works, and says how many nanoseconds that should have taken.
    #[inline]
    pub(super) fn work(&mut self) -> f64 {
        if let [(rounds, ns)] = self.lengths.as_slice() {
            chain::run(*rounds);
            return *ns;
        }
        // Marsaglia, Xorshift RNGs, 2003.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let (rounds, ns) = self.lengths[(self.random >> 32) as usize % DRAWS];
        chain::run(rounds);
        ns
    }
}

/// The exponential distribution of this mean, cut into equal parts. The parts' means, not their middles, so that the mean
/// of all is the mean asked for.
fn exponential(mean_ns: f64) -> impl Iterator<Item = f64> {
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
    fn drawn_lengths_have_the_mean_that_was_asked_for() {
        let all: Vec<f64> = exponential(1000.0).collect();
        let mean = all.iter().sum::<f64>() / DRAWS as f64;
        assert!((mean - 1000.0).abs() < 1e-6, "{mean}");
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        let below_median = all.iter().filter(|ns| **ns < 1000.0 * std::f64::consts::LN_2).count();
        assert!(below_median.abs_diff(DRAWS / 2) <= 1);
    }
}
