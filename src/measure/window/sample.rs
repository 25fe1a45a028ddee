//! Which accesses are stamped, and the log of their times.
//!
//! One access in each block is stamped, at a random position, and counts for the whole block. A fixed position would
//! show each time the same moment of a block, such as the one right behind the work between two blocks, when a lock is
//! likelier to change hands. The log is summarised after the window: a histogram is larger than a cache, and recording
//! in it would delay the next request.

use hdrhistogram::Histogram;

use crate::measure::histogram;
use crate::payload::mix;

/// Longest log; a longer one is summarised within the window.
const LOG_MAX: usize = 1 << 22;

/// Seeded sequence of random positions.
pub(in crate::measure) struct Positions(u64);

impl Positions {
    pub(in crate::measure) fn new(seed: u32) -> Self {
        Self(mix(u64::from(seed) + 1) | 1)
    }

    /// A position of a block of `length`.
    #[inline]
    pub(in crate::measure) fn below(&mut self, length: u32) -> u32 {
        // Marsaglia, Xorshift RNGs, 2003.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((u128::from(self.0) * u128::from(length)) >> 64) as u32
    }
}

/// Times in ticks, each with the number of accesses that it stands for.
pub(in crate::measure) struct Samples {
    /// A float has more digits than a histogram.
    log: Vec<(f32, u32)>,
    ns_per_tick: f64,
    histogram: Histogram<u64>,
}

impl Samples {
    /// Creates an empty log.
    pub(in crate::measure) fn new(ns_per_tick: f64) -> Self {
        Self { log: vec![], ns_per_tick, histogram: histogram::empty() }
    }

    /// Adds a time.
    #[inline]
    pub(in crate::measure) fn push(&mut self, ticks: u64, weight: u32) {
        if self.log.len() == LOG_MAX {
            self.summarise();
        }
        self.log.push((ticks as f32, weight));
    }

    #[cold]
    fn summarise(&mut self) {
        for (ticks, weight) in self.log.drain(..) {
            let ns = (f64::from(ticks) * self.ns_per_tick) as u64;
            self.histogram.saturating_record_n(ns.max(1), u64::from(weight));
        }
    }

    /// Distribution in nanoseconds.
    pub(in crate::measure) fn distribution(mut self) -> Histogram<u64> {
        self.summarise();
        self.histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_equally_likely() {
        let mut positions = Positions::new(3);
        let mut seen = [0u32; 16];
        (0..160_000).for_each(|_| seen[positions.below(16) as usize] += 1);
        assert!(seen.iter().all(|times| times.abs_diff(10_000) < 500), "{seen:?}");
        assert_eq!(positions.below(1), 0);
        let (mut first, mut second) = (Positions::new(0), Positions::new(1));
        assert!((0..100).any(|_| first.below(256) != second.below(256)));
    }

    #[test]
    fn a_sample_weighs_what_it_stands_for() {
        let mut samples = Samples::new(0.5);
        samples.push(40, 3);
        samples.push(0, 1);
        let found = samples.distribution();
        assert_eq!((found.count_at(20), found.count_at(1), found.len()), (3, 1, 4));
    }

    #[test]
    fn nothing_is_summarised_within_a_window() {
        let mut samples = Samples::new(1.0);
        (1..100).for_each(|ticks| samples.push(ticks, 1));
        assert_eq!((samples.histogram.len(), samples.log.len()), (0, 99));
        assert_eq!(samples.distribution().len(), 99);
    }
}
