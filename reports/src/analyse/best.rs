//! Choice of variants where a chart has no room for all: the best of each group in each way of
//! waiting, so that no kind of mechanism and no way of waiting disappears.

use std::collections::{BTreeMap, BTreeSet};

use ipcmark_record::{Group, Measure, Placement, Verdict};

use super::series::{Manner, Series};
use super::statistics::Estimate;
use super::study::{CaseStudy, Study};
use crate::format::{self, Quantity};

/// Of those that cannot be told from the best, how many are named; the ranking shows them all.
const MOST_NAMED: usize = 3;
/// A panel of more lines than this cannot be read.
pub const MOST_LINES: usize = 8;
/// What a variant is charged for a place on the axis that it has no number for, as a logarithm: as if it had been
/// ten times as slow as the best there.
const ABSENT: f64 = std::f64::consts::LN_10;

/// Payload of a case, as its place on an axis.
pub fn size(case: &CaseStudy<'_>) -> u64 {
    case.bytes()
}

/// The variants of a chart.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// `None`: all of them.
    chosen: Option<BTreeSet<Series>>,
    all: usize,
    /// Whether the chosen stand for their kinds.
    of_kinds: bool,
}

impl Shown {
    /// Chooses among cases that share a measure and a placement; one variant at several depths or touching more or
    /// less is one. `place` is where a case stands on the horizontal axis.
    pub fn of(cases: &[&CaseStudy<'_>], place: impl Fn(&CaseStudy<'_>) -> u64) -> Self {
        let all: BTreeSet<Series> = cases.iter().map(|case| case.series.usual()).collect();
        let lines = |blocks: bool| all.iter().filter(|s| (s.manner == Manner::Blocks) == blocks).count();
        if lines(true).max(lines(false)) <= MOST_LINES {
            return Self { all: all.len(), ..Self::default() };
        }
        let chosen = of_each_kind(cases, place).into_iter().collect();
        Self { chosen: Some(chosen), all: all.len(), of_kinds: true }
    }

    /// Chooses among variants of one kind: in each way of waiting as many as asked for, those that stay closest to the
    /// best over all places, and the best that is written in Python.
    pub fn closest(cases: &[&CaseStudy<'_>], most: usize, place: impl Fn(&CaseStudy<'_>) -> u64) -> Self {
        let all: BTreeSet<Series> = cases.iter().map(|case| case.series.usual()).collect();
        let mut chosen = BTreeSet::new();
        for blocks in [false, true] {
            let mut costs = Costs::default();
            for case in cases.iter().filter(|case| (case.series.manner == Manner::Blocks) == blocks) {
                let Some(cost) = case.cost_ns() else { continue };
                costs.entry(case.series.usual()).or_default().insert(place(case), cost);
            }
            chosen.extend(by_distance(&costs).into_iter().take(most).cloned());
            // Readers who use Python look for it beside the alternatives.
            costs.retain(|series, _| series.group == Some(Group::Python));
            chosen.extend(closest(&costs).cloned());
        }
        Self { chosen: Some(chosen), all: all.len(), of_kinds: false }
    }

    /// Whether a chart shows this one.
    pub fn shows(&self, series: &Series) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&series.usual()))
    }

    /// Whether anything was left out.
    pub fn is_partial(&self) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.len() < self.all)
    }

    /// A sentence for the chart's note; empty when it shows everything.
    pub fn describe(&self) -> String {
        let Some(chosen) = self.chosen.as_ref().filter(|_| self.is_partial()) else { return String::new() };
        if !self.of_kinds {
            let python =
                if chosen.iter().any(|one| one.group == Some(Group::Python)) { ", and the best in Python" } else { "" };
            return format!(
                " Of {} variants it shows {}: those that stay closest to the best{python}; the numbers behind it \
                 hold all.",
                self.all,
                chosen.len()
            );
        }
        format!(
            " Of {} variants it shows {}: in each way of waiting the one of each kind that stays closest to the best \
             of its kind; the numbers behind it hold all.",
            self.all,
            chosen.len()
        )
    }
}

/// In each way of waiting, of each kind the variant that stays closest to its kind's best over all places.
pub fn of_each_kind(cases: &[&CaseStudy<'_>], place: impl Fn(&CaseStudy<'_>) -> u64) -> Vec<Series> {
    let mut costs: BTreeMap<(Manner, Option<Group>), Costs> = BTreeMap::new();
    for case in cases {
        let Some(cost) = case.cost_ns() else { continue };
        let group = costs.entry((case.series.manner, case.series.group)).or_default();
        group.entry(case.series.usual()).or_default().insert(place(case), cost);
    }
    costs.values().filter_map(closest).cloned().collect()
}

/// What each variant of a group costs at each place.
type Costs = BTreeMap<Series, BTreeMap<u64, f64>>;

/// Of one group, the series whose cost, over all places, is in the mean closest to the group's best at each.
fn closest(group: &Costs) -> Option<&Series> {
    by_distance(group).into_iter().next()
}

/// All of a group, the one that is in the mean closest to the group's best first.
fn by_distance(group: &Costs) -> Vec<&Series> {
    let mut best: BTreeMap<u64, f64> = BTreeMap::new();
    for (&place, &cost) in group.values().flatten() {
        best.entry(place).and_modify(|least| *least = least.min(cost)).or_insert(cost);
    }
    let behind = |costs: &BTreeMap<u64, f64>| -> f64 {
        best.iter().map(|(place, least)| costs.get(place).map_or(ABSENT, |cost| (cost / least).ln().min(ABSENT))).sum()
    };
    let mut all: Vec<(f64, &Series)> = group.iter().map(|(series, costs)| (behind(costs), series)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().map(|(_, series)| series).collect()
}

/// The case with the least or most of something, where any has it.
pub fn extreme<'s, 'a>(
    cases: &[&'s CaseStudy<'a>],
    least: bool,
    value: impl Fn(&CaseStudy<'_>) -> Option<f64>,
) -> Option<(&'s CaseStudy<'a>, f64)> {
    let known = cases.iter().filter_map(|case| Some((*case, value(case)?)));
    let sign = if least { 1.0 } else { -1.0 };
    known.min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))
}

/// The best case of its kind, and those that cannot be told from it.
pub struct Best<'s, 'a> {
    /// The best by its median.
    pub leader: &'s CaseStudy<'a>,
    level: Vec<&'s CaseStudy<'a>>,
}

impl<'s, 'a> Best<'s, 'a> {
    /// The best of one way of waiting at one size.
    pub fn of(
        study: &'s Study<'a>,
        measure: Measure,
        placement: Placement,
        bytes: u64,
        manner: Manner,
    ) -> Option<Self> {
        let candidates = study
            .measured(measure, placement)
            .filter(|case| case.bytes() == bytes && case.series.manner == manner && case.series.between_processes());
        Self::among(candidates.collect())
    }

    /// The best of measured cases that answer one question.
    pub fn among(mut candidates: Vec<&'s CaseStudy<'a>>) -> Option<Self> {
        candidates.sort_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)));
        let (&leader, others) = candidates.split_first()?;
        let level = others.iter().copied().filter(|other| cannot_tell(leader, other)).collect();
        Some(Self { leader, level })
    }

    /// What the best came to.
    pub fn typical(&self) -> &Estimate {
        self.leader.summary.typical.as_ref().expect("only measured cases compete")
    }

    /// Its name and, in brackets, what to bear in mind.
    pub fn names(&self) -> String {
        let mut notes = Vec::new();
        if let Some(verdict @ (Verdict::Noisy | Verdict::Overloaded)) = self.leader.summary.verdict {
            notes.push(verdict.to_string());
        }
        if !self.level.is_empty() {
            let named = self.level.iter().take(MOST_NAMED).map(|case| quoted(case)).collect::<Vec<_>>().join(", ");
            let rest = match self.level.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                1 => " and one more".to_owned(),
                more => format!(" and {more} more"),
            };
            notes.push(format!("no measurable difference to {named}{rest}"));
        }
        let name = quoted(self.leader);
        if notes.is_empty() { name } else { format!("{name} ({})", notes.join("; ")) }
    }
}

/// Its name between back quotes.
pub fn quoted(case: &CaseStudy<'_>) -> String {
    format!("`{}`", case.series.label())
}

fn cannot_tell(a: &CaseStudy<'_>, b: &CaseStudy<'_>) -> bool {
    let interval = |case: &CaseStudy<'_>| case.summary.typical.and_then(|typical| typical.interval);
    matches!((interval(a), interval(b)), (Some(a), Some(b)) if a.overlaps(b))
}

/// `212 ns (206 to 220 ns)`.
pub fn with_interval(estimate: &Estimate, show: impl Fn(f64) -> Quantity) -> String {
    let value = show(estimate.value);
    let interval = estimate.interval.map(|i| format!(" ({})", format::span(i.low, i.high, show)));
    format!("{value}{}", interval.unwrap_or_default())
}
