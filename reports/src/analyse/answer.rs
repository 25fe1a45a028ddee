//! Answer to the plan's question in one sentence with numbers, and its findings.
//!
//! Only variants between processes compete; threads and the null transport are references. Polling and blocking are
//! ranked apart, since polling keeps a CPU busy. If intervals overlap, the text says so and names no winner.

use ipcmark_record::{Measure, Placement, Record};

use super::best::{Best, quoted, with_interval};
use super::lock_answer;
use super::series::Manner;
use super::statistics::{Estimate, Interval, paired_ratio};
use super::study::{CaseStudy, Study};
use super::trials::cost_ns;
use super::verdict::REPETITIONS_FOR_A_VERDICT;
use crate::format;

/// Size from which streams are ranked by bytes a second; smaller ones by messages a second.
const BANDWIDTH_FROM_BYTES: u64 = 4096;

/// Number of mechanisms, fastest first, whose polling and blocking variants are compared.
const MOST_SIBLINGS: usize = 2;

/// Answer to the plan's question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// One or two sentences, names between back quotes; `None` without round trips and locks.
    pub sentence: Option<String>,
    /// Warning about too few repetitions.
    pub caution: Option<String>,
    /// Further findings, one sentence each.
    pub findings: Vec<String>,
}

/// Builds the answer from the placement that most cases share.
pub fn answer(study: &Study<'_>) -> Answer {
    let Some(placement) = study.placement else {
        let sentence = Some("No case was measured, so there is no answer yet.".into());
        return Answer { sentence, ..Answer::default() };
    };
    let mut sentence = round_trips(study, placement);
    let of_locks = lock_answer::sentence(study);
    let mut findings = Vec::new();
    match &sentence {
        Some(_) => findings.extend(of_locks),
        None => sentence = of_locks,
    }
    let fewest = study.cases.iter().filter_map(|case| Some(case.summary.typical?.repetitions)).min();
    let caution = fewest.filter(|&repetitions| repetitions < REPETITIONS_FOR_A_VERDICT).map(|repetitions| {
        format!(
            "This is indicative only: some cases ran in {repetitions} of the {REPETITIONS_FOR_A_VERDICT} repetitions that a \
             verdict needs."
        )
    });
    findings.extend(rate(study, placement, 64));
    if let Some(&largest) = study.sizes(Measure::Stream, placement).last().filter(|&&size| size > 64) {
        findings.extend(rate(study, placement, largest));
    }
    findings.extend(blocking_against_spinning(study, placement));
    findings.extend(lock_answer::findings(study));
    Answer { sentence, caution, findings }
}

/// Answer without round trips and locks.
pub const NOTHING_TO_SAY: &str = "No round trip and no lock was measured; see the findings below.";

fn round_trips(study: &Study<'_>, placement: Placement) -> Option<String> {
    let smallest = study.common_size(Measure::RoundTrip, placement)?;
    let best = |manner| Best::of(study, Measure::RoundTrip, placement, smallest, manner);
    let (polling, blocking) = (best(Manner::Polls), best(Manner::Blocks));
    let (place, size) = (place(placement), format::bytes(smallest));
    let describe = |best: &Best<'_, '_>| {
        let manner = if best.leader.series.manner == Manner::Polls { "polls" } else { "blocks" };
        format!("{} with {}, which {manner}", with_interval(best.typical(), format::time), best.names())
    };
    Some(match (polling, blocking) {
        (Some(polling), Some(blocking)) => {
            let times = paired(blocking.leader, polling.leader)
                .map_or_else(String::new, |ratio| format!(": {} times as long", with_interval(&ratio, format::ratio)));
            format!(
                "Between two processes {place}, the shortest {size} round trip takes {}, and {}{times}.",
                describe(&polling),
                describe(&blocking)
            )
        }
        (Some(best), None) | (None, Some(best)) => {
            format!("Between two processes {place}, the shortest {size} round trip takes {}.", describe(&best))
        }
        (None, None) => "Only references were measured: no round trip between two processes.".into(),
    })
}

fn rate(study: &Study<'_>, placement: Placement, bytes: u64) -> Option<String> {
    let describe = |manner: Manner, words: &str| {
        let best = Best::of(study, Measure::Stream, placement, bytes, manner)?;
        let rate = if bytes >= BANDWIDTH_FROM_BYTES {
            with_interval(&scaled(best.typical(), bytes as f64), format::bandwidth)
        } else {
            with_interval(best.typical(), format::rate)
        };
        Some(format!("{rate} with {} while {words}", best.names()))
    };
    let parts: Vec<String> =
        [describe(Manner::Polls, "polling"), describe(Manner::Blocks, "blocking")].into_iter().flatten().collect();
    let size = format::bytes(bytes);
    (!parts.is_empty()).then(|| format!("Streams of {size} messages reach at most {}.", parts.join(" and ")))
}

/// Compares the blocking and the polling variant of a mechanism, repetition by repetition.
fn blocking_against_spinning(study: &Study<'_>, placement: Placement) -> Option<String> {
    let smallest = study.common_size(Measure::RoundTrip, placement)?;
    let cases = || study.measured(Measure::RoundTrip, placement).filter(move |case| case.bytes() == smallest);
    let mut spinning: Vec<_> =
        cases().filter(|case| case.series.manner == Manner::Polls && case.series.between_processes()).collect();
    spinning.sort_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)));
    let mut parts = Vec::new();
    for spinning in spinning {
        if parts.len() == MOST_SIBLINGS {
            break;
        }
        let sibling = cases().find(|case| {
            case.series.manner == Manner::Blocks
                && case.series.mechanism == spinning.series.mechanism
                && case.series.substrate == spinning.series.substrate
                && case.series.between_processes()
        });
        let Some((blocking, ratio)) = sibling.and_then(|s| Some((s, paired(s, spinning)?))) else { continue };
        let times = with_interval(&ratio, format::ratio);
        let cpu = match (blocking.summary.cpu_ns_per_message, spinning.summary.cpu_ns_per_message) {
            (Some(blocking), Some(spinning)) => {
                format!(", with {} against {} of CPU time per message", format::ns(blocking), format::ns(spinning))
            }
            _ => String::new(),
        };
        parts.push(format!("{} takes {times} times as long as {}{cpu}", quoted(blocking), quoted(spinning)));
    }
    (!parts.is_empty())
        .then(|| format!("Blocking against spinning at {}: {}.", format::bytes(smallest), parts.join("; ")))
}

/// Cost of a case divided by that of `base`, paired by repetition.
fn paired(case: &CaseStudy<'_>, base: &CaseStudy<'_>) -> Option<Estimate> {
    let pair = |record: &Record| {
        let partner =
            base.usable().find(|other| other.repetition == record.repetition && other.run_id == record.run_id)?;
        Some((cost_ns(record)?, cost_ns(partner)?))
    };
    paired_ratio(&case.usable().filter_map(pair).collect::<Vec<_>>())
}

fn scaled(estimate: &Estimate, by: f64) -> Estimate {
    let interval = estimate.interval.map(|i| Interval { low: i.low * by, high: i.high * by });
    Estimate { value: estimate.value * by, interval, repetitions: estimate.repetitions }
}

/// Short name of a placement: `same L3`.
pub fn place_word(placement: Placement) -> String {
    placement.word().replace('_', " ").replace(" l", " L").replace("cpu", "CPU")
}

/// Phrase for a placement.
pub fn place(placement: Placement) -> &'static str {
    match placement {
        Placement::SameCpu => "on one CPU",
        Placement::SmtSibling => "on two hardware threads of one core",
        Placement::SameL2 => "on two cores that share a level-2 cache",
        Placement::SameL3 => "on two cores that share a level-3 cache",
        Placement::SameNodeOtherL3 => "on two cores of one memory node with separate level-3 caches",
        Placement::CrossNode => "on two memory nodes",
        Placement::PerformanceEfficiency => "on a performance and an efficiency core",
        Placement::EfficiencyEfficiency => "on two efficiency cores",
        Placement::Spread => "spread over all CPUs in turn",
        Placement::Compact => "on neighbouring CPUs (compact)",
        Placement::Scatter => "on CPUs far from each other (scatter)",
        Placement::Unpinned => "wherever the scheduler puts them",
    }
}
