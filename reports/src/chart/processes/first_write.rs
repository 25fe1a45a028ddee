//! Cost of the first and of later writes to a shared page, and the processes that see them.

use ipcmark_record::{Measure, metric};

use super::super::axis::Axis;
use super::super::bars::{Bar, Bars, Column, Section};
use super::super::canvas::Ink;
use super::super::table::Table;
use super::super::{Figure, Key, Looks};
use crate::analyse::families::ISOLATION;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Both writes: metric, words, colour index.
const WRITES: [(&str, &str, u8); 2] =
    [(metric::FIRST_WRITE_NS, "the first write to a page", 5), (metric::LATER_WRITE_NS, "a later one", 2)];

/// Builds the chart; `None` without such cases.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let written = measured(study, ISOLATION).filter(|case| case.case.measure == Measure::FirstWrite);
    let ground = Ground::most(written, |_| ())?;
    let mut cases = ground.cases.clone();
    cases.sort_by(|a, b| b.cost_ns().unwrap_or(0.0).total_cmp(&a.cost_ns().unwrap_or(0.0)));
    let longest = cases.iter().filter_map(|case| case.cost_ns()).fold(0.0, f64::max);
    let title = format!("First write to a shared page: {}", ground.describe());
    let chart = Bars {
        description: "For memory shared in each way, a bar for the first write to a page and one for a later write.",
        columns: vec![Column {
            heading: "a page".into(),
            sections: vec![Section {
                heading: "time of one write".into(),
                axis: Axis::linear(longest, 4, format::time),
                bars: cases.iter().map(|case| bar(case, study, looks)).collect(),
            }],
        }],
    };
    Some(Figure {
        answer: answer(&cases),
        note: format!(
            "Medians over repetitions. Each trial checks which processes see a write; a wrong answer makes it \
             invalid.{}",
            remarks(&cases)
        ),
        legend: WRITES.iter().map(|(_, word, ink)| Key { class: format!("p{ink}"), word: (*word).into() }).collect(),
        table: table(&cases),
        ..Figure::drawn("first-write", title, &chart)
    })
}

fn bar(case: &CaseStudy<'_>, study: &Study<'_>, looks: &Looks) -> Bar {
    let writes = WRITES.map(|(name, _, ink)| (ink, value(case, name).unwrap_or(0.0)));
    Bar {
        label: case.series.label(),
        ink: looks.get(study.index(&case.series)).ink(),
        tracks: writes.iter().map(|&(ink, ns)| vec![(Ink::Slice(ink), ns)]).collect(),
        mark: None,
        note: format!("{}, then {}", format::ns(writes[0].1), format::ns(writes[1].1)),
    }
}

/// Cost of copy-on-write compared with shared memory.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let (Some(dearest), Some(cheapest)) = (cases.first(), cases.last()) else { return String::new() };
    let first = |case: &CaseStudy<'_>| case.cost_ns().unwrap_or(f64::NAN);
    let later = value(dearest, metric::LATER_WRITE_NS).filter(|&ns| ns > 0.0);
    let times = later.map(|later| format!(", {} times a later one", format::ratio(first(dearest) / later)));
    let beside = if cases.len() > 1 {
        format!("; with {} it costs {}", cheapest.series.quoted(), format::ns(first(cheapest)))
    } else {
        String::new()
    };
    format!(
        "The first write to a page costs {} with {}{}{beside}.",
        format::ns(first(dearest)),
        dearest.series.quoted(),
        times.unwrap_or_default()
    )
}

/// Recorded remarks on the visibility of writes.
fn remarks(cases: &[&CaseStudy<'_>]) -> String {
    let remark = |case: &&CaseStudy<'_>| {
        let said = case.usable().find_map(|record| record.outcome.why.clone())?;
        Some(format!(" {}: {said}.", case.series.quoted()))
    };
    cases.iter().filter_map(remark).collect()
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .text("Memory", "mechanism", |case| case.series.label())
        .text("Kind", "group", |case| case.series.group_word())
        .spread([("First write", "first_write_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .metric("Later write", "later_write_ns", format::time, metric::LATER_WRITE_NS)
        .verdict()
        .table()
}
