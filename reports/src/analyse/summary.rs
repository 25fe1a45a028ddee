//! Summary of one case: its main metric, its verdict, and its ratio to the machine's floor.

use ipcmark_record::{Case, Floors, Kind, MainMetric, Measure, Record, Verdict, metric};

use super::plausible::times_one_core;
use super::series::{Manner, Series};
use super::statistics::{Estimate, Repetitions};
use super::trials::{cost_ns, distribution, over_repetitions, repetitions, usable};
pub use super::verdict::RepetitionCounts;
use super::verdict::judge;
use crate::format::{self, Quantity};

/// A value of the main metric as people read it.
pub fn shown(main: MainMetric, value: f64) -> Quantity {
    if main.is_rate() { format::rate(value) } else { format::time(value) }
}

/// One line of a report's table, or of the terminal's.
#[derive(Clone, Debug)]
pub struct CaseSummary {
    /// What was asked.
    pub case: Case,
    /// As recorded.
    pub case_key: String,
    /// The mechanism's row and whatever sets this case apart from others of the same row.
    pub row: String,
    /// What a side does while it has nothing to do: `polls`, `blocks`, ...
    pub manner: &'static str,
    /// What [`Self::typical`] counts; `None` for cases that measure no time.
    pub main: Option<MainMetric>,
    /// The main metric: median over repetitions and 95 % interval.
    pub typical: Option<Estimate>,
    /// Median of the merged distribution, in nanoseconds. Percentiles are absent when too few samples lie beyond them.
    pub p50_ns: Option<f64>,
    /// 99th percentile.
    pub p99_ns: Option<f64>,
    /// 99.9th percentile.
    pub p999_ns: Option<f64>,
    /// Verified messages a second, for streams.
    pub messages_per_s: Option<f64>,
    /// Verified payload bytes a second, for streams.
    pub bytes_per_s: Option<f64>,
    /// Share of the messages sent that never arrived, where some may.
    pub lost_share: Option<f64>,
    /// How many times as fast a stream is as one core of this machine copies messages of its size, where that is known.
    /// Above 1 the rate is not one of bytes that were written, moved and read one after the other.
    pub times_one_core: Option<f64>,
    /// CPU time of all roles for one message, median over repetitions.
    pub cpu_ns_per_message: Option<f64>,
    /// How many times the floor that ran next to it: median of paired ratios and interval.
    pub to_floor: Option<Estimate>,
    /// Which floor.
    pub floor_name: Option<String>,
    /// How far to trust it; `None` when too few repetitions ran to judge.
    pub verdict: Option<Verdict>,
    /// Why.
    pub why: String,
    /// How many repetitions came to what.
    pub repetitions: RepetitionCounts,
}

impl CaseSummary {
    /// Summarises the repetitions of one case; `records` holds at least one, and `floors` are those of its machine.
    pub(crate) fn of(series: &Series, records: &[&Record], floors: Option<&Floors>) -> Self {
        let main = records[0].case.main_metric();
        let typical = main.and_then(|main| main_sets(records, main).estimate());
        let latencies = distribution(records);
        let percentile = |q: f64, name: &str| match &latencies {
            Some(latencies) => latencies.at(q),
            None => over_repetitions(records, name),
        };
        let (verdict, why) = judge(records, typical.as_ref(), main.is_some());
        let identity = Self::without_numbers(series, records, main, verdict, why);
        if verdict == Some(Verdict::Invalid) {
            return identity;
        }
        let messages_per_s = over_repetitions(records, metric::MESSAGES_PER_S);
        // One thread that plays both sides moves nothing, so its rate is not one of bytes.
        let streams = records[0].case.measure == Measure::Stream && series.manner != Manner::Alone;
        Self {
            typical,
            times_one_core: messages_per_s.filter(|_| streams).zip(floors).and_then(|(rate, floors)| {
                times_one_core(floors, records[0].case.params.message_bytes.unwrap_or(0), rate)
            }),
            p50_ns: percentile(0.5, metric::P50_NS),
            p99_ns: percentile(0.99, metric::P99_NS),
            p999_ns: percentile(0.999, metric::P999_NS),
            messages_per_s,
            bytes_per_s: over_repetitions(records, metric::BYTES_PER_S),
            lost_share: over_repetitions(records, metric::LOST_SHARE),
            // Nothing is free: 0 means that the hot phase was shorter than the tick by which CPU time is counted.
            cpu_ns_per_message: over_repetitions(records, metric::CPU_NS_PER_MESSAGE).filter(|&ns| ns > 0.0),
            to_floor: to_floor(records).estimate(),
            floor_name: usable(records).find_map(|r| r.outcome.floor.as_ref()).map(|floor| floor.name.clone()),
            ..identity
        }
    }

    /// The main metric and both ends of its interval, as the tables behind charts have them side by side.
    pub fn spread(&self) -> [Option<f64>; 3] {
        let interval = self.typical.and_then(|typical| typical.interval);
        [self.typical.map(|typical| typical.value), interval.map(|i| i.low), interval.map(|i| i.high)]
    }

    /// The word for the verdict, also when there is none yet.
    pub fn verdict_word(&self) -> &'static str {
        self.verdict.map_or("too few repetitions", Verdict::word)
    }

    /// What is known of a case without trusting any of its numbers: all there is to say when a check failed.
    fn without_numbers(
        series: &Series,
        records: &[&Record],
        main: Option<MainMetric>,
        verdict: Option<Verdict>,
        why: String,
    ) -> Self {
        Self {
            case: records[0].case.clone(),
            case_key: records[0].case_key.clone(),
            row: series.label(),
            manner: series.manner.word(),
            main,
            typical: None,
            p50_ns: None,
            p99_ns: None,
            p999_ns: None,
            messages_per_s: None,
            bytes_per_s: None,
            lost_share: None,
            times_one_core: None,
            cpu_ns_per_message: None,
            to_floor: None,
            floor_name: None,
            verdict,
            why,
            repetitions: RepetitionCounts::of(records.iter().copied()),
        }
    }
}

fn main_sets(records: &[&Record], main: MainMetric) -> Repetitions {
    repetitions(records, main.kind, |record| record.outcome.metrics.as_ref()?.get(main.name).copied())
}

/// Each repetition over the floor of the same repetition: what disturbs both cancels out.
fn to_floor(records: &[&Record]) -> Repetitions {
    repetitions(records, Kind::Cost, |record| {
        let floor = record.outcome.floor.as_ref().filter(|floor| floor.ns > 0.0)?;
        Some(cost_ns(record)? / floor.ns)
    })
}
