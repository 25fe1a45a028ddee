//! Chart of pairs that must agree: ratios with intervals, and the range that counts as equal.

use super::axis::Axis;
use super::canvas::{Ink, Marker};
use super::dots::{Dots, Mark, Row, Section};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place_word;
use crate::analyse::cross_check::{Check, EQUAL, checks};
use crate::analyse::study::Study;
use crate::format;

/// Builds the chart; `None` without such a pair.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let checks = checks(study);
    let equal = checks.iter().filter(|check| check.is_equal()).count();
    let values = checks.iter().flat_map(|check| {
        let interval = check.ratio.interval;
        [Some(check.ratio.value), interval.map(|i| i.low), interval.map(|i| i.high)].into_iter().flatten()
    });
    let title = "Pairs that must agree";
    let chart = Dots {
        description: "Ratio of the costs of each pair at each size, with its interval; the shaded range counts \
             as equal.",
        x_name: "cost of the first over cost of the second (log scale)",
        axis: Axis::log(values.chain([0.8, 1.25]), format::ratio),
        references: Vec::new(),
        stretch: Some(EQUAL),
        sections: sections(&checks, study, looks),
    };
    (!checks.is_empty()).then(|| Figure {
        answer: answer(&checks, equal),
        note: "One point per size: the median of the ratios by repetition with its interval. A cross is a \
             pair not shown to be equal: its interval leaves the shaded range 0.9 to 1.1, or too few \
             repetitions ran. Only an interval wholly outside the range shows a difference."
            .into(),
        table: table(&checks),
        ..Figure::drawn("cross-checks", title, &chart)
    })
}

fn names(check: &Check<'_, '_>) -> String {
    format!("{} = {}", check.first.series.label(), check.second.series.label())
}

/// One section per pair, one row per measure and placement, one point per size.
fn sections(checks: &[Check<'_, '_>], study: &Study<'_>, looks: &Looks) -> Vec<Section> {
    let of_pair = checks.chunk_by(|a, b| a.first.series == b.first.series);
    let section = |pair: &[Check<'_, '_>]| {
        let ink = looks.get(study.index(&pair[0].first.series)).ink();
        let alike = |a: &Check<'_, '_>, b: &Check<'_, '_>| {
            (a.first.case.measure, a.first.case.placement) == (b.first.case.measure, b.first.case.placement)
        };
        Section { heading: names(&pair[0]), rows: pair.chunk_by(alike).map(|sizes| row(sizes, ink)).collect() }
    };
    of_pair.map(section).collect()
}

fn row(sizes: &[Check<'_, '_>], ink: Ink) -> Row {
    let mark = |check: &Check<'_, '_>| Mark {
        value: check.ratio.value,
        interval: check.ratio.interval.map(|i| (i.low, i.high)),
        ink,
        marker: Marker::Circle,
        each: Vec::new(),
        crossed: !check.is_equal(),
    };
    let case = sizes[0].first.case;
    let equal = sizes.iter().filter(|check| check.is_equal()).count();
    Row {
        label: format!("{}, {}", case.measure.word().replace('_', " "), place_word(case.placement)),
        ink: Ink::Text,
        note: format!("{equal} of {} equal", sizes.len()),
        marks: sizes.iter().map(mark).collect(),
    }
}

fn answer(checks: &[Check<'_, '_>], equal: usize) -> String {
    let open = checks.iter().filter(|check| !check.is_equal());
    let worst = open.max_by(|a, b| a.ratio.value.ln().abs().total_cmp(&b.ratio.value.ln().abs()));
    let worst = worst.map(|check| {
        let (measure, bytes) = (check.first.case.measure.word().replace('_', " "), format::bytes(check.first.bytes()));
        let (first, second) = (check.first.series.quoted(), check.second.series.quoted());
        format!(" Farthest apart are {first} and {second} ({measure}, {bytes}): {}.", check.describe())
    });
    format!("{equal} of {} pairs are equal.{}", checks.len(), worst.unwrap_or_default())
}

fn table(checks: &[Check<'_, '_>]) -> Table {
    Table::of(checks)
        .text("First", "first", |check| check.first.series.label())
        .text("Second", "second", |check| check.second.series.label())
        .text("Measure", "measure", |check| check.first.case.measure.word().replace('_', " "))
        .text("Placement", "placement", |check| place_word(check.first.case.placement))
        .size("Size", "message_bytes", |check| check.first.bytes())
        .number("First over second", "ratio_count", format::ratio, |check| Some(check.ratio.value))
        .number("Low", "low_count", format::ratio, |check| Some(check.ratio.interval?.low))
        .number("High", "high_count", format::ratio, |check| Some(check.ratio.interval?.high))
        .number("Floors' ratio", "floors_count", format::ratio, |check| check.floor_ratio)
        .text("Verdict", "verdict", |check| check.describe())
        .table()
}
