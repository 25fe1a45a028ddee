//! Comparison of two recordings: cost of each case in the second relative to the first.
//!
//! The recordings differ in time and perhaps in machine, so repetitions are not paired. A difference needs at least
//! five repetitions on each side and a ratio whose interval excludes 1.

use std::collections::{BTreeMap, BTreeSet};

use ipcmark_record::{GroupLimits, Kind, Record, Verdict};

use crate::analyse::cross_check::EQUAL;
use crate::analyse::distance::Distances;
use crate::analyse::statistics::{Estimate, Interval, median};
use crate::analyse::study::{CaseStudy, group};
use crate::analyse::trials::{cost_ns, repetitions};
use crate::analyse::verdict::REPETITIONS_FOR_A_VERDICT;
use crate::format;
use crate::identity::Machines;
use crate::read::Recording;

/// Case measured in at least one of the two recordings.
#[derive(Clone, Debug)]
pub struct ComparedCase {
    /// Recorded case key.
    pub case_key: String,
    /// Label of the series.
    pub row: String,
    /// Cost (time for one round trip or message) of the second divided by the first, with its 95 % interval; `None` if
    /// a side has no numbers.
    pub ratio: Option<Estimate>,
    /// Conclusion from the ratio.
    pub change: Change,
    /// Reason, if the conclusion needs one.
    pub why: String,
}

impl ComparedCase {
    /// Interval of the ratio, with enough repetitions on each side.
    pub fn judgeable(&self) -> Option<Interval> {
        self.ratio.filter(|ratio| ratio.repetitions >= REPETITIONS_FOR_A_VERDICT)?.interval
    }

    /// Whether the whole interval lies above `limit`. The change may still be `Equal` if `limit` is below 1.1.
    pub fn surely_above(&self, limit: f64) -> bool {
        self.judgeable().is_some_and(|interval| interval.low > limit)
    }
}

/// Conclusion from a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Less time in the second.
    Faster,
    /// More time in the second.
    Slower,
    /// The interval lies within 0.9 to 1.1.
    Equal,
    /// Neither equality nor a difference is shown.
    CantTell,
    /// Numbers in the first recording only.
    OnlyFirst,
    /// Numbers in the second recording only.
    OnlySecond,
    /// Numbers in the first; a failed trial or check in the second.
    Broken,
}

impl Change {
    /// Name in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Equal => "equal",
            Self::CantTell => "can't tell",
            Self::OnlyFirst => "only in the first",
            Self::OnlySecond => "only in the second",
            Self::Broken => "broken",
        }
    }
}

/// Compares every case with numbers in either recording, in order of mechanism, measure, placement and size. On one
/// machine the repetitions of a case are compared at the CPU distance that both recordings have most of.
pub fn compare(a: &Recording, b: &Recording) -> Vec<ComparedCase> {
    // A new kernel does not move the CPUs.
    let all = || a.records.iter().chain(&b.records);
    let machines = Machines::of(all());
    let hosts: BTreeSet<_> = all().map(|record| machines.id(&record.machine.facts)).collect();
    let [first, second] = if hosts.len() == 1 {
        let distances = Distances::of(all());
        [a, b].map(|recording| group(&recording.records, &distances))
    } else {
        [a, b].map(|recording| group(&recording.records, &Distances::of(&recording.records)))
    };
    let measured = |study: &&CaseStudy<'_>| study.summary.typical.is_some() || !study.summary.elsewhere.is_empty();
    let same = |cases: &'_ [CaseStudy<'_>], key: &str| cases.iter().position(|study| study.key == key);
    let mut compared: Vec<ComparedCase> = Vec::new();
    for before in first.iter().filter(measured) {
        let after = same(&second, before.key).map(|at| &second[at]);
        compared.push(match after.filter(measured) {
            Some(after) => both(before, after, hosts.len() == 1),
            None if after.is_some_and(|after| after.summary.verdict == Some(Verdict::Invalid)) => {
                one_sided(before, Change::Broken, after)
            }
            None => one_sided(before, Change::OnlyFirst, after),
        });
    }
    for after in second.iter().filter(measured) {
        let before = same(&first, after.key).map(|at| &first[at]);
        if !before.as_ref().is_some_and(measured) {
            compared.push(one_sided(after, Change::OnlySecond, before));
        }
    }
    compared
}

fn one_sided(known: &CaseStudy<'_>, change: Change, other: Option<&CaseStudy<'_>>) -> ComparedCase {
    let why = other.map_or_else(|| "the other has no such case".into(), |study| study.summary.why.clone());
    ComparedCase { case_key: known.key.to_owned(), row: known.summary.row.clone(), ratio: None, change, why }
}

fn both(before: &CaseStudy<'_>, after: &CaseStudy<'_>, one_host: bool) -> ComparedCase {
    let (ratio, change, why) = judge(before, after, one_host);
    ComparedCase { case_key: before.key.to_owned(), row: before.summary.row.clone(), ratio, change, why }
}

fn judge(before: &CaseStudy<'_>, after: &CaseStudy<'_>, one_host: bool) -> (Option<Estimate>, Change, String) {
    if [before, after].iter().any(|study| study.summary.verdict == Some(Verdict::Caught)) {
        return (None, Change::CantTell, "updates were lost without a lock, so the rate has no meaning".into());
    }
    let cost = |records: &[&Record]| repetitions(records, Kind::Cost, cost_ns);
    let common = if one_host {
        at_common_distance(before, after)
    } else {
        Some((before.usable().collect(), after.usable().collect()))
    };
    let Some((records_before, records_after)) = common else {
        let [before, after] = [before, after].map(distances_of);
        let why = format!("the CPUs were {before} in the first and {after} in the second");
        return (None, Change::CantTell, why);
    };
    let Some(ratio) = cost(&records_after).ratio_to(&cost(&records_before)) else {
        return (None, Change::CantTell, "no numbers".into());
    };
    if ratio.repetitions < REPETITIONS_FOR_A_VERDICT {
        let why = format!(
            "a comparison needs {REPETITIONS_FOR_A_VERDICT} repetitions on each side; the smaller side has {}",
            ratio.repetitions
        );
        return (Some(ratio), Change::CantTell, why);
    }
    let change = ratio.interval.map_or(Change::CantTell, |interval| {
        if interval.within(EQUAL.0, EQUAL.1) {
            Change::Equal
        } else if interval.high < 1.0 {
            Change::Faster
        } else if interval.low > 1.0 {
            Change::Slower
        } else {
            Change::CantTell
        }
    });
    let overloaded = [before, after].map(|study| study.summary.verdict == Some(Verdict::Overloaded));
    let why = match (change, ratio.interval) {
        _ if overloaded == [true, true] => {
            // Latency under overload grows with the length of the trial, so it is no property of the mechanism.
            return (Some(ratio), Change::CantTell, "overloaded in both: the offered rate was not reached".into());
        }
        _ if overloaded[1] => "the second no longer keeps up with the offered rate".into(),
        _ if overloaded[0] => "the first did not keep up with the offered rate".into(),
        (Change::CantTell, Some(interval)) => {
            format!("{} spans 1 and exceeds 0.9 to 1.1", format::span(interval.low, interval.high, format::ratio))
        }
        _ => String::new(),
    };
    (Some(ratio), change, why)
}

/// Usable repetitions of both sides at the CPU distance where the smaller side has the most; `None` without a common one.
fn at_common_distance<'a>(before: &CaseStudy<'a>, after: &CaseStudy<'a>) -> Option<(Vec<&'a Record>, Vec<&'a Record>)> {
    let (before, after) = (before.by_distance(), after.by_distance());
    let common = before.iter().filter_map(|(distance, before)| {
        let (_, after) = after.iter().find(|(other, _)| other == distance)?;
        Some((before.clone(), after.clone()))
    });
    common.max_by_key(|(before, after)| before.len().min(after.len()))
}

/// Known CPU distances of a case: `near`, `near and far`.
fn distances_of(study: &CaseStudy<'_>) -> String {
    let words: Vec<String> =
        study.by_distance().iter().filter_map(|(distance, _)| Some(distance.as_ref()?.to_string())).collect();
    if words.is_empty() { "at an unknown distance".into() } else { words.join(" and ") }
}

/// Property in which records may differ.
type Facet = fn(&Record) -> String;

/// Differences in plan, suite, build and machine that may explain a change, one sentence each.
pub fn mismatches(a: &Recording, b: &Recording) -> Vec<String> {
    let facets: [(&str, Facet); 7] = [
        ("plan (its hash)", |r| r.suite.plan_hash.clone()),
        ("suite version", |r| r.suite.version.clone()),
        ("build profile", |r| format!("{} opt-level {}", r.suite.build.profile, r.suite.build.opt_level)),
        ("compiler", |r| r.suite.build.rustc.clone()),
        ("extra compiler flags", |r| r.suite.build.rustflags.clone()),
        ("machine", |r| format!("{} ({})", r.machine.facts.hostname, r.machine.facts.cpu_model)),
        ("CPU quota, weight or cpuset", |r| {
            let limits = r.machine.facts.group_limits.iter().flat_map(GroupLimits::named);
            let named: Vec<String> = limits.map(|(name, value)| format!("{name} {value}")).collect();
            if named.is_empty() { "none".to_owned() } else { named.join(", ") }
        }),
    ];
    let values = |recording: &Recording, facet: Facet| {
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for record in &recording.records {
            *counted.entry(facet(record)).or_default() += 1;
        }
        counted.into_keys().collect::<Vec<_>>().join(" and ")
    };
    let differing = facets.into_iter().filter_map(|(name, facet)| {
        let (first, second) = (values(a, facet), values(b, facet));
        (first != second).then(|| format!("the {name} differs: {first:?} in the first, {second:?} in the second"))
    });
    let pause = pause_ns(a).zip(pause_ns(b)).filter(|(first, second)| first.max(*second) > 1.1 * first.min(*second));
    let pause = pause.map(|(first, second)| {
        format!("the price of a pause hint differs: {first:.1} ns in the first, {second:.1} ns in the second")
    });
    differing.chain(pause).collect()
}

/// Price of a pause hint, median over roles and trials.
fn pause_ns(recording: &Recording) -> Option<f64> {
    let roles = recording.records.iter().filter_map(|record| record.outcome.roles.as_ref()).flatten();
    median(roles.filter_map(|role| role.pause_ns))
}
