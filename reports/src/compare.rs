//! Two recordings side by side: how many times the cost of the first each case of the second has.
//!
//! The two were not measured in the same minutes, and perhaps not on the same machine, so repetitions are not paired. A word
//! is given only where at least five repetitions stand on each side; two intervals that overlap show nothing.

use std::collections::BTreeMap;

use ipcmark_record::{Kind, Record, Verdict};

use crate::analyse::cross_check::EQUAL;
use crate::analyse::statistics::{Estimate, Interval};
use crate::analyse::study::{CaseStudy, group};
use crate::analyse::trials::{cost_ns, repetitions};
use crate::analyse::verdict::REPETITIONS_FOR_A_VERDICT;
use crate::format;
use crate::read::Recording;

/// A case that at least one of the two recordings measured.
#[derive(Clone, Debug)]
pub struct ComparedCase {
    /// As recorded.
    pub case_key: String,
    /// The mechanism's row and whatever sets it apart.
    pub row: String,
    /// Cost of the second over cost of the first (time for one round trip or message), with its 95 % interval; `None`
    /// when a side has no numbers.
    pub ratio: Option<Estimate>,
    /// What that shows.
    pub change: Change,
    /// Why, where the word alone does not say.
    pub why: String,
}

impl ComparedCase {
    /// The interval of the ratio, where enough repetitions stand on each side to judge by it.
    pub fn judgeable(&self) -> Option<Interval> {
        self.ratio.filter(|ratio| ratio.repetitions >= REPETITIONS_FOR_A_VERDICT)?.interval
    }

    /// True when the whole interval lies above `limit` times the cost of the first. The word may still be `equal`: a
    /// limit below 1.1 is a finer question than the words answer.
    pub fn surely_above(&self, limit: f64) -> bool {
        self.judgeable().is_some_and(|interval| interval.low > limit)
    }
}

/// What a ratio shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The second needs less time.
    Faster,
    /// The second needs more time.
    Slower,
    /// The interval lies within 0.9 to 1.1.
    Equal,
    /// The records do not show a difference, nor that there is none.
    CantTell,
    /// Only the first recording has numbers for it.
    OnlyFirst,
    /// Only the second recording has.
    OnlySecond,
    /// The first has numbers; in the second a trial failed or broke a check, so it has none to trust.
    Broken,
}

impl Change {
    /// The word for tables.
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

/// Compares every timed case of two recordings, in order of mechanism, measure, placement and size. Cases without
/// numbers on either side are left out.
pub fn compare(a: &Recording, b: &Recording) -> Vec<ComparedCase> {
    let (first, second) = (group(&a.records), group(&b.records));
    let measured = |study: &&CaseStudy<'_>| study.summary.typical.is_some();
    let same = |cases: &'_ [CaseStudy<'_>], key: &str| cases.iter().position(|study| study.key == key);
    let mut compared: Vec<ComparedCase> = Vec::new();
    for before in first.iter().filter(measured) {
        let after = same(&second, before.key).map(|at| &second[at]);
        compared.push(match after.filter(measured) {
            Some(after) => both(before, after),
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

fn both(before: &CaseStudy<'_>, after: &CaseStudy<'_>) -> ComparedCase {
    let (ratio, change, why) = judge(before, after);
    ComparedCase { case_key: before.key.to_owned(), row: before.summary.row.clone(), ratio, change, why }
}

fn judge(before: &CaseStudy<'_>, after: &CaseStudy<'_>) -> (Option<Estimate>, Change, String) {
    if [before, after].iter().any(|study| study.summary.verdict == Some(Verdict::Caught)) {
        return (None, Change::CantTell, "without a lock some of the work was lost, so its rate is of nothing".into());
    }
    let cost = |study: &CaseStudy<'_>| repetitions(&study.records, Kind::Cost, cost_ns);
    let Some(ratio) = cost(after).ratio_to(&cost(before)) else {
        return (None, Change::CantTell, "no numbers".into());
    };
    if ratio.repetitions < REPETITIONS_FOR_A_VERDICT {
        let why = format!(
            "a word needs {REPETITIONS_FOR_A_VERDICT} repetitions on each side; the smaller side has {}",
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
            // Its latency grows for as long as the trial lasts, so it is no property of the mechanism.
            return (Some(ratio), Change::CantTell, "overloaded in both: the offered rate was not reached".into());
        }
        _ if overloaded[1] => "the second no longer keeps up with the offered rate".into(),
        _ if overloaded[0] => "the first did not keep up with the offered rate".into(),
        (Change::CantTell, Some(interval)) => {
            format!("{} holds 1 and leaves 0.9 to 1.1", format::span(interval.low, interval.high, format::ratio))
        }
        _ => String::new(),
    };
    (Some(ratio), change, why)
}

/// One respect in which records may differ.
type Facet = fn(&Record) -> String;

/// Why two recordings may differ for reasons other than the machine or the change under test: one sentence each.
pub fn mismatches(a: &Recording, b: &Recording) -> Vec<String> {
    let facets: [(&str, Facet); 6] = [
        ("plan (its hash)", |r| r.suite.plan_hash.clone()),
        ("suite version", |r| r.suite.version.clone()),
        ("build profile", |r| format!("{} opt-level {}", r.suite.build.profile, r.suite.build.opt_level)),
        ("compiler", |r| r.suite.build.rustc.clone()),
        ("extra compiler flags", |r| r.suite.build.rustflags.clone()),
        ("machine", |r| format!("{} ({})", r.machine.facts.hostname, r.machine.facts.cpu_model)),
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
    differing.collect()
}
