//! Summary of one case: main metric, verdict and ratio to the floor.

use ipcmark_record::{Case, Floors, Kind, MainMetric, Measure, PairedFloor, Record, Verdict, metric};

use super::distance::{AtDistance, Distance, describe};
use super::modes;
use super::plausible::times_one_core;
use super::series::{Manner, Series};
use super::statistics::{Estimate, Repetitions};
use super::study::AtDistances;
use super::trials::{coarse, cost_ns, over_repetitions, percentile, repetitions, usable, withheld};
pub use super::verdict::RepetitionCounts;
use super::verdict::judge;
use crate::format::{self, Quantity};

/// Formats a value of the main metric.
pub fn shown(main: MainMetric, value: f64) -> Quantity {
    if main.is_rate() { format::rate(value) } else { format::time(value) }
}

/// Summary of a case, one row of a table.
#[derive(Clone, Debug)]
pub struct CaseSummary {
    /// Parameters of the case.
    pub case: Case,
    /// Recorded case key.
    pub case_key: String,
    /// Label of its series.
    pub row: String,
    /// Wait behaviour: `polls`, `blocks`, ...
    pub manner: &'static str,
    /// Metric of [`Self::typical`]; `None` for untimed cases.
    pub main: Option<MainMetric>,
    /// Main metric: median over repetitions with its interval.
    pub typical: Option<Estimate>,
    /// CPU distance of all numbers; `None` if the CPUs did not move.
    pub distance: Option<Distance>,
    /// Main metric at other CPU distances, the nearest first.
    pub elsewhere: Vec<AtDistance>,
    /// Median latency of each repetition in nanoseconds, median over them; absent, like all percentiles, if a repetition
    /// has too few samples beyond it.
    pub p50_ns: Option<Estimate>,
    /// 99th percentile.
    pub p99_ns: Option<Estimate>,
    /// 99.9th percentile.
    pub p999_ns: Option<Estimate>,
    /// Verified messages a second, for streams.
    pub messages_per_s: Option<f64>,
    /// Verified payload bytes a second, for streams.
    pub bytes_per_s: Option<f64>,
    /// Share of messages lost, if the mechanism may lose some.
    pub lost_share: Option<f64>,
    /// Rate of a stream divided by the copy rate of one core, if known. Above 1 the bytes were not all written, moved
    /// and read by one core.
    pub times_one_core: Option<f64>,
    /// CPU time of all roles for one message, median over repetitions.
    pub cpu_ns_per_message: Option<f64>,
    /// Ratio to the floor or reference beside it: median of paired ratios with interval.
    pub to_floor: Option<Estimate>,
    /// Label of that floor or reference.
    pub floor_label: Option<String>,
    /// Whether it is a lower bound, not a reference.
    pub floor_bounds: bool,
    /// That the clock cannot tell the main metric, in words.
    pub coarse: Option<String>,
    /// Several speeds within its trials, in words.
    pub speeds: Option<String>,
    /// Verdict; `None` with too few repetitions.
    pub verdict: Option<Verdict>,
    /// Reason for the verdict.
    pub why: String,
    /// Repetitions by outcome.
    pub repetitions: RepetitionCounts,
}

impl CaseSummary {
    /// Summarises one case; `records` is not empty, and `floors` are those of its machine.
    pub(crate) fn of(series: &Series, records: &[&Record], floors: Option<&Floors>) -> Self {
        let main = records[0].case.main_metric();
        let typical = main.and_then(|main| main_sets(records, main).estimate());
        let (verdict, mut why) = judge(records, typical.as_ref(), main.is_some());
        let speeds = modes::describe(records).filter(|_| verdict != Some(Verdict::Invalid));
        if let Some(speeds) = &speeds {
            why = format!("{why}; {speeds}");
        }
        let coarse = typical.zip(main).and_then(|(typical, main)| coarse(records, main.name, typical.value));
        for too_coarse in coarse.iter().cloned().chain(withheld(records)).filter(|_| verdict != Some(Verdict::Invalid))
        {
            why = format!("{why}; {too_coarse}");
        }
        let identity = Self::without_numbers(series, records, main, verdict, why);
        if verdict == Some(Verdict::Invalid) {
            return identity;
        }
        let messages_per_s = over_repetitions(records, metric::MESSAGES_PER_S);
        // A single thread with both roles moves no bytes, so its rate is not a rate of bytes.
        let streams = records[0].case.measure == Measure::Stream && series.manner != Manner::Alone;
        let floor = usable(records).find_map(|record| record.outcome.floor.as_ref());
        Self {
            typical,
            coarse,
            speeds,
            times_one_core: messages_per_s.filter(|_| streams).zip(floors).and_then(|(rate, floors)| {
                times_one_core(floors, records[0].case.params.message_bytes.unwrap_or(0), rate)
            }),
            p50_ns: percentile(records, metric::P50_NS),
            p99_ns: percentile(records, metric::P99_NS),
            p999_ns: percentile(records, metric::P999_NS),
            messages_per_s,
            bytes_per_s: over_repetitions(records, metric::BYTES_PER_S),
            lost_share: over_repetitions(records, metric::LOST_SHARE),
            // 0 means that the hot phase was shorter than the tick of CPU accounting.
            cpu_ns_per_message: over_repetitions(records, metric::CPU_NS_PER_MESSAGE).filter(|&ns| ns > 0.0),
            to_floor: to_floor(records).estimate(),
            floor_label: floor.map(PairedFloor::label),
            floor_bounds: floor.is_some_and(|floor| !floor.reference),
            ..identity
        }
    }

    /// Summarises one case whose CPUs moved during the run, from its records at the distance `main`; one of `here` and
    /// `elsewhere` is not empty.
    pub(crate) fn at(
        main: Distance,
        series: &Series,
        here: &[&Record],
        elsewhere: &AtDistances<'_>,
        floors: Option<&Floors>,
    ) -> Self {
        let others = || elsewhere.iter().flat_map(|(_, records)| records.iter().copied());
        let all: Vec<&Record> = here.iter().copied().chain(others()).collect();
        let mut summary = Self::of(series, if here.is_empty() { &all } else { here }, floors);
        let metric = summary.main;
        let typical = |records: &[&Record]| main_sets(records, metric?).estimate();
        let found = elsewhere
            .iter()
            .filter_map(|(distance, records)| Some(AtDistance { distance: (*distance)?, typical: typical(records)? }));
        let found: Vec<AtDistance> = found.collect();
        if summary.verdict != Some(Verdict::Invalid) {
            if usable(here).next().is_none() && others().next().is_some() {
                let why = format!("no repetition ran with the CPUs {main}, as those of this report");
                summary = Self::without_numbers(series, &all, metric, None, why);
            } else if metric.is_some() && summary.typical.is_some() {
                summary.distance = Some(main);
                summary.why = format!("with the CPUs {main}: {}", summary.why);
            }
            for one in found.iter().filter_map(|one| Some(describe(one, metric?))) {
                summary.why = format!("{}; {one}", summary.why);
            }
            let unknown: usize =
                elsewhere.iter().filter(|(at, _)| at.is_none()).map(|(_, records)| records.len()).sum();
            if unknown > 0 {
                summary.why = format!("{}; {unknown} left out, since the CPUs moved meanwhile", summary.why);
            }
        }
        Self { elsewhere: found, repetitions: RepetitionCounts::of(all), ..summary }
    }

    /// Main metric at each CPU distance, the nearest first; empty if the CPUs did not move.
    pub fn distances(&self) -> Vec<AtDistance> {
        let here = self.distance.zip(self.typical).map(|(distance, typical)| AtDistance { distance, typical });
        let mut all: Vec<AtDistance> = here.into_iter().chain(self.elsewhere.iter().copied()).collect();
        all.sort_by_key(|one| one.distance.rank);
        all
    }

    /// `far: 349 ns ±4 % (11 repetitions) · near: 65 ns ±9 % (range of 2 repetitions)`, the distance of the report first;
    /// `None` with a single distance.
    pub fn distances_in_words(&self) -> Option<String> {
        let main = self.main.filter(|_| !self.elsewhere.is_empty())?;
        let mut all = self.distances();
        all.sort_by_key(|one| Some(one.distance) != self.distance);
        Some(all.iter().map(|one| describe(one, main)).collect::<Vec<_>>().join(" · "))
    }

    /// Main metric and both ends of its interval, for tables.
    pub fn spread(&self) -> [Option<f64>; 3] {
        let interval = self.typical.and_then(|typical| typical.interval);
        [self.typical.map(|typical| typical.value), interval.map(|i| i.low), interval.map(|i| i.high)]
    }

    /// 99th percentile in nanoseconds.
    pub fn p99(&self) -> Option<f64> {
        self.p99_ns.map(|p99| p99.value)
    }

    /// Name of the verdict, or `too few repetitions`.
    pub fn verdict_word(&self) -> &'static str {
        self.verdict.map_or("too few repetitions", Verdict::word)
    }

    /// Summary without numbers, for a case that failed a check.
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
            distance: None,
            elsewhere: Vec::new(),
            p50_ns: None,
            p99_ns: None,
            p999_ns: None,
            messages_per_s: None,
            bytes_per_s: None,
            lost_share: None,
            times_one_core: None,
            cpu_ns_per_message: None,
            to_floor: None,
            floor_label: None,
            floor_bounds: false,
            coarse: None,
            speeds: None,
            verdict,
            why,
            repetitions: RepetitionCounts::of(records.iter().copied()),
        }
    }
}

fn main_sets(records: &[&Record], main: MainMetric) -> Repetitions {
    repetitions(records, main.kind, |record| record.outcome.metric(main.name))
}

/// Ratio of each repetition to its own floor, so that common disturbances cancel out.
fn to_floor(records: &[&Record]) -> Repetitions {
    repetitions(records, Kind::Cost, |record| {
        let floor = record.outcome.floor.as_ref().filter(|floor| floor.ns > 0.0)?;
        Some(cost_ns(record)? / floor.ns)
    })
}
