//! Medians over repetitions of processes, and how far they can be trusted: a hierarchical bootstrap.
//!
//! A trial's windows share one pair of processes, one memory layout and one moment, so they differ less from each other
//! than from the windows of another repetition. The bootstrap therefore draws repetitions first and windows within each drawn repetition
//! second (Davison & Hinkley 1997, section 3.8); treating all windows as equals would give intervals that are too
//! narrow.
use ipcmark_record::Kind;

/// Times the bootstrap draws.
pub const DRAWS: usize = 2_000;
/// Every analysis starts from this seed, so the same records always give the same intervals.
pub const SEED: u64 = 0x1bc_ca5e;
/// Share of draws left out at each end of an interval: 95 % stay inside.
pub const TAIL: f64 = 0.025;

/// Where a value probably lies: 95 of 100 draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// True when some value lies in both.
    pub fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// True when all of it lies between the two, ends included.
    pub fn within(self, low: f64, high: f64) -> bool {
        low <= self.low && self.high <= high
    }
}

/// A median over repetitions, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Median over repetitions.
    pub value: f64,
    /// Absent below two repetitions: one repetition cannot tell how much another would differ.
    pub interval: Option<Interval>,
    /// Repetitions behind it.
    pub repetitions: usize,
}

impl Estimate {
    /// The farther end of the interval as a share of the value: 0.1 reads `within 10 %`.
    pub fn spread(&self) -> Option<f64> {
        let Interval { low, high } = self.interval?;
        Some((self.value - low).max(high - self.value) / self.value.abs())
    }

    /// The value and both ends of its interval, as marks and points take them.
    pub fn with_ends(self) -> (f64, Option<(f64, f64)>) {
        (self.value, self.interval.map(|Interval { low, high }| (low, high)))
    }
}

/// How a repetition's value was made from its windows; a redraw does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// The median window: one stall does not move it.
    Median,
    /// The whole hot phase: a stall is part of it.
    Total,
}

/// The value of one repetition, and how it varied inside.
#[derive(Clone, Debug, PartialEq)]
pub struct RepetitionValue {
    /// As recorded for the whole hot phase.
    pub value: f64,
    /// Elapsed time and messages, window by window; may be empty.
    pub windows: Vec<(f64, f64)>,
}

impl RepetitionValue {
    /// The value as it would be had other windows of this repetition come up. The recorded value is kept as the centre and
    /// only scaled, so that it need not be an exact function of its windows.
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
    /// Time for one message over some windows.
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

/// The repetitions of one case.
#[derive(Clone, Debug)]
pub struct Repetitions {
    kind: Kind,
    within: Within,
    /// Each with the cost its windows come to as they were measured.
    each: Vec<(RepetitionValue, f64)>,
}

impl Repetitions {
    /// Gathers the finite values among `repetitions`.
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
        let mut random = Random::new(SEED);
        let interval = (self.each.len() > 1).then(|| interval_around(value, || self.draw(&mut random)));
        Some(Estimate { value, interval, repetitions: self.each.len() })
    }

    /// How many times `base` this is: the quotient of the two medians, drawn independently, since the two were not
    /// measured side by side. `None` without a repetition on either side.
    pub fn ratio_to(&self, base: &Self) -> Option<Estimate> {
        let above = median(self.values())?;
        let below = median(base.values())?;
        let repetitions = self.each.len().min(base.each.len());
        let mut random = Random::new(SEED);
        let interval = (repetitions > 1)
            .then(|| interval_around(above / below, || self.draw(&mut random) / base.draw(&mut random)));
        Some(Estimate { value: above / below, interval, repetitions })
    }

    /// One draw of the bootstrap: repetitions with replacement, then windows within each.
    fn draw(&self, random: &mut Random) -> f64 {
        let mut pick = || {
            let (repetition, as_measured) = &self.each[random.below(self.each.len())];
            repetition.redraw(self.kind, self.within, *as_measured, random)
        };
        let mut values: Vec<f64> = (0..self.each.len()).map(|_| pick()).collect();
        median_of(&mut values)
    }
}

fn interval_around(value: f64, mut draw: impl FnMut() -> f64) -> Interval {
    let mut draws: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    draws.sort_by(f64::total_cmp);
    // With few repetitions the draws can all fall to one side of the median itself; an interval holds its own estimate.
    Interval { low: quantile(&draws, TAIL).min(value), high: quantile(&draws, 1.0 - TAIL).max(value) }
}

/// The middle value; the mean of the two middle ones for an even number. `None` without any.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    (!values.is_empty()).then(|| median_of(&mut values))
}

fn median_of(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile(values, 0.5)
}

/// The value below which a share `q` of the sorted `values` lies, interpolated between neighbours (Hyndman & Fan's
/// type 7). `values` holds at least one.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let place = q.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (values[above] - values[below]) * (place - below as f64)
}

/// `SplitMix64` (Steele, Lea & Flood 2014): small, seeded, good enough to draw indices.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Equal seeds give equal draws.
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

    /// A number below `n`, which is at least 1. The bias of a multiply is below 2^-32 for any number of repetitions.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }
}

/// The median of the pairs' ratios, first over second, with its interval; `None` without a pair.
///
/// A ratio of medians would let a disturbance that met one side of some pairs and the other side of others through;
/// what disturbs both sides of a pair cancels here.
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
