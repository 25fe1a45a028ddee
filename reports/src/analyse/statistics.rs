//! Medians over repetitions with intervals from a hierarchical bootstrap.
//!
//! The windows of a trial share processes and memory layout, so they differ less from each other than from those of
//! other repetitions. The bootstrap therefore draws repetitions first, then windows within each (Davison & Hinkley
//! 1997, section 3.8); drawing from all windows at once would give intervals that are too narrow. Above 30 repetitions their
//! own spread has that of the windows in it, so windows are drawn no more, which would take the time of a large report.
//!
//! Few repetitions give no 95 % interval: of four, all lie on one side of the true median once in eight times. Below
//! five repetitions the two ends are therefore the least and the greatest value seen, and are called a range.
use ipcmark_record::Kind;

use crate::format;

/// Number of bootstrap draws.
pub const DRAWS: usize = 2_000;
/// Seed of every analysis, so that equal records give equal intervals.
pub const SEED: u64 = 0x1bc_ca5e;
/// Share of draws outside the interval at each end, which leaves 95 % inside.
pub const TAIL: f64 = 0.025;

/// Repetitions above which the bootstrap draws no windows: what differs between them differs between so many repetitions.
const REPETITIONS_WITH_WINDOWS: usize = 30;

/// Repetitions needed for a 95 % interval, and to show stability or a difference.
pub const REPETITIONS_FOR_AN_INTERVAL: usize = 5;

/// Both ends of an estimate; [`Estimate::ends`] says what they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the two intervals have a value in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Whether the interval lies between the two limits, both included.
    pub fn within(self, low: f64, high: f64) -> bool {
        low <= self.low && self.high <= high
    }
}

/// Meaning of the two ends of an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// 95 % interval.
    Confidence,
    /// Least and greatest value of this many repetitions, fewer than five.
    Range(usize),
}

impl std::fmt::Display for Ends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Confidence => f.write_str("95\u{202f}% interval"),
            Self::Range(repetitions) => write!(f, "range of {repetitions} repetitions"),
        }
    }
}

/// Median over repetitions with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Median over repetitions.
    pub value: f64,
    /// 95 % interval, or the range of fewer than five repetitions; absent below two.
    pub interval: Option<Interval>,
    /// Number of repetitions.
    pub repetitions: usize,
}

impl Estimate {
    /// Meaning of the interval; `None` without one.
    pub fn ends(&self) -> Option<Ends> {
        self.interval.map(|_| ends(self.repetitions))
    }

    /// Distance to the farther end of the interval, relative to the value: `±4 %`.
    pub fn plus_minus(&self) -> Option<String> {
        Some(format!("±{}", format::percent_short(self.spread()?)))
    }

    /// ` ±4 %`, or ` (±4 %)` where it is the range of few repetitions; empty without an interval.
    pub fn spread_in_words(&self) -> String {
        match (self.plus_minus(), self.ends()) {
            (Some(spread), Some(Ends::Range(_))) => format!(" ({spread})"),
            (Some(spread), _) => format!(" {spread}"),
            (None, _) => String::new(),
        }
    }

    /// Distance to the farther end of the interval, relative to the value: 0.1 is 10 %.
    pub fn spread(&self) -> Option<f64> {
        let Interval { low, high } = self.interval?;
        Some((self.value - low).max(high - self.value) / self.value.abs())
    }

    /// Value and both ends of its interval.
    pub fn with_ends(self) -> (f64, Option<(f64, f64)>) {
        (self.value, self.interval.map(|Interval { low, high }| (low, high)))
    }
}

/// Derivation of a repetition's value from its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// Median window, which a single stall does not move.
    Median,
    /// Whole hot phase, including stalls.
    Total,
}

/// Value of one repetition with its windows.
#[derive(Clone, Debug, PartialEq)]
pub struct RepetitionValue {
    /// Recorded value of the hot phase.
    pub value: f64,
    /// Elapsed time and messages of each window; may be empty.
    pub windows: Vec<(f64, f64)>,
}

impl RepetitionValue {
    /// Scales the recorded value by the cost of resampled windows; it need not be an exact function of its windows.
    fn redraw(&self, kind: Kind, within: Within, as_measured: f64, random: &mut Random) -> f64 {
        if self.windows.len() < 2 {
            return self.value;
        }
        let drawn = self.windows.iter().map(|_| self.windows[random.below(self.windows.len())]);
        let slower = within.cost(drawn) / as_measured;
        if !slower.is_finite() || slower <= 0.0 {
            return self.value;
        }
        match kind {
            Kind::Cost => self.value * slower,
            Kind::Rate => self.value / slower,
        }
    }
}

impl Within {
    /// Time for one message over the given windows.
    fn cost(self, windows: impl Iterator<Item = (f64, f64)>) -> f64 {
        match self {
            Self::Median => median(windows.map(|(elapsed, messages)| elapsed / messages)).unwrap_or(f64::NAN),
            Self::Total => {
                let (elapsed, messages) = windows.fold((0.0, 0.0), |sum, window| (sum.0 + window.0, sum.1 + window.1));
                elapsed / messages
            }
        }
    }
}

/// Repetitions of one case.
#[derive(Clone, Debug)]
pub struct Repetitions {
    kind: Kind,
    within: Within,
    /// Repetitions, each with the cost of its measured windows.
    each: Vec<(RepetitionValue, f64)>,
}

impl Repetitions {
    /// Collects the repetitions with finite values.
    pub fn new(kind: Kind, within: Within, repetitions: impl IntoIterator<Item = RepetitionValue>) -> Self {
        let finite = repetitions.into_iter().filter(|repetition| repetition.value.is_finite());
        let with_cost = finite.map(|repetition| {
            let cost = within.cost(repetition.windows.iter().copied());
            (repetition, cost)
        });
        Self { kind, within, each: with_cost.collect() }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.each.iter().map(|(repetition, _)| repetition.value)
    }

    /// Median and interval; `None` without any repetition.
    pub fn estimate(&self) -> Option<Estimate> {
        let value = median(self.values())?;
        let repetitions = self.each.len();
        let interval = (repetitions > 1).then(|| match ends(repetitions) {
            Ends::Range(_) => self.range(),
            Ends::Confidence => {
                let mut random = Random::new(SEED);
                interval_around(value, || self.draw(&mut random))
            }
        });
        Some(Estimate { value, interval, repetitions })
    }

    /// Ratio of the two medians, drawn independently because they are not paired. `None` if either side has no
    /// repetition.
    pub fn ratio_to(&self, base: &Self) -> Option<Estimate> {
        let above = median(self.values())?;
        let below = median(base.values())?;
        let repetitions = self.each.len().min(base.each.len());
        let interval = (repetitions > 1).then(|| match ends(repetitions) {
            Ends::Range(_) => {
                let (above, below) = (self.range(), base.range());
                Interval { low: above.low / below.high, high: above.high / below.low }
            }
            Ends::Confidence => {
                let mut random = Random::new(SEED);
                interval_around(above / below, || self.draw(&mut random) / base.draw(&mut random))
            }
        });
        Some(Estimate { value: above / below, interval, repetitions })
    }

    /// Least and greatest value.
    fn range(&self) -> Interval {
        let (low, high) = self.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        Interval { low, high }
    }

    /// One bootstrap draw: repetitions with replacement, then windows within each.
    fn draw(&self, random: &mut Random) -> f64 {
        let within = self.each.len() <= REPETITIONS_WITH_WINDOWS;
        let mut pick = || {
            let (repetition, as_measured) = &self.each[random.below(self.each.len())];
            if within { repetition.redraw(self.kind, self.within, *as_measured, random) } else { repetition.value }
        };
        let mut values: Vec<f64> = (0..self.each.len()).map(|_| pick()).collect();
        median_of(&mut values)
    }
}

fn ends(repetitions: usize) -> Ends {
    if repetitions < REPETITIONS_FOR_AN_INTERVAL { Ends::Range(repetitions) } else { Ends::Confidence }
}

fn interval_around(value: f64, mut draw: impl FnMut() -> f64) -> Interval {
    let mut draws: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    draws.sort_by(f64::total_cmp);
    // The median of the draws may differ from that of the repetitions; the interval must contain the latter.
    Interval { low: quantile(&draws, TAIL).min(value), high: quantile(&draws, 1.0 - TAIL).max(value) }
}

/// Median of the values; `None` without any.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| median_of(&mut values))
}

fn median_of(values: &mut [f64]) -> f64 {
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut high, _) = values.select_nth_unstable_by(values.len() / 2, f64::total_cmp);
    let low = below.iter().copied().max_by(f64::total_cmp).filter(|_| is_even);
    low.map_or(high, |low| low + (high - low) * 0.5)
}

/// Quantile `q` of the sorted, non-empty `values`, interpolated (Hyndman & Fan's type 7).
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * (place - below as f64)
}

/// `SplitMix64` generator (Steele, Lea & Flood 2014) for bootstrap indices.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Seeds the generator; equal seeds give equal draws.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Number below `n`, which is at least 1; the bias is below 2^-32 for any number of repetitions.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }
}

/// Median of the ratios of pairs, first over second, with its interval; `None` without a pair. A disturbance of both
/// sides of a pair cancels out, unlike in a ratio of medians.
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let ratios = pairs.iter().map(|(first, second)| RepetitionValue { value: first / second, windows: vec![] });
    Repetitions::new(Kind::Cost, Within::Total, ratios).estimate()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_meets_both_sides_of_a_pair_cancels() {
        let pairs: Vec<_> = (1..=10).map(|i| (f64::from(i) * 2.0, f64::from(i))).collect();
        let ratio = paired_ratio(&pairs).expect("ten pairs");
        assert!((ratio.value - 2.0).abs() < 1e-12);
        assert!(ratio.interval.expect("ten pairs have one").within(2.0 - 1e-9, 2.0 + 1e-9));
        assert!(paired_ratio(&[]).is_none());
    }
}
