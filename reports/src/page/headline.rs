//! Headline table: round trip and stream of each series, placement and size, with filters in CSS.

use std::fmt::Write as _;

use ipcmark_record::{Group, Measure, Placement, Verdict};
use serde::Serialize;

use crate::analyse::answer::place_word;
use crate::analyse::crowd::Crowd;
use crate::analyse::plausible::beyond_one_core;
use crate::analyse::series::{Manner, Series, group_word};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::summary::CaseSummary;
use crate::analyse::verdict::WIDEST_SPREAD;
use crate::chart::Cell;
use crate::format::{self, Quantity};

/// Number of variants above which the table has a filter by kind.
const MANY: usize = 16;

/// Table with its filters.
#[derive(Serialize)]
pub struct Headline {
    rows: Vec<Row>,
    sizes: Vec<Choice>,
    placements: Vec<Choice>,
    /// Kinds of mechanisms, if recorded.
    groups: Vec<Choice>,
    /// Whether to show the filter by kind.
    choose_kind: bool,
}

/// One value of a filter.
#[derive(Serialize)]
struct Choice {
    /// Identifier of letters, digits, `-` and `_`.
    id: String,
    word: String,
    chosen: bool,
}

/// Row of the table.
#[derive(Serialize)]
struct Row {
    /// Sort key: references last; then placement, size, manner, typical round trip.
    #[serde(skip)]
    rank: (bool, Placement, u64, Manner, f64),
    series: usize,
    label: String,
    manner: &'static str,
    group: &'static str,
    group_id: &'static str,
    /// Placements whose filter shows the row.
    placement: String,
    placement_word: String,
    size_id: String,
    size: Cell,
    typical: Number,
    p50: Number,
    p99: Number,
    p999: Number,
    rate: Number,
    cpu: Number,
    floor: Number,
    verdict: &'static str,
    why: String,
}

/// Table cell with a number, its unit and a note.
#[derive(Default, Serialize)]
pub(super) struct Number {
    shown: String,
    unit: &'static str,
    /// Sort value; empty sorts last.
    raw: String,
    /// Interval and floor.
    note: String,
    /// Whether the note contains a warning.
    flagged: bool,
    /// Relative distance to the farther end of the interval: `±4 %`.
    spread: String,
    /// Whether that is too far for a stable figure.
    wide: bool,
}

impl Number {
    pub(super) fn of(value: Option<f64>, show: fn(f64) -> Quantity) -> Self {
        value.map_or_else(Self::default, |value| {
            let Quantity { number, unit } = show(value);
            Self { shown: number, unit, raw: format::digits(value), ..Self::default() }
        })
    }

    /// Adds a warning, if there is one.
    fn flag(mut self, warning: Option<String>) -> Self {
        if let Some(why) = warning {
            self.flagged = true;
            self.note = format!("{}{}{why}", self.note, if self.note.is_empty() { "" } else { "; " });
        }
        self
    }

    pub(super) fn estimated(estimate: Option<Estimate>, show: fn(f64) -> Quantity) -> Self {
        let interval = estimate.and_then(|e| e.interval.zip(e.ends()));
        let note = interval.map(|(i, ends)| format!("{ends}: {}", format::span(i.low, i.high, show)));
        Self {
            note: note.unwrap_or_default(),
            spread: estimate.and_then(|e| e.plus_minus()).unwrap_or_default(),
            wide: estimate.and_then(|e| e.spread()).is_some_and(|spread| spread > WIDEST_SPREAD),
            ..Self::of(estimate.map(|e| e.value), show)
        }
    }

    /// Main metric of a case; the note has the results at all CPU distances.
    pub(super) fn typical(summary: Option<&CaseSummary>, show: fn(f64) -> Quantity) -> Self {
        let mut number = Self::estimated(summary.and_then(|summary| summary.typical), show);
        let distances = summary.and_then(CaseSummary::distances_in_words);
        number.note = Some(std::mem::take(&mut number.note))
            .filter(|note| !note.is_empty())
            .into_iter()
            .chain(distances)
            .collect::<Vec<_>>()
            .join("; ");
        number.flag(summary.and_then(|summary| summary.coarse.clone()))
    }
}

/// Rate of a stream, flagged above the copy rate of one core.
fn rate(stream: Option<&CaseSummary>) -> Number {
    Number::typical(stream, format::rate).flag(stream.and_then(beyond))
}

/// Warning about a rate above the copy rate of one core.
fn beyond(stream: &CaseSummary) -> Option<String> {
    let times = stream.times_one_core.filter(|&times| times > 1.0)?;
    Some(format!("{} times, {}", format::ratio(times), beyond_one_core(stream.case.params.touch)))
}

/// Ratio to the floor or reference, whose label is in the note.
fn to_floor(summary: Option<&CaseSummary>) -> Number {
    let mut number = Number::estimated(summary.and_then(|s| s.to_floor), times);
    if let Some(label) = summary.and_then(|s| s.floor_label.as_deref()) {
        number.note = format!("{}{}{label}", number.note, if number.note.is_empty() { "" } else { "; " });
    }
    number
}

fn times(value: f64) -> Quantity {
    Quantity { unit: "×", ..format::ratio(value) }
}

/// Builds the table.
pub fn headline(study: &Study<'_>) -> Headline {
    let asked = |case: &&CaseStudy<'_>| {
        matches!(case.case.measure, Measure::RoundTrip | Measure::Stream)
            && Crowd::of(case.case).plain()
            && !study.only_for_drift(case)
    };
    let mut cases: Vec<&CaseStudy<'_>> = study.cases.iter().filter(asked).collect();
    if cases.iter().all(|case| case.summary.typical.is_none()) {
        // A table without any number says less than the list of reasons.
        cases.clear();
    }
    let mut keys: Vec<(&Series, Placement, u64)> =
        cases.iter().map(|case| (&case.series, case.case.placement, case.bytes())).collect();
    keys.sort();
    keys.dedup();
    let mut rows: Vec<Row> =
        keys.iter().map(|&(series, placement, bytes)| row(study, series, placement, bytes)).collect();
    // Rows are ranked within each manner; those without a number come last.
    rows.sort_by(|a, b| a.rank.partial_cmp(&b.rank).unwrap_or(std::cmp::Ordering::Equal));

    let mut sizes: Vec<u64> = keys.iter().map(|key| key.2).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let crosses = |key: &&(&Series, Placement, u64)| key.0.manner != Manner::Alone;
    let mut placements: Vec<Placement> = keys.iter().filter(crosses).map(|key| key.1).collect();
    placements.sort_unstable();
    placements.dedup();
    let mut groups: Vec<Group> = keys.iter().filter_map(|key| key.0.group).collect();
    groups.sort_unstable();
    groups.dedup();
    let mut series: Vec<&Series> = keys.iter().map(|key| key.0).collect();
    series.dedup();
    let main = study.placement.filter(|main| placements.contains(main)).or(placements.first().copied());
    let there =
        |key: &&(&Series, Placement, u64)| main.is_none_or(|main| key.1 == main || key.0.manner == Manner::Alone);
    let at = |size: u64| keys.iter().filter(there).filter(|key| key.2 == size).count();
    // Size with the most variants at the placement shown first; the smallest on ties.
    let common = sizes.iter().rev().copied().max_by_key(|&size| at(size));
    Headline {
        rows,
        choose_kind: groups.len() > 1 && series.len() > MANY,
        sizes: sizes
            .into_iter()
            .map(|size| Choice { id: size.to_string(), word: format::bytes(size), chosen: Some(size) == common })
            .collect(),
        placements: placements
            .into_iter()
            .map(|p| Choice { id: p.word().into(), word: place_word(p), chosen: Some(p) == main })
            .collect(),
        groups: groups
            .into_iter()
            .map(|group| Choice { id: group.word().into(), word: group_word(group).into(), chosen: false })
            .collect(),
    }
}

impl Headline {
    /// CSS rules that hide the rows of other choices; a browser without `:has` shows all rows.
    pub fn filters_css(&self) -> String {
        let mut css = String::new();
        for (attribute, choices) in [("size", &self.sizes), ("placement", &self.placements), ("kind", &self.groups)] {
            for Choice { id, .. } in choices {
                let _ = writeln!(
                    css,
                    "#results:has(#{attribute}-{id}:checked) tbody tr[data-{attribute}]:not([data-{attribute}~=\"{id}\"]){{display:none}}"
                );
            }
        }
        css
    }
}

fn row(study: &Study<'_>, series: &Series, placement: Placement, bytes: u64) -> Row {
    let of = |measure: Measure| {
        study.cases.iter().find(|case| {
            case.case.measure == measure
                && Crowd::of(case.case).plain()
                && case.case.placement == placement
                && case.bytes() == bytes
                && case.series == *series
        })
    };
    let (trip, stream) = (of(Measure::RoundTrip), of(Measure::Stream));
    let trip_summary = trip.map(|case| &case.summary);
    let first = trip_summary.or(stream.map(|case| &case.summary));
    let from_trip =
        |value: fn(&CaseSummary) -> Option<Estimate>| Number::estimated(trip_summary.and_then(value), format::time);
    let alone = series.manner == Manner::Alone;
    let all: Vec<&str> = Placement::ALL.iter().map(|placement| placement.word()).collect();
    let (verdict, why) = worse(&[("round trip", trip_summary), ("stream", stream.map(|case| &case.summary))]);
    Row {
        series: study.index(series),
        label: series.label(),
        manner: series.manner.word(),
        group: series.group_word(),
        group_id: series.group.map_or("", Group::word),
        placement: if alone { all.join(" ") } else { placement.word().into() },
        placement_word: if alone { "–".into() } else { place_word(placement) },
        rank: (
            alone,
            placement,
            bytes,
            series.manner,
            trip_summary.and_then(|s| s.typical).map_or(f64::MAX, |t| t.value),
        ),
        size_id: bytes.to_string(),
        size: Cell::number(Some(bytes as f64), |bytes| format::bytes(bytes as u64)),
        typical: Number::typical(trip_summary, format::time),
        p50: from_trip(|s| s.p50_ns).flag(trip.and_then(CaseStudy::stamping).and_then(|both| both.warning())),
        p99: from_trip(|s| s.p99_ns),
        p999: from_trip(|s| s.p999_ns),
        rate: rate(stream.map(|case| &case.summary)),
        cpu: Number::of(first.and_then(|s| s.cpu_ns_per_message), format::time),
        floor: to_floor(first),
        verdict,
        why,
    }
}

/// Less favourable verdict, and the reasons of both.
pub(super) fn worse(judged: &[(&str, Option<&CaseSummary>)]) -> (&'static str, String) {
    let judged: Vec<_> = judged.iter().filter_map(|&(name, case)| Some((name, case?))).collect();
    let worst = judged.iter().map(|(_, case)| case.verdict).max_by_key(|&verdict| caution(verdict)).flatten();
    let why: Vec<String> =
        judged.iter().map(|(name, case)| format!("{name}: {}, {}", word(case.verdict), case.why)).collect();
    let flag = judged.iter().find_map(|(_, case)| beyond(case)).map(|why| format!("rate: {why}"));
    (word(worst), why.into_iter().chain(flag).collect::<Vec<_>>().join("\n"))
}

/// Name of a verdict, or `too few repetitions`.
pub fn word(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("too few repetitions", Verdict::word)
}

fn caution(verdict: Option<Verdict>) -> u8 {
    match verdict {
        Some(Verdict::Stable | Verdict::Caught) => 0,
        None => 1,
        Some(Verdict::Skipped) => 2,
        Some(Verdict::Noisy) => 3,
        Some(Verdict::Disturbed) => 4,
        Some(Verdict::Unstable) => 5,
        Some(Verdict::Overloaded) => 6,
        Some(Verdict::Invalid) => 7,
    }
}
