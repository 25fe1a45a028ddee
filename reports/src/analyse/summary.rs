//! What one case came to: a number, how far it can be trusted, and what it is worth next to the machine's floor.

use ipcmark_record::{Case, Floors, Measure, Record, Verdict, metric};

use super::plausible::times_one_core;
use super::series::{Manner, Series};
use super::statistics::{Estimate, Kind, Sets};
use super::trials::{cost_ns, distribution, noticed, over_sets, sets, usable};
pub use super::verdict::SetCounts;
use super::verdict::judge;
use crate::format::{self, Quantity};

/// The number a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MainMetric {
    /// Nanoseconds a round trip; less is better.
    RoundTripNs,
    /// Verified messages a second; more is better.
    MessagesPerS,
    /// Nanoseconds from when a message was due until it was verified; less is better.
    LatencyNs,
    /// Nanoseconds until the first message after a pause was verified; less is better.
    WakeNs,
    /// Nanoseconds from nothing to the first verified message and back to nothing; less is better.
    SetUpNs,
    /// Nanoseconds to take a free lock and let it go again; less is better.
    AcquireNs,
    /// Acquisitions a second of all contenders; more is better.
    AcquisitionsPerS,
    /// Reads a second of all readers; more is better.
    ReadsPerS,
    /// Nanoseconds for each ticket sold; less is better.
    SaleNs,
    /// Nanoseconds until the next holder has the lock of a dead one; less is better.
    RecoveryNs,
    /// Nanoseconds until a new process says its first word; less is better.
    StartUpNs,
    /// Nanoseconds until an end is known, or one that was long over is collected; less is better.
    NoticeNs,
    /// Nanoseconds for the first write to a shared page; less is better.
    FirstWriteNs,
    /// Nanoseconds a task; less is better.
    TaskNs,
    /// Nanoseconds of CPU time a second without work; less is better.
    IdleCpuNs,
    /// Nanoseconds from the last put until all is done; less is better.
    DrainNs,
    /// Gets and sets a second; more is better.
    AccessesPerS,
    /// Requests a second; more is better.
    RequestsPerS,
    /// Nanoseconds for the work of two; less is better.
    WorkNs,
}

impl MainMetric {
    /// The number that answers a measure's question; `None` for measures that time nothing.
    pub const fn of(measure: Measure) -> Option<Self> {
        match measure {
            Measure::RoundTrip => Some(Self::RoundTripNs),
            Measure::Stream => Some(Self::MessagesPerS),
            Measure::Paced => Some(Self::LatencyNs),
            Measure::Wake => Some(Self::WakeNs),
            Measure::SetUp => Some(Self::SetUpNs),
            Measure::Acquire => Some(Self::AcquireNs),
            Measure::Contention => Some(Self::AcquisitionsPerS),
            Measure::ReadMostly => Some(Self::ReadsPerS),
            Measure::Tickets => Some(Self::SaleNs),
            Measure::Recover => Some(Self::RecoveryNs),
            Measure::StartUp => Some(Self::StartUpNs),
            Measure::Watch => Some(Self::NoticeNs),
            Measure::FirstWrite => Some(Self::FirstWriteNs),
            Measure::Dispatch => Some(Self::TaskNs),
            Measure::Idle => Some(Self::IdleCpuNs),
            Measure::Drain => Some(Self::DrainNs),
            Measure::Access => Some(Self::AccessesPerS),
            Measure::Serve => Some(Self::RequestsPerS),
            Measure::Parallel => Some(Self::WorkNs),
            Measure::CostModel | Measure::Conformance | Measure::Floors => None,
        }
    }

    /// Its name in records, and what a slow moment does to it.
    const fn recorded(self) -> (Kind, &'static str) {
        match self {
            Self::RoundTripNs => (Kind::Cost, metric::ROUND_TRIP_NS),
            Self::MessagesPerS => (Kind::Rate, metric::MESSAGES_PER_S),
            Self::LatencyNs => (Kind::Cost, metric::LATENCY_NS),
            Self::WakeNs => (Kind::Cost, metric::WAKE_NS),
            Self::SetUpNs => (Kind::Cost, metric::SET_UP_NS),
            Self::AcquireNs => (Kind::Cost, metric::ACQUIRE_NS),
            Self::AcquisitionsPerS => (Kind::Rate, metric::ACQUISITIONS_PER_S),
            Self::ReadsPerS => (Kind::Rate, metric::READS_PER_S),
            Self::SaleNs => (Kind::Cost, metric::SALE_NS),
            Self::RecoveryNs => (Kind::Cost, metric::RECOVERY_NS),
            Self::StartUpNs => (Kind::Cost, metric::START_UP_NS),
            Self::NoticeNs => (Kind::Cost, metric::NOTICE_NS),
            Self::FirstWriteNs => (Kind::Cost, metric::FIRST_WRITE_NS),
            Self::TaskNs => (Kind::Cost, metric::TASK_NS),
            Self::IdleCpuNs => (Kind::Cost, metric::IDLE_CPU_NS_PER_S),
            Self::DrainNs => (Kind::Cost, metric::DRAIN_NS),
            Self::AccessesPerS => (Kind::Rate, metric::ACCESSES_PER_S),
            Self::RequestsPerS => (Kind::Rate, metric::REQUESTS_PER_S),
            Self::WorkNs => (Kind::Cost, metric::WORK_NS),
        }
    }

    /// How many in a second, and not how long one takes.
    pub const fn is_rate(self) -> bool {
        matches!(self.recorded().0, Kind::Rate)
    }

    /// A value as people read it.
    pub fn shown(self, value: f64) -> Quantity {
        if self.is_rate() { format::rate(value) } else { format::time(value) }
    }
}

/// One line of a report's table, or of the terminal's.
#[derive(Clone, Debug)]
pub struct CaseSummary {
    /// What was asked.
    pub case: Case,
    /// As recorded.
    pub case_key: String,
    /// The mechanism's row and whatever repetitions this case apart from others of the same row.
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
    /// How far to trust it; `None` when too few sets ran to judge.
    pub verdict: Option<Verdict>,
    /// Why.
    pub why: String,
    /// How many repetitions came to what.
    pub sets: SetCounts,
}

impl CaseSummary {
    /// Summarises the sets of one case; `records` holds at least one, and `floors` are those of its machine.
    pub(crate) fn of(series: &Series, records: &[&Record], floors: Option<&Floors>) -> Self {
        let main = MainMetric::of(records[0].case.measure);
        let typical = main.and_then(|main| main_sets(records, main).estimate());
        let latencies = distribution(records);
        let percentile = |q: f64, name: &str| match &latencies {
            Some(latencies) => latencies.at(q),
            None => over_sets(records, name),
        };
        let (verdict, why) = judge(records, typical.as_ref(), main.is_some());
        let identity = Self::without_numbers(series, records, main, verdict, why);
        if verdict == Some(Verdict::Invalid) {
            return identity;
        }
        let messages_per_s = over_sets(records, metric::MESSAGES_PER_S);
        // One thread that plays both sides moves nothing, so its rate is not one of bytes.
        let streams = main == Some(MainMetric::MessagesPerS) && series.manner != Manner::Alone;
        Self {
            typical,
            times_one_core: messages_per_s.filter(|_| streams).zip(floors).and_then(|(rate, floors)| {
                times_one_core(floors, records[0].case.params.message_bytes.unwrap_or(0), rate)
            }),
            p50_ns: percentile(0.5, metric::P50_NS),
            p99_ns: percentile(0.99, metric::P99_NS),
            p999_ns: percentile(0.999, metric::P999_NS),
            messages_per_s,
            bytes_per_s: over_sets(records, metric::BYTES_PER_S),
            lost_share: over_sets(records, metric::LOST_SHARE),
            // Nothing is free: 0 means that the hot phase was shorter than the tick by which CPU time is counted.
            cpu_ns_per_message: over_sets(records, metric::CPU_NS_PER_MESSAGE).filter(|&ns| ns > 0.0),
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
            sets: SetCounts::of(records.iter().copied()),
        }
    }
}

fn main_sets(records: &[&Record], main: MainMetric) -> Sets {
    let (kind, name) = match main {
        MainMetric::NoticeNs => (Kind::Cost, noticed(&records[0].case)),
        main => main.recorded(),
    };
    sets(records, kind, |record| record.outcome.metrics.as_ref()?.get(name).copied())
}

/// Each set over the floor of the same set: what disturbs both cancels out.
fn to_floor(records: &[&Record]) -> Sets {
    sets(records, Kind::Cost, |record| {
        let floor = record.outcome.floor.as_ref().filter(|floor| floor.ns > 0.0)?;
        Some(cost_ns(record)? / floor.ns)
    })
}
