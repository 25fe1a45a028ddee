//! What the trials of one case say together: the repetitions that count, their values, their latencies, their cost.

use ipcmark_record::{Case, Ending, Measure, Record, Status, metric};

use super::distribution::Distribution;
use super::statistics::{Estimate, Kind, SetValue, Sets, Within, median};
use super::study::CaseStudy;
use super::verdict::is_invalid;

/// The repetitions whose numbers count: measured, every check passed.
pub fn usable<'a, 's>(records: &'s [&'a Record]) -> impl Iterator<Item = &'a Record> + use<'a, 's> {
    records.iter().copied().filter(|r| r.outcome.status == Status::Measured && !is_invalid(&r.outcome))
}

/// All latencies of the usable repetitions.
pub fn distribution(records: &[&Record]) -> Option<Distribution> {
    Distribution::merge(usable(records).filter_map(|record| record.outcome.histogram.as_deref()))
}

/// A metric of the usable repetitions with its windows, ready for the bootstrap.
pub fn sets(records: &[&Record], kind: Kind, value: impl Fn(&Record) -> Option<f64>) -> Sets {
    let of = |record: &Record| {
        let windows = record.outcome.windows.iter().flatten();
        let windows = windows.filter(|w| w.messages > 0).map(|w| (w.elapsed_ns as f64, w.messages as f64)).collect();
        Some(SetValue { value: value(record)?, windows })
    };
    // The suite's own way of making a set's value: a round trip is its median window, a rate the whole hot phase.
    let within = match records.first().map(|record| record.case.measure) {
        Some(Measure::RoundTrip | Measure::Acquire) => Within::Median,
        _ => Within::Total,
    };
    Sets::new(kind, within, usable(records).filter_map(of))
}

/// Nanoseconds for one round trip or one message: the unit in which cases are compared with floors and each other.
pub fn cost_ns(record: &Record) -> Option<f64> {
    let metrics = record.outcome.metrics.as_ref()?;
    match record.case.measure {
        Measure::RoundTrip => metrics.get(metric::ROUND_TRIP_NS).copied(),
        Measure::Stream => metrics.get(metric::MESSAGES_PER_S).map(|rate| 1e9 / rate),
        Measure::Paced => metrics.get(metric::LATENCY_NS).copied(),
        Measure::Wake => metrics.get(metric::WAKE_NS).copied(),
        Measure::SetUp => metrics.get(metric::SET_UP_NS).copied(),
        Measure::Acquire => metrics.get(metric::ACQUIRE_NS).copied(),
        Measure::Contention => metrics.get(metric::ACQUISITIONS_PER_S).map(|rate| 1e9 / rate),
        Measure::ReadMostly => metrics.get(metric::READS_PER_S).map(|rate| 1e9 / rate),
        Measure::Tickets => metrics.get(metric::SALE_NS).copied(),
        Measure::Recover => metrics.get(metric::RECOVERY_NS).copied(),
        Measure::StartUp => metrics.get(metric::START_UP_NS).copied(),
        Measure::Watch => metrics.get(noticed(&record.case)).copied(),
        Measure::FirstWrite => metrics.get(metric::FIRST_WRITE_NS).copied(),
        Measure::Dispatch => metrics.get(metric::TASK_NS).copied(),
        Measure::Idle => metrics.get(metric::IDLE_CPU_NS_PER_S).copied(),
        Measure::Drain => metrics.get(metric::DRAIN_NS).copied(),
        Measure::Access => metrics.get(metric::ACCESSES_PER_S).map(|rate| 1e9 / rate),
        Measure::Serve => metrics.get(metric::REQUESTS_PER_S).map(|rate| 1e9 / rate),
        Measure::Parallel => metrics.get(metric::WORK_NS).copied(),
        Measure::CostModel | Measure::Conformance | Measure::Floors => None,
    }
}

/// What a case about an end is about: when it was known; of one that was long over, what collecting it took.
pub fn noticed(case: &Case) -> &'static str {
    if case.params.ending == Some(Ending::Zombie) { metric::REAP_NS } else { metric::NOTICE_NS }
}

/// Any metric's median over the usable repetitions with its interval.
pub fn estimate(records: &[&Record], kind: Kind, name: &str) -> Option<Estimate> {
    sets(records, kind, |record| record.outcome.metrics.as_ref()?.get(name).copied()).estimate()
}

/// A metric's median over the usable repetitions.
pub fn over_sets(records: &[&Record], name: &str) -> Option<f64> {
    median(usable(records).filter_map(|record| record.outcome.metrics.as_ref()?.get(name).copied()))
}

/// A metric's median over the usable repetitions of a case.
pub fn value(case: &CaseStudy<'_>, name: &str) -> Option<f64> {
    over_sets(&case.records, name)
}
