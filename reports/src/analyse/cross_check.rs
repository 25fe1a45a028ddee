//! Pairs of mechanisms that must agree on every machine, such as a FIFO and a pipe, and floors that no case may
//! undercut. A failed check points to an error of the benchmark, not of the mechanism.

use ipcmark_record::{Case, Measure, Record, Substrate};

use super::statistics::{Estimate, median, paired_ratio};
use super::study::{CaseStudy, Study};
use super::summary::CaseSummary;
use super::trials::cost_ns;
use super::verdict::REPETITIONS_FOR_A_VERDICT;
use crate::format;

/// Limits of the interval of an equal ratio.
pub const EQUAL: (f64, f64) = (0.9, 1.1);

/// Lowest median ratio of a case to its floor. Both have errors, so a ratio just below 1 is no contradiction.
pub const FLOOR_HOLDS_FROM: f64 = 0.97;

/// Mechanisms that must agree in steady state: the first is checked against the second.
const MECHANISMS: [(&str, &str); 2] = [("fifo", "pipe"), ("unix-stream-named", "unix-stream")];
/// Mechanism that must perform alike on two kinds of shared memory.
const MEMORY: (&str, Substrate, Substrate) = ("shm-spsc", Substrate::PosixShm, Substrate::Memfd);

/// One pair at one size.
#[derive(Debug)]
pub struct Check<'s, 'a> {
    /// Case under test.
    pub first: &'s CaseStudy<'a>,
    /// Case that it must equal.
    pub second: &'s CaseStudy<'a>,
    /// Cost of the first divided by that of the second, paired by repetition.
    pub ratio: Estimate,
    /// Floor of the first divided by that of the second, if both have one.
    pub floor_ratio: Option<f64>,
}

/// Sentence for each case that is faster than its floor: its median paired ratio is below [`FLOOR_HOLDS_FROM`], with
/// enough repetitions. A reference is no bound.
pub fn below_floor<'c>(cases: impl IntoIterator<Item = &'c CaseSummary>) -> Vec<String> {
    let below = |case: &CaseSummary| {
        let ratio = case.to_floor.filter(|ratio| ratio.value < FLOOR_HOLDS_FROM && case.floor_bounds)?;
        let judged = ratio.repetitions >= REPETITIONS_FOR_A_VERDICT;
        let span = ratio.interval.filter(|_| judged).map(|i| format::span(i.low, i.high, format::ratio))?;
        let label = case.floor_label.as_deref().unwrap_or_default();
        Some(format!(
            "{} takes {} times its floor, interval {span}, and a floor holds from {FLOOR_HOLDS_FROM}; {label}",
            case.case_key,
            format::ratio(ratio.value)
        ))
    };
    cases.into_iter().filter_map(below).collect()
}

/// Returns the checks with measurements of both cases, in order of the first.
pub fn checks<'s, 'a>(study: &'s Study<'a>) -> Vec<Check<'s, 'a>> {
    let steady = |case: &&CaseStudy<'_>| {
        matches!(case.case.measure, Measure::RoundTrip | Measure::Stream | Measure::Paced | Measure::Wake)
            && case.summary.typical.is_some()
            && !super::load::is_overloaded(case)
    };
    let cases: Vec<&CaseStudy<'_>> = study.cases.iter().filter(steady).collect();
    let check = |first: &&'s CaseStudy<'a>| {
        let wanted = twin(first.case)?;
        let second = *cases.iter().find(|second| comparable(second.case) == wanted)?;
        let ratio = paired_ratio(&paired(first, second, cost_ns))?;
        let floors = paired(first, second, |record| record.outcome.floor.as_ref().map(|floor| floor.ns));
        Some(Check { first, second, ratio, floor_ratio: median(floors.iter().map(|(a, b)| a / b)) })
    };
    cases.iter().filter_map(check).collect()
}

/// Case without the parameters that the mechanism determines.
fn comparable(case: &Case) -> Case {
    Case { group: None, ..case.clone() }.with(|p| {
        p.depth = None;
        p.connections = None;
    })
}

/// The case that this one must equal; `None` when it is not the first of a pair.
fn twin(case: &Case) -> Option<Case> {
    if let Some((_, second)) = MECHANISMS.iter().find(|(first, _)| *first == case.mechanism) {
        return Some(Case { mechanism: (*second).to_owned(), ..comparable(case) });
    }
    let (mechanism, first, second) = MEMORY;
    (case.mechanism == mechanism && case.params.substrate == Some(first))
        .then(|| comparable(case).with(|p| p.substrate = Some(second)))
}

/// Values of both cases, paired by repetition.
fn paired(first: &CaseStudy<'_>, second: &CaseStudy<'_>, value: fn(&Record) -> Option<f64>) -> Vec<(f64, f64)> {
    let pair = |record: &Record| {
        let partner =
            second.usable().find(|other| other.repetition == record.repetition && other.run_id == record.run_id)?;
        Some((value(record)?, value(partner)?))
    };
    first.usable().filter_map(pair).collect()
}

impl Check<'_, '_> {
    /// Whether the interval lies within 0.9 to 1.1, with enough repetitions.
    pub fn is_equal(&self) -> bool {
        self.ratio.repetitions >= REPETITIONS_FOR_A_VERDICT
            && self.ratio.interval.is_some_and(|i| i.within(EQUAL.0, EQUAL.1))
    }

    /// `equal`, or the reason why equality is not shown.
    pub fn describe(&self) -> String {
        if self.is_equal() {
            return "equal".into();
        }
        let Some(interval) = self.ratio.interval.filter(|_| self.ratio.repetitions >= REPETITIONS_FOR_A_VERDICT) else {
            return format!(
                "not shown: needs {REPETITIONS_FOR_A_VERDICT} repetitions on both sides, and has {}",
                self.ratio.repetitions
            );
        };
        let span = format::span(interval.low, interval.high, format::ratio);
        let spread = [self.first, self.second].map(|case| case.summary.typical.and_then(|typical| typical.spread()));
        let spread = spread.map(|spread| spread.map_or_else(|| "–".to_owned(), format::percent));
        let moved = match self.floor_ratio {
            Some(ratio) if !(EQUAL.0..=EQUAL.1).contains(&ratio) => {
                format!("; the floor beside them moved too, by {} times", format::ratio(ratio))
            }
            _ => String::new(),
        };
        format!(
            "not shown: the interval {span} leaves 0.9 to 1.1; the two sides spread by {} and {}{moved}",
            spread[0], spread[1]
        )
    }
}
