//! Minimum task size of a pool: the grain at which it beats a serial loop, and the grain of 50 % efficiency.
//!
//! Both are the first point at which a curve over grains reaches a height, interpolated linearly over the logarithm of
//! the grain. Each repetition with all grains is one curve; the bootstrap draws curves with replacement, takes the
//! median at each grain and repeats the search (Efron & Tibshirani 1993, chapter 13). METG(50 %) is the minimum
//! effective task granularity of Slaughter et al., Task Bench, SC 2020.

use std::collections::BTreeMap;

use ipcmark_record::{Record, metric};

use super::statistics::{DRAWS, Interval, Random, SEED, TAIL, median};
use super::study::CaseStudy;
use super::trials::cost_ns;
use crate::format;

/// First grain at which a curve reaches a height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reach {
    /// At the smallest measured grain, in nanoseconds, or below.
    AtMost(f64),
    /// Between the measured grains.
    At {
        /// Grain from the medians, in nanoseconds.
        grain_ns: f64,
        /// 95 % interval; infinite if some draws never reach the height, absent below two repetitions.
        interval: Option<Interval>,
    },
    /// Nowhere up to the largest measured grain, in nanoseconds.
    Never(f64),
}

impl Reach {
    /// Grain, if there is one.
    pub fn at(self) -> Option<f64> {
        match self {
            Self::At { grain_ns, .. } => Some(grain_ns),
            Self::AtMost(_) | Self::Never(_) => None,
        }
    }

    /// `3.2 µs (2.9 to 3.6 µs)`, `at most 100 ns`, `above 10 ms`.
    pub fn describe(self) -> String {
        let short = |ns: f64| format::time(ns).trimmed();
        match self {
            Self::AtMost(least) => format!("at most {}", short(least)),
            Self::Never(most) => format!("above {}", short(most)),
            Self::At { grain_ns, interval: None } => format::ns(grain_ns),
            Self::At { grain_ns, interval: Some(Interval { low, high }) } if high.is_finite() => {
                format!("{} ({})", format::time(grain_ns), format::span(low, high, format::time))
            }
            Self::At { grain_ns, interval: Some(Interval { low, .. }) } => {
                format!("{} (from {} to more than was tried)", format::time(grain_ns), format::time(low))
            }
        }
    }

    /// Sort key; a smaller grain comes first.
    pub fn rank(self) -> f64 {
        match self {
            Self::AtMost(least) => least * 0.5,
            Self::At { grain_ns, .. } => grain_ns,
            Self::Never(_) => f64::MAX,
        }
    }
}

/// Values over grains.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Nanoseconds of work in a task, ascending; 0 has no position on a logarithmic axis.
    grains: Vec<f64>,
    /// One row for each repetition, one column for each grain.
    repetitions: Vec<Vec<Option<f64>>>,
}

impl Curve {
    /// Builds a curve from columns: a grain, and the value of each repetition by its key.
    pub fn new<K: Ord>(columns: impl IntoIterator<Item = (u64, Vec<(K, f64)>)>) -> Self {
        let mut columns: Vec<(u64, Vec<(K, f64)>)> =
            columns.into_iter().filter(|(grain, heights)| *grain > 0 && !heights.is_empty()).collect();
        columns.sort_by_key(|column| column.0);
        let grains: Vec<f64> = columns.iter().map(|column| column.0 as f64).collect();
        let mut repetitions: BTreeMap<K, Vec<Option<f64>>> = BTreeMap::new();
        for (column, (_, heights)) in columns.into_iter().enumerate() {
            for (repetition, height) in heights.into_iter().filter(|(_, height)| height.is_finite()) {
                repetitions.entry(repetition).or_insert_with(|| vec![None; grains.len()])[column] = Some(height);
            }
        }
        Self { grains, repetitions: repetitions.into_values().collect() }
    }

    /// First grain that reaches `height`; `None` with fewer than two grains.
    pub fn reaches(&self, height: f64) -> Option<Reach> {
        let (&least, &most) = (self.grains.first()?, self.grains.last()?);
        if self.grains.len() < 2 || self.repetitions.is_empty() {
            return None;
        }
        let measured = self.first(&self.repetitions.iter().collect::<Vec<_>>(), height);
        if measured <= least {
            return Some(Reach::AtMost(least));
        }
        if measured > most {
            return Some(Reach::Never(most));
        }
        let interval = (self.repetitions.len() > 1).then(|| self.interval(height, measured));
        Some(Reach::At { grain_ns: measured, interval })
    }

    fn interval(&self, height: f64, measured: f64) -> Interval {
        let mut random = Random::new(SEED);
        let mut draw = || {
            let drawn: Vec<_> =
                self.repetitions.iter().map(|_| &self.repetitions[random.below(self.repetitions.len())]).collect();
            self.first(&drawn, height)
        };
        let mut draws: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        draws.sort_by(f64::total_cmp);
        // Nearest rank, since a grain and infinity have no midpoint.
        let rank = |share: f64| draws[((DRAWS - 1) as f64 * share).round() as usize];
        Interval { low: rank(TAIL).min(measured), high: rank(1.0 - TAIL).max(measured) }
    }

    /// First grain at which the median of `repetitions` reaches `height`; infinite if none does.
    fn first(&self, repetitions: &[&Vec<Option<f64>>], height: f64) -> f64 {
        let mut before: Option<(f64, f64)> = None;
        for (column, &grain) in self.grains.iter().enumerate() {
            let Some(here) = median(repetitions.iter().filter_map(|repetition| repetition[column])) else { continue };
            if here >= height {
                let Some((left, below)) = before else { return grain };
                let share = (height - below) / (here - below);
                return (left.ln() + (grain.ln() - left.ln()) * share).exp();
            }
            before = Some((grain, here));
        }
        f64::INFINITY
    }
}

/// Share of the workers' time that is work, over the grains of `cases`; 0.5 at METG(50 %).
pub fn efficiency(cases: &[&CaseStudy<'_>]) -> Curve {
    let share = |record: &Record| record.outcome.metric(metric::EFFICIENCY);
    Curve::new(cases.iter().map(|case| {
        let repetitions = case.usable().filter_map(|record| Some((of_repetition(record), share(record)?)));
        (case.case.params.grain_ns.unwrap_or(0), repetitions.collect())
    }))
}

/// Logarithm of a pool's speed-up over the serial loop, over common grains and paired by repetition; 0 at break-even.
pub fn gain(cases: &[&CaseStudy<'_>], serial: &[&CaseStudy<'_>]) -> Curve {
    let pairs = cases.iter().filter_map(|case| {
        let same = |other: &&&CaseStudy<'_>| other.case.params.grain_ns == case.case.params.grain_ns;
        Some((case, serial.iter().find(same)?))
    });
    Curve::new(pairs.map(|(case, serial)| {
        let ratio = |record: &Record| {
            let partner = serial.usable().find(|other| of_repetition(other) == of_repetition(record))?;
            Some((cost_ns(partner)? / cost_ns(record)?).ln())
        };
        let repetitions = case.usable().filter_map(|record| Some((of_repetition(record), ratio(record)?)));
        (case.case.params.grain_ns.unwrap_or(0), repetitions.collect())
    }))
}

fn of_repetition(record: &Record) -> (String, u32) {
    (record.run_id.clone(), record.repetition)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five repetitions at 100 ns to 1 ms, each a little higher than the one before.
    fn curve(height: impl Fn(f64) -> f64) -> Curve {
        let columns = [100u64, 1_000, 10_000, 100_000, 1_000_000].map(|grain| {
            let repetitions =
                (0..5u32).map(|repetition| (repetition, height(grain as f64) * (0.98 + 0.01 * f64::from(repetition))));
            (grain, repetitions.collect())
        });
        Curve::new(columns)
    }

    #[test]
    fn half_of_the_time_is_work_where_a_task_is_as_long_as_its_overhead() {
        // An overhead of 10 µs lies on a measured grain, so no interpolation is needed.
        let Some(Reach::At { grain_ns, interval }) = curve(|grain| grain / (grain + 10_000.0)).reaches(0.5) else {
            panic!("it crosses");
        };
        assert!((grain_ns / 10_000.0 - 1.0).abs() < 1e-9, "{grain_ns}");
        let Interval { low, high } = interval.expect("five repetitions");
        assert!(low <= grain_ns && grain_ns <= high && high / low < 1.2, "{low} to {high}");
    }

    #[test]
    fn between_grains_the_logarithm_decides() {
        let curve = Curve::new([(1_000, vec![(0, 0.25)]), (100_000, vec![(0, 0.75)])]);
        let reach = curve.reaches(0.5);
        assert!(matches!(reach, Some(Reach::At { grain_ns, interval: None }) if (grain_ns - 10_000.0).abs() < 1e-6));
    }

    #[test]
    fn a_curve_that_never_gets_there_says_so_and_one_that_starts_there_too() {
        assert_eq!(curve(|_| 0.3).reaches(0.5), Some(Reach::Never(1_000_000.0)));
        assert_eq!(curve(|_| 0.9).reaches(0.5), Some(Reach::AtMost(100.0)));
        assert_eq!(curve(|_| 0.3).reaches(0.5).map(Reach::describe), Some("above 1\u{202f}ms".into()));
        assert!(Curve::new([(1_000, vec![(0, 1.0)])]).reaches(0.5).is_none(), "one grain is no curve");
        assert!(Curve::new::<u32>([]).reaches(0.5).is_none());
    }

    #[test]
    fn no_work_has_no_place_on_the_axis() {
        let curve = Curve::new([(0, vec![(0, 0.9)]), (1_000, vec![(0, 0.1)]), (10_000, vec![(0, 0.9)])]);
        assert!(curve.reaches(0.5).and_then(Reach::at).is_some_and(|grain| (1_000.0..10_000.0).contains(&grain)));
    }

    #[test]
    fn where_some_repetitions_never_get_there_the_interval_is_open() {
        let repetitions = |heights: [f64; 3]| (0..3).zip(heights).collect::<Vec<(u32, f64)>>();
        let curve = Curve::new([(1_000, repetitions([0.1; 3])), (10_000, repetitions([0.6, 0.55, 0.2]))]);
        let Some(Reach::At { interval: Some(interval), .. }) = curve.reaches(0.5) else { panic!("two of three do") };
        assert!(interval.high.is_infinite() && interval.low.is_finite());
    }

    #[test]
    fn a_dip_after_the_first_crossing_changes_nothing() {
        let curve = Curve::new([
            (100, vec![(0, 0.1)]),
            (1_000, vec![(0, 0.6)]),
            (10_000, vec![(0, 0.4)]),
            (100_000, vec![(0, 0.9)]),
        ]);
        assert!(curve.reaches(0.5).and_then(Reach::at).is_some_and(|grain| grain < 1_000.0));
    }
}
