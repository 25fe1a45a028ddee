//! Ranking at one size: one point with interval per mechanism, grouped by manner.

use ipcmark_record::{Group, Measure, Placement};

use super::axis::Axis;
use super::dots::{Dots, Mark, Row, Section};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, size};
use crate::analyse::series::{Manner, group_word};
use crate::analyse::statistics::{Estimate, median};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Chart at the most common size, and one at 0 bytes for mechanisms that only notify.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let Some(common) = study.common_size(Measure::RoundTrip, placement) else { return Vec::new() };
    let mut figures = vec![figure(study, looks, placement, common, "ranking")];
    if common > 0 && study.sizes(Measure::RoundTrip, placement).first() == Some(&0) {
        figures.push(figure(study, looks, placement, 0, "ranking-0"));
    }
    figures
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, bytes: u64, id: &str) -> Figure {
    let mut cases: Vec<(&CaseStudy<'_>, Estimate)> = study
        .measured(Measure::RoundTrip, placement)
        .filter(|case| case.bytes() == bytes)
        .filter_map(|case| Some((case, case.summary.typical?)))
        .collect();
    cases.sort_by(|a, b| (a.0.series.manner).cmp(&b.0.series.manner).then(a.1.value.total_cmp(&b.1.value)));
    let shown = Shown::of(&cases.iter().map(|entry| entry.0).collect::<Vec<_>>(), size);
    let title = format!("Round-trip latency: {} messages, {}", format::bytes(bytes), place(placement));
    let ranking = Ranking { study, looks };
    let best: Vec<_> = cases.iter().copied().filter(|(case, _)| shown.shows(&case.series)).collect();
    let chart = ranking.chart(&best, false);
    Figure {
        note: format!(
            "Median over repetitions with its interval; each small dot is one repetition. Rows are ranked within each way of waiting, \
             because polling keeps a CPU busy. Overlapping intervals show no difference.{}",
            shown.describe()
        ),
        table: table(&cases),
        ..Figure::drawn(id, title, &chart)
    }
    .unfolding(
        format!("All {} variants, kind by kind", cases.len()),
        shown.is_partial().then(|| ranking.chart(&cases, true)),
    )
}

struct Ranking<'s, 'a> {
    study: &'s Study<'a>,
    looks: &'s Looks,
}

impl Ranking<'_, '_> {
    /// Chart of sorted cases, in sections by manner and optionally by kind.
    fn chart(&self, cases: &[(&CaseStudy<'_>, Estimate)], by_group: bool) -> Dots {
        let mut keys: Vec<(Option<Group>, Manner)> =
            cases.iter().map(|(case, _)| (case.series.group.filter(|_| by_group), case.series.manner)).collect();
        keys.sort_unstable();
        keys.dedup();
        let section = |&(group, manner): &(Option<Group>, Manner)| {
            let members = cases
                .iter()
                .filter(|(case, _)| case.series.manner == manner && (!by_group || case.series.group == group));
            let heading = group.map(|group| format!("{}: ", group_word(group))).unwrap_or_default();
            Section { heading: heading + manner.word(), rows: members.map(|entry| self.row(entry)).collect() }
        };
        let references = floors(cases);
        let spans = cases.iter().flat_map(|(_, typical)| {
            [Some(typical.value), typical.interval.map(|i| i.low), typical.interval.map(|i| i.high)]
        });
        let values = spans.flatten().chain(references.iter().map(|floor| floor.1));
        Dots {
            description: "Round-trip medians with their intervals on a logarithmic axis, sorted within each section.",
            x_name: "round trip (log scale)",
            axis: Axis::log(values, format::time),
            sections: keys.iter().map(section).collect(),
            references: references
                .into_iter()
                .map(|(label, ns)| (format!("{label}, {}", format::ns(ns)), ns))
                .collect(),
            stretch: None,
        }
    }

    fn row(&self, (case, typical): &(&CaseStudy<'_>, Estimate)) -> Row {
        let look = self.looks.get(self.study.index(&case.series));
        let mark = Mark {
            value: typical.value,
            interval: typical.interval.map(|i| (i.low, i.high)),
            ink: look.ink(),
            marker: look.marker,
            each: case.each(),
            crossed: false,
        };
        Row { label: case.series.label(), ink: look.ink(), note: describe(typical), marks: vec![mark] }
    }
}

/// `212 ns  (206 to 220 ns)`.
fn describe(typical: &Estimate) -> String {
    let value = format::ns(typical.value);
    match typical.interval {
        Some(interval) => format!("{value}  ({})", format::span(interval.low, interval.high, format::time)),
        None => value,
    }
}

/// Floors of these cases by name, median over cases.
fn floors(cases: &[(&CaseStudy<'_>, Estimate)]) -> Vec<(String, f64)> {
    let mut floors: Vec<(String, f64)> = cases.iter().filter_map(|(case, _)| case.floor()).collect();
    floors.sort_by(|a, b| a.0.cmp(&b.0));
    let each = floors.chunk_by(|a, b| a.0 == b.0);
    each.filter_map(|same| Some((same[0].0.clone(), median(same.iter().map(|floor| floor.1))?))).collect()
}

fn table(cases: &[(&CaseStudy<'_>, Estimate)]) -> Table {
    Table::of(cases)
        .case("Mechanism")
        .time("Round trip", "round_trip_ns", |(_, typical)| Some(typical.value))
        .time("Low", "low_ns", |(_, typical)| Some(typical.interval?.low))
        .time("High", "high_ns", |(_, typical)| Some(typical.interval?.high))
        .count("Repetitions", "repetitions_count", |(_, typical)| Some(typical.repetitions as f64))
        .table()
}
