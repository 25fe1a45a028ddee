//! Trials of one case combined: usable repetitions, metrics, latencies and cost.

use ipcmark_record::percentile::is_resolved;
use ipcmark_record::{Kind, Record, Status, metric};

use super::distribution::Distribution;
use super::statistics::{Estimate, RepetitionValue, Repetitions, Within, median, paired_ratio};
use super::study::CaseStudy;
use super::verdict::is_invalid;
use crate::format;

/// Usable repetitions: measured, with every check passed.
pub fn usable<'a, 's>(records: &'s [&'a Record]) -> impl Iterator<Item = &'a Record> + use<'a, 's> {
    records.iter().copied().filter(|record| is_usable(record))
}

/// Whether the trial was measured and passed every check.
pub fn is_usable(record: &Record) -> bool {
    record.outcome.status == Status::Measured && !is_invalid(&record.outcome)
}

/// Largest step of the clocks that stamped single events in the usable repetitions; 0 if unknown.
pub fn clock_step_ns(records: &[&Record]) -> f64 {
    usable(records).filter_map(Record::clock_step_ns).fold(0.0, f64::max)
}

/// Whether the clock can tell this value of the metric `name`. All other metrics are made of many events.
fn can_tell(records: &[&Record], name: &str, value: f64) -> bool {
    !metric::OF_SINGLE_EVENTS.contains(&name) || is_resolved(value, clock_step_ns(records))
}

/// Merged latencies of the usable repetitions.
pub fn distribution<'a>(records: &[&'a Record]) -> Option<Distribution> {
    let values = |record: &Record| record.outcome.metric(metric::SAMPLED_EVERY).unwrap_or(1.0);
    let with_values = |record: &'a Record| Some((record.outcome.histogram.as_deref()?, values(record)));
    let merged = Distribution::merge_sampled(usable(records).filter_map(with_values))?;
    Some(merged.stamped_in_steps_of(clock_step_ns(records)))
}

/// Metric of the usable repetitions with its windows, for the bootstrap.
pub fn repetitions(records: &[&Record], kind: Kind, value: impl Fn(&Record) -> Option<f64>) -> Repetitions {
    let of = |record: &Record| {
        let windows = record.outcome.windows.iter().flatten();
        let windows = windows.filter(|w| w.messages > 0).map(|w| (w.elapsed_ns as f64, w.messages as f64)).collect();
        Some(RepetitionValue { value: value(record)?, windows })
    };
    // As in the harness: a round trip is its median window, a rate covers the whole hot phase.
    let median = records.first().is_some_and(|record| record.case.measure.row().median_of_windows);
    let within = if median { Within::Median } else { Within::Total };
    Repetitions::new(kind, within, usable(records).filter_map(of))
}

/// Nanoseconds for one round trip or message, for comparison with floors and other cases.
pub fn cost_ns(record: &Record) -> Option<f64> {
    let main = record.case.main_metric()?;
    record.outcome.metric(main.name).map(|value| main.cost_ns(value))
}

/// Median of a metric over the usable repetitions, with its interval.
pub fn estimate(records: &[&Record], kind: Kind, name: &str) -> Option<Estimate> {
    let found = repetitions(records, kind, |record| record.outcome.metric(name)).estimate();
    found.filter(|found| can_tell(records, name, found.value))
}

/// Percentile of each usable repetition, median over them with its interval; `None` if one of them had too few samples, or
/// if the clock cannot tell it.
///
/// Whether a percentile has enough samples is decided where it is measured, since an entry of a histogram may stand for
/// several values. A repetition without it is not left out: the slowest have the fewest samples.
pub fn percentile(records: &[&Record], name: &str) -> Option<Estimate> {
    found_percentile(records, name).filter(|found| can_tell(records, name, found.value))
}

fn found_percentile(records: &[&Record], name: &str) -> Option<Estimate> {
    let of = |record: &Record| Some(RepetitionValue { value: record.outcome.metric(name)?, windows: vec![] });
    let each: Option<Vec<RepetitionValue>> = usable(records).map(of).collect();
    Repetitions::new(Kind::Cost, Within::Total, each?).estimate()
}

/// Times of single events, by the name that reports use.
const NAMED: [(&str, &str); 4] =
    [("p50", metric::P50_NS), ("p99", metric::P99_NS), ("p99.9", metric::P999_NS), ("hand-off", metric::HAND_OFF_NS)];

/// Times that are withheld since the clock cannot tell them, in words.
pub fn withheld(records: &[&Record]) -> Option<String> {
    let of = |(word, name): &(&'static str, &str)| {
        (!can_tell(records, name, found_percentile(records, name)?.value)).then_some(*word)
    };
    let words: Vec<&str> = NAMED.iter().filter_map(of).collect();
    (!words.is_empty()).then(|| format!("{} withheld: {}", words.join(" and "), coarse_clock(records)))
}

/// That the clock cannot tell the median `typical` of the main metric `name`, in words.
pub fn coarse(records: &[&Record], name: &str, typical: f64) -> Option<String> {
    (!can_tell(records, name, typical)).then(|| format!("median of single events: {}", coarse_clock(records)))
}

fn coarse_clock(records: &[&Record]) -> String {
    format!("one step of the clock, {}, is more than a tenth", format::ns(clock_step_ns(records)))
}

/// Share by which the stamped loop of a round trip may differ from the counted one unmarked.
const STAMPING_MAX: f64 = 0.05;

/// Round trips with a clock read after each, which give the distribution, beside those without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stamping {
    /// Mean of the trips that were only counted, median over repetitions.
    pub counted_ns: f64,
    /// Mean of the stamped trips, median over repetitions.
    pub stamped_ns: f64,
    /// Stamped over counted, paired by repetition.
    pub ratio: Estimate,
}

impl Stamping {
    /// Compares the loops of the usable repetitions; `None` without stamped trips.
    pub fn of(records: &[&Record]) -> Option<Self> {
        let pair = |record: &Record| {
            let stamped_ns = record.outcome.metric(metric::STAMPED_ROUND_TRIP_NS)?;
            let windows = record.outcome.windows.iter().flatten();
            let sum = windows.fold((0, 0), |sum, window| (sum.0 + window.elapsed_ns, sum.1 + window.messages));
            (sum.1 > 0).then(|| (stamped_ns, sum.0 as f64 / sum.1 as f64))
        };
        let pairs: Vec<(f64, f64)> = usable(records).filter_map(pair).collect();
        Some(Self {
            counted_ns: median(pairs.iter().map(|pair| pair.1))?,
            stamped_ns: median(pairs.iter().map(|pair| pair.0))?,
            ratio: paired_ratio(&pairs)?,
        })
    }

    /// Difference, if it is more than 5 % of a counted trip.
    pub fn warning(&self) -> Option<String> {
        let share = self.ratio.value - 1.0;
        (share.abs() > STAMPING_MAX).then(|| {
            format!(
                "{} {} with a clock read after every trip: {} instead of {}",
                format::percent(share.abs()),
                if share > 0.0 { "slower" } else { "faster" },
                format::ns(self.stamped_ns),
                format::ns(self.counted_ns),
            )
        })
    }
}

/// Median of a metric over the usable repetitions.
pub fn over_repetitions(records: &[&Record], name: &str) -> Option<f64> {
    median(usable(records).filter_map(|record| record.outcome.metric(name)))
        .filter(|value| can_tell(records, name, *value))
}

/// [`over_repetitions`] of a case.
pub fn value(case: &CaseStudy<'_>, name: &str) -> Option<f64> {
    over_repetitions(&case.records, name)
}
