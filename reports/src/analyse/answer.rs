//! Answer to the plan's question: one short sentence for each part that the plan states, and findings beside them.
//!
//! Only variants between processes compete; threads, the null transport and rows without a lock are references. Cases whose
//! intervals overlap that of the best are named beside it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ipcmark_record::answer::{LEAST, MOST, RECEIVING_CPU_SHARE};
use ipcmark_record::{
    AnswerPart, Case, Finding, Kind, Measure, PARAMETERS, Parameter, Params, Placement, Record, Values, Verdict,
    Waiting, metric,
};

use super::beside::asks_about_python;
use super::best::{Best, Entry, named, quoted};
use super::ground::{Ground, conditions};
use super::load::{Due, is_overloaded, loads, most_sustained, offered, receiving_share};
use super::locks::excludes;
use super::recovery::{fates, survives};
use super::series::{LOCKS, Manner, Series};
use super::statistics::{Estimate, paired_ratio};
use super::study::{CaseStudy, Study};
use super::trials::{cost_ns, estimate, repetitions};
use super::verdict::REPETITIONS_FOR_A_VERDICT;
use super::{best::with_interval, lock_answer};
use crate::format::{self, Quantity};

/// Number of mechanisms, fastest first, whose polling and blocking variants are compared.
const MOST_SIBLINGS: usize = 2;

/// Parts of a recording whose plan states none.
pub fn usual(study: &Study<'_>) -> Vec<AnswerPart> {
    let measured = |measure: Measure| {
        study.cases.iter().any(|case| case.case.measure == measure && case.summary.typical.is_some())
    };
    let blocking = |part: AnswerPart| AnswerPart { waits: Some(Waiting::Blocks), ..part };
    let sleeping = |part: AnswerPart| AnswerPart { waits: Some(Waiting::Sleeps), ..part };
    let stated = [
        AnswerPart::best("Lowest round trip", Measure::RoundTrip),
        blocking(AnswerPart::best("Without a busy CPU", Measure::RoundTrip)),
        AnswerPart::best("Highest rate", Measure::Stream).with("message_bytes", LEAST),
        AnswerPart {
            metric: Some(metric::BYTES_PER_S.to_owned()),
            ..AnswerPart::best("Highest rate of large messages", Measure::Stream).with("message_bytes", MOST)
        },
        AnswerPart::best("Cheapest uncontended lock", Measure::Acquire),
        sleeping(AnswerPart::best("Cheapest uncontended lock that sleeps when contended", Measure::Acquire)),
        AnswerPart::best("Highest rate of a contended lock", Measure::Contention),
        sleeping(AnswerPart::best("Highest rate of a contended lock that sleeps", Measure::Contention)),
    ];
    let python = AnswerPart::finding("Gain over Python", Finding::SpeedUpOverPython);
    let survivors = AnswerPart::finding("Locks that survive their owner", Finding::Survivors);
    let ran = AnswerPart::finding("Mechanisms that ran", Finding::Ran);
    let untimed = !study.cases.is_empty() && study.cases.iter().all(|case| case.summary.main.is_none());
    let extra = [
        (asks_about_python(study), python),
        (study.cases.iter().any(|case| case.case.family == LOCKS && case.case.measure == Measure::Recover), survivors),
        (untimed, ran),
    ];
    let mut parts: Vec<AnswerPart> = extra.into_iter().filter_map(|(wanted, part)| wanted.then_some(part)).collect();
    parts.extend(stated.into_iter().filter(|part| part.measure.is_some_and(measured)));
    parts
}

/// The sentence of a part, without its label; `None` if the recording has no case for it, or if a chart states it.
pub fn sentence(study: &Study<'_>, part: &AnswerPart) -> Option<String> {
    match part.finding {
        Finding::Best => best(study, part),
        Finding::Ran => ran(study),
        Finding::Sustained => sustained(study),
        Finding::Survivors => lock_answer::survivors(study),
        Finding::EqualPairs | Finding::SpeedUpOverPython | Finding::CpuDistances => None,
    }
}

/// Warning about too few repetitions.
pub fn caution(study: &Study<'_>) -> Option<String> {
    let fewest = study.cases.iter().filter_map(|case| Some(case.summary.typical?.repetitions)).min();
    fewest.filter(|&repetitions| repetitions < REPETITIONS_FOR_A_VERDICT).map(|repetitions| {
        format!(
            "This is indicative only: some cases ran in {repetitions} of the {REPETITIONS_FOR_A_VERDICT} repetitions that a \
             verdict needs."
        )
    })
}

/// Findings beside the answer, one sentence each.
pub fn findings(study: &Study<'_>) -> Vec<String> {
    let blocking = study.placement.and_then(|placement| blocking_against_spinning(study, placement));
    blocking.into_iter().chain(lock_answer::findings(study)).collect()
}

/// `shm-spsc/spin, 349 ns ±4 %; statistically tied with shm-mailbox/spin`.
fn best(study: &Study<'_>, part: &AnswerPart) -> Option<String> {
    let asked = asked(study, part);
    let all = asked.len();
    let none = |why: &str| Some(format!("none of {all} cases{why}"));
    let mut cases: Vec<&CaseStudy<'_>> = asked.iter().copied().filter(|case| !is_overloaded(case)).collect();
    if cases.is_empty() && all > 0 {
        return none(" kept up with the offered rate");
    }
    if part.survives || part.measure == Some(Measure::Recover) {
        let surviving = surviving(study);
        cases.retain(|case| recovers(case, &surviving));
        if cases.is_empty() && all > 0 {
            return none(" recovers from the kill of its owner");
        }
    }
    let (ground, chosen) = common_ground(study, part, &cases)?;
    let entries: Vec<Entry<'_, '_>> =
        ground.cases.iter().filter_map(|case| Some((*case, value(case, part)?))).collect();
    let best = Best::by(entries, part.more_is_better())?;
    let doubt = best.doubt().map(|verdict| format!(" ({verdict})")).unwrap_or_default();
    let shown = shown(best.typical(), part);
    let words: Vec<String> =
        std::iter::once(format!("{}, {shown}{doubt}{chosen}", quoted(best.leader))).chain(best.ties()).collect();
    Some(words.join("; "))
}

/// Cases that compete in a part and have a result.
fn asked<'s, 'a>(study: &'s Study<'a>, part: &AnswerPart) -> Vec<&'s CaseStudy<'a>> {
    let fits = |case: &&CaseStudy<'_>| {
        let waits = |waits: Waiting| match waits {
            Waiting::Polls => case.series.manner == Manner::Polls,
            Waiting::Sleeps => matches!(case.series.manner, Manner::PollsThenBlocks | Manner::Blocks),
            Waiting::Blocks => case.series.manner == Manner::Blocks,
        };
        part.measure.is_some()
            && part.means(case.case)
            && part.placement.is_none_or(|placement| case.case.placement == placement)
            && part.waits.is_none_or(waits)
            && value(case, part).is_some()
            && competes(case, part)
            && !study.only_for_drift(case)
    };
    let mut cases: Vec<&CaseStudy<'_>> = study.cases.iter().filter(fits).collect();
    for (name, value) in &part.params {
        let number = |case: &CaseStudy<'_>| number(name, &case.case.params);
        let numbers = || cases.iter().filter_map(|case| number(case));
        let wanted = match value.as_str() {
            LEAST => numbers().min(),
            MOST => numbers().max(),
            _ => continue,
        };
        cases.retain(|case| number(case) == wanted);
    }
    cases
}

/// True for a sound case between processes that is no reference and as usual in what the part does not ask for.
fn competes(case: &CaseStudy<'_>, part: &AnswerPart) -> bool {
    let asked = |name: &str| part.params.contains_key(name);
    let usual = Series {
        touch: case.series.touch.filter(|_| !asked("touch")),
        depth: case.series.depth.filter(|_| !asked("depth")),
        think_time_ns: case.series.think_time_ns.filter(|_| !asked("think_time_ns")),
        ..case.series.clone()
    };
    case.series.between_processes() && usual.is_usual() && case.is_sound() && excludes(case)
}

/// Number of a parameter; of a pattern the number of its roles.
fn number(name: &str, params: &Params) -> Option<u64> {
    let row = Parameter::find(name)?;
    match row.values {
        Values::Pattern => Some(u64::from(params.pattern.unwrap_or_default().roles())),
        _ => row.number(params),
    }
}

/// Estimate that decides.
fn value(case: &CaseStudy<'_>, part: &AnswerPart) -> Option<Estimate> {
    let summary = &case.summary;
    let kind = if part.more_is_better() { Kind::Rate } else { Kind::Cost };
    match part.metric.as_deref() {
        None => summary.typical,
        // Numbers of a case that failed a check are not shown.
        _ if summary.verdict == Some(Verdict::Invalid) => None,
        Some(metric::P50_NS) => summary.p50_ns,
        Some(metric::P99_NS) => summary.p99_ns,
        Some(metric::P999_NS) => summary.p999_ns,
        Some(RECEIVING_CPU_SHARE) => repetitions(&case.records, kind, receiving_share).estimate(),
        Some(name) => estimate(&case.records, kind, name),
    }
}

/// `349 ns ±4 %`; the range of few repetitions is in brackets.
fn shown(estimate: &Estimate, part: &AnswerPart) -> String {
    let name = part.metric.as_deref().or_else(|| Some(part.measure?.row().main?.name)).unwrap_or_default();
    let show: fn(f64) -> Quantity = match (name, metric::unit(name)) {
        (RECEIVING_CPU_SHARE | metric::EFFICIENCY, _) => format::share,
        (_, "1/s") => format::rate,
        (_, "B/s") => format::bandwidth,
        (_, "ns") => format::time,
        (_, "B") => format::size,
        _ => format::ratio,
    };
    let spread = if estimate.value == 0.0 { String::new() } else { estimate.spread_in_words() };
    format!("{}{spread}", show(estimate.value))
}

/// Cases that share all parameters, at the placement of the report if there are any, those of the most variants, and what was chosen among several: ` (8 B, same L3)`.
fn common_ground<'s, 'a>(
    study: &Study<'_>,
    part: &AnswerPart,
    cases: &[&'s CaseStudy<'a>],
) -> Option<(Ground<'s, 'a>, String)> {
    // One contender does not contend, and more of them than CPUs measure the scheduler.
    let fits = |case: &&CaseStudy<'_>| {
        let fewest = if case.case.measure == Measure::Contention { 2 } else { 1 };
        let most = study.cpus().unwrap_or(u32::MAX);
        case.case.params.contenders.is_none_or(|contenders| (fewest..=most).contains(&contenders))
    };
    let asked = part.params.contains_key("contenders") || !cases.iter().any(&fits);
    let cases: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| asked || fits(case)).collect();
    let mut grounds = Ground::all(cases.iter().copied(), |_| ());
    grounds.sort_by_key(|ground| {
        let elsewhere = Some(ground.shape.placement) != study.placement;
        (elsewhere, Reverse(ground.variants()), ground.shape.params.set_values().count())
    });
    let shapes: Vec<Case> = grounds.iter().map(|ground| ground.shape.clone()).collect();
    let ground = grounds.into_iter().next()?;
    let mut told = Case::new("", "", ground.shape.measure);
    for row in PARAMETERS {
        let own = row.get(&ground.shape.params);
        let fixed = part.params.get(row.name).is_some_and(|value| !matches!(value.as_str(), LEAST | MOST));
        let chosen = part.params.contains_key(row.name) || shapes.iter().any(|shape| row.get(&shape.params) != own);
        if let Some(value) = own.filter(|_| chosen && !fixed) {
            let _ = row.set(&mut told.params, &value);
        }
    }
    let placement = ground.shape.placement;
    let several = part.placement.is_none() && shapes.iter().any(|shape| shape.placement != placement);
    let words: Vec<String> = conditions(&told).into_iter().chain(several.then(|| place_word(placement))).collect();
    let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
    Some((ground, words))
}

/// Locks whose next waiter always gets the lock after its holder is killed.
fn surviving<'s>(study: &'s Study<'_>) -> BTreeSet<&'s Series> {
    fates(study).into_iter().filter(|(_, fates)| survives(fates) == Some(true)).map(|(series, _)| series).collect()
}

/// Whether its owner's death leaves it usable; of a pool, whether every kill was recovered from.
fn recovers(case: &CaseStudy<'_>, surviving: &BTreeSet<&Series>) -> bool {
    if case.case.family == LOCKS {
        return surviving.iter().any(|series| series.row() == case.series.row());
    }
    case.usable().all(|record| record.outcome.metric(metric::RECOVERED_SHARE).is_none_or(|share| share >= 1.0))
}

/// `183 of 220 ran with all checks passed; 2 failed: a, b; 35 skipped`.
fn ran(study: &Study<'_>) -> Option<String> {
    let mut failed: BTreeSet<&Series> = BTreeSet::new();
    let mut passed: BTreeSet<&Series> = BTreeSet::new();
    for case in &study.cases {
        match case.summary.verdict {
            Some(Verdict::Invalid) => failed.insert(&case.series),
            Some(Verdict::Skipped) => false,
            _ => passed.insert(&case.series),
        };
    }
    let all: BTreeSet<&Series> = study.cases.iter().map(|case| &case.series).collect();
    passed.retain(|series| !failed.contains(series));
    let skipped = all.len() - passed.len() - failed.len();
    let failures = match failed.len() {
        0 => "none failed".to_owned(),
        n => format!("{n} failed: {}", named(failed.iter().map(|series| series.quoted()))),
    };
    let noun = if all.len() == 1 { "mechanism variant" } else { "mechanism variants" };
    let ran =
        format!("{} of {} {noun} ran with all checks passed; {failures}; {skipped} skipped", passed.len(), all.len());
    (!all.is_empty()).then_some(ran)
}

fn sustained(study: &Study<'_>) -> Option<String> {
    let placement = study.placement?;
    let offered = [Due::Messages, Due::Tasks, Due::Requests].into_iter().find_map(|due| {
        let all = offered(study, placement, due);
        all.into_iter().map(|offered| loads(study, placement, offered)).find(|loads| !loads.is_empty())
    })?;
    let offered: Vec<_> = offered.into_iter().filter(|load| load.series.between_processes()).collect();
    let Some((per_s, by, missed)) = most_sustained(&offered) else {
        return Some("none of the offered rates was sustained".into());
    };
    let more = if missed { "" } else { ", the highest that was offered" };
    let rate = format::rate(per_s).trimmed();
    Some(format!("{rate}{more}, with {}", named(by.into_iter().map(Series::quoted))))
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
        .then(|| format!("Blocking against polling at {}: {}.", format::bytes(smallest), parts.join("; ")))
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
