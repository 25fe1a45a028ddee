//! Selection of variants for charts that cannot show all: the best of each kind and manner.

use std::collections::{BTreeMap, BTreeSet};

use ipcmark_record::{Group, MainMetric, Verdict};

use super::series::{Manner, Series};
use super::statistics::Estimate;
use super::study::CaseStudy;
use crate::format::{self, Quantity};

/// Most variants named as equal to the best; the ranking shows them all.
const MOST_NAMED: usize = 3;
/// Widest interval, highest over lowest value, whose overlap with another shows that two cases are about equal.
const WIDEST_TIE: f64 = 2.0;
/// Most lines in one panel.
pub const MOST_LINES: usize = 8;
/// Penalty, as a logarithm, for a position without a value: ten times the best cost.
const ABSENT: f64 = std::f64::consts::LN_10;

/// Payload of a case in bytes, as a position on an axis.
pub fn size(case: &CaseStudy<'_>) -> u64 {
    case.bytes()
}

/// Variants that a chart shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// `None` for all variants.
    chosen: Option<BTreeSet<Series>>,
    all: usize,
    /// Whether one variant was chosen for each kind.
    of_kinds: bool,
}

impl Shown {
    /// Chooses among cases of one measure and placement; depths and touch modes of a variant count as one. `place`
    /// returns the position of a case on the horizontal axis.
    pub fn of(cases: &[&CaseStudy<'_>], place: impl Fn(&CaseStudy<'_>) -> u64) -> Self {
        let all: BTreeSet<Series> = cases.iter().map(|case| case.series.usual()).collect();
        let lines = |blocks: bool| all.iter().filter(|s| (s.manner == Manner::Blocks) == blocks).count();
        if lines(true).max(lines(false)) <= MOST_LINES {
            return Self { all: all.len(), ..Self::default() };
        }
        let chosen = of_each_kind(cases, place).into_iter().collect();
        Self { chosen: Some(chosen), all: all.len(), of_kinds: true }
    }

    /// Chooses among variants of one kind: for each manner the `most` variants closest to the best over all positions,
    /// and the best Python variant.
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
            // The best Python variant is always included, for comparison.
            costs.retain(|series, _| series.group == Some(Group::Python));
            chosen.extend(closest(&costs).cloned());
        }
        Self { chosen: Some(chosen), all: all.len(), of_kinds: false }
    }

    /// Whether the chart shows this variant.
    pub fn shows(&self, series: &Series) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.contains(&series.usual()))
    }

    /// Whether any variant is left out.
    pub fn is_partial(&self) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.len() < self.all)
    }

    /// Sentence for the chart's note; empty if it shows all variants.
    pub fn describe(&self) -> String {
        let Some(chosen) = self.chosen.as_ref().filter(|_| self.is_partial()) else { return String::new() };
        if !self.of_kinds {
            let python =
                if chosen.iter().any(|one| one.group == Some(Group::Python)) { ", and the best in Python" } else { "" };
            return format!(
                " Of {} variants it shows {}: those closest to the best{python}; its table has all.",
                self.all,
                chosen.len()
            );
        }
        format!(
            " Of {} variants it shows {}: for each kind and way of waiting the one closest to the best of its \
                 kind; its table has all.",
            self.all,
            chosen.len()
        )
    }
}

/// Returns, for each manner and kind, the variant closest to the best of its kind over all positions.
pub fn of_each_kind(cases: &[&CaseStudy<'_>], place: impl Fn(&CaseStudy<'_>) -> u64) -> Vec<Series> {
    let mut costs: BTreeMap<(Manner, Option<Group>), Costs> = BTreeMap::new();
    for case in cases {
        let Some(cost) = case.cost_ns() else { continue };
        let group = costs.entry((case.series.manner, case.series.group)).or_default();
        group.entry(case.series.usual()).or_default().insert(place(case), cost);
    }
    costs.values().filter_map(closest).cloned().collect()
}

/// Cost of each variant of a group at each position.
type Costs = BTreeMap<Series, BTreeMap<u64, f64>>;

/// Series with the smallest mean distance to the group's best cost over all positions.
fn closest(group: &Costs) -> Option<&Series> {
    by_distance(group).into_iter().next()
}

/// Series of a group by their mean distance to the group's best cost, closest first.
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

/// Case with the least or greatest value, if any has one.
pub fn extreme<'s, 'a>(
    cases: &[&'s CaseStudy<'a>],
    least: bool,
    value: impl Fn(&CaseStudy<'_>) -> Option<f64>,
) -> Option<(&'s CaseStudy<'a>, f64)> {
    let known = cases.iter().filter_map(|case| Some((*case, value(case)?)));
    let sign = if least { 1.0 } else { -1.0 };
    known.min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))
}

/// Case that competes, and its estimate.
pub type Entry<'s, 'a> = (&'s CaseStudy<'a>, Estimate);

/// Best case, and the cases whose intervals overlap its own.
pub struct Best<'s, 'a> {
    /// Best case by its median.
    pub leader: &'s CaseStudy<'a>,
    typical: Estimate,
    level: Vec<&'s CaseStudy<'a>>,
    /// Cases that overlap only because an interval is wide or the repetitions fall into modes.
    uncertain: Vec<&'s CaseStudy<'a>>,
}

impl<'s, 'a> Best<'s, 'a> {
    /// Best of `candidates` by their main metric; those without a result do not compete.
    pub fn among(candidates: Vec<&'s CaseStudy<'a>>) -> Option<Self> {
        let more = candidates.first()?.summary.main.is_some_and(MainMetric::is_rate);
        Self::by(candidates.into_iter().filter_map(|case| Some((case, case.summary.typical?))).collect(), more)
    }

    /// Best of `entries`, which have estimates of one metric; `more` of it is better, or less.
    pub fn by(mut entries: Vec<Entry<'s, 'a>>, more: bool) -> Option<Self> {
        let sign = if more { -1.0 } else { 1.0 };
        entries.sort_by(|a, b| (sign * a.1.value).total_cmp(&(sign * b.1.value)));
        let (&(leader, typical), others) = entries.split_first()?;
        let overlaps = |other: &&Entry<'_, '_>| {
            typical.interval.zip(other.1.interval).is_some_and(|(own, other)| own.overlaps(other))
        };
        let overlapping = others.iter().filter(overlaps);
        let (level, uncertain): (Vec<_>, Vec<_>) =
            overlapping.partition(|other| is_informative(&(leader, typical)) && is_informative(other));
        let cases = |entries: Vec<&Entry<'s, 'a>>| entries.into_iter().map(|entry| entry.0).collect();
        Some(Self { leader, typical, level: cases(level), uncertain: cases(uncertain) })
    }

    /// Estimate of the leader.
    pub fn typical(&self) -> &Estimate {
        &self.typical
    }

    /// Verdict of the leader, if it is a reason for doubt.
    pub fn doubt(&self) -> Option<Verdict> {
        let doubtful = [Verdict::Noisy, Verdict::Disturbed, Verdict::Unstable, Verdict::Overloaded];
        self.leader.summary.verdict.filter(|verdict| doubtful.contains(verdict))
    }

    /// Equals of the leader: `statistically tied with ...`, and cases that cannot be compared with it: `inconclusive against ...`.
    pub fn ties(&self) -> Vec<String> {
        let overlapping = [("statistically tied with", &self.level), ("inconclusive against", &self.uncertain)];
        let leader = quoted(self.leader);
        let told = |(words, cases): (&str, &Vec<&CaseStudy<'_>>)| {
            // Variants that differ in a parameter alone have one name.
            let mut names: Vec<String> = cases.iter().map(|case| quoted(case)).filter(|name| *name != leader).collect();
            names.dedup();
            (!names.is_empty()).then(|| format!("{words} {}", named(names)))
        };
        overlapping.into_iter().filter_map(told).collect()
    }

    /// Name of the leader with its verdict and its equals in brackets.
    pub fn names(&self) -> String {
        let notes: Vec<String> =
            self.doubt().map(|verdict| verdict.to_string()).into_iter().chain(self.ties()).collect();
        let name = quoted(self.leader);
        if notes.is_empty() { name } else { format!("{name} ({})", notes.join("; ")) }
    }
}

/// The first names of many: `a, b, c and 7 more`.
pub fn named(names: impl IntoIterator<Item = String>) -> String {
    let names: Vec<String> = names.into_iter().collect();
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names[..names.len().min(MOST_NAMED)].join(", ") + &more
}

/// Name of a case between back quotes.
pub fn quoted(case: &CaseStudy<'_>) -> String {
    format!("`{}`", case.series.label())
}

/// Whether an interval that overlaps another says that the two are about equal.
fn is_informative((case, estimate): &Entry<'_, '_>) -> bool {
    case.summary.verdict != Some(Verdict::Unstable)
        && estimate.interval.is_some_and(|interval| interval.low > 0.0 && interval.high <= WIDEST_TIE * interval.low)
}

/// `212 ns (206 to 220 ns)`.
pub fn with_interval(estimate: &Estimate, show: impl Fn(f64) -> Quantity) -> String {
    let value = show(estimate.value);
    let interval = estimate.interval.map(|i| format!(" ({})", format::span(i.low, i.high, show)));
    format!("{value}{}", interval.unwrap_or_default())
}
