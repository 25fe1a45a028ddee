//! Set-up cost of a channel by stage, which matters most for short-lived workers.

use ipcmark_record::{Measure, Placement, metric};

use super::axis::Axis;
use super::bars::{Bar, Bars, Column, Section};
use super::canvas::Ink;
use super::table::Table;
use super::{Figure, Key, Looks};
use crate::analyse::answer::place;
use crate::analyse::series::Series;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::over_repetitions;
use crate::format;

/// Stages in the order of the bar: metric, words, colour index.
const STAGES: [(&str, &str, u8); 4] = [
    (metric::CREATE_NS, "create", 0),
    (metric::ATTACH_NS, "attach both endpoints", 2),
    (metric::FIRST_MESSAGE_NS, "first message", 3),
    (metric::TEAR_DOWN_NS, "tear down", 5),
];
/// Most bars shown; beyond it only the best of each kind.
const MOST_BARS: usize = 14;

/// Chart at the most common size; `None` without set-ups.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let common = study.common_size(Measure::SetUp, placement)?;
    let mut cases: Vec<&CaseStudy<'_>> =
        study.measured(Measure::SetUp, placement).filter(|case| case.bytes() == common).collect();
    cases.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    // Variants that differ only in their shared memory have a column of their own.
    let (variants, plain): (Vec<_>, Vec<_>) = cases.iter().partition(|case| varies(case, &cases));
    let mut drawn = plain.clone();
    if drawn.len() > MOST_BARS {
        drawn = best_of_kinds(&plain);
    }
    let title = format!("Cost of setting up a channel, {}, {}", format::bytes(common), place(placement));
    let chart = |plain: &[&CaseStudy<'_>]| {
        let columns = [("variants", plain), ("by what memory is made of", variants.as_slice())];
        Bars {
            description: "Stacked bars: time to create, attach both ends, send the first message and tear down.",
            columns: columns.into_iter().filter_map(|(heading, cases)| column(heading, cases, study, looks)).collect(),
        }
    };
    let short = chart(&drawn);
    let partial = drawn.len() < plain.len();
    let text = if partial { " Of each kind only the cheapest is drawn; unfold the rest below." } else { "" };
    Some(
        Figure {
            answer: answer(&cases)?,
            note: format!(
                "Median over repetitions, inside one process with both endpoints; the start of a process is \
                     not included. The line across is a later message, for comparison. The first message also \
                     pays for pages that are touched for the first time, so the stage that touches a page pays \
                     for it.{text}"
            ),
            legend: legend(),
            table: table(&cases),
            ..Figure::drawn("set-up", title, &short)
        }
        .unfolding("The same for every variant", partial.then(|| chart(&plain))),
    )
}

fn cost(case: &CaseStudy<'_>) -> f64 {
    case.cost_ns().unwrap_or(f64::MAX)
}

/// Whether the same row also ran with another substrate or prefault setting.
fn varies(case: &CaseStudy<'_>, all: &[&CaseStudy<'_>]) -> bool {
    let alike = |a: &Series, b: &Series| a.row() == b.row() && a.isolation == b.isolation;
    all.iter().any(|other| {
        alike(&other.series, &case.series)
            && (other.series.substrate, other.series.prefault) != (case.series.substrate, case.series.prefault)
    })
}

/// Cheapest case of each kind and manner; `cases` are sorted by cost.
fn best_of_kinds<'s, 'a>(cases: &[&'s CaseStudy<'a>]) -> Vec<&'s CaseStudy<'a>> {
    let mut kinds = Vec::new();
    let mut best = Vec::new();
    for case in cases {
        let kind = (case.series.group, case.series.manner);
        if !kinds.contains(&kind) {
            kinds.push(kind);
            best.push(*case);
        }
    }
    best
}

fn column(heading: &str, cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Option<Column> {
    let longest = cases.iter().map(|case| stages(case).iter().sum()).fold(0.0, f64::max);
    let bar = |case: &&CaseStudy<'_>| {
        let slices = STAGES.iter().zip(stages(case)).map(|(stage, ns)| (Ink::Slice(stage.2), ns));
        let later = over_repetitions(&case.records, metric::LATER_MESSAGE_NS);
        Bar {
            label: case.series.label(),
            ink: looks.get(study.index(&case.series)).ink(),
            tracks: vec![slices.collect()],
            mark: later.filter(|&later| later < longest),
            note: format::ns(cost(case)),
        }
    };
    (!cases.is_empty()).then(|| Column {
        heading: heading.into(),
        sections: vec![Section {
            heading: "from nothing to the first verified message and back".into(),
            axis: Axis::linear(longest, 4, format::time),
            bars: cases.iter().map(bar).collect(),
        }],
    })
}

/// Median time of each stage; 0 if not recorded.
fn stages(case: &CaseStudy<'_>) -> [f64; 4] {
    STAGES.map(|(name, ..)| over_repetitions(&case.records, name).unwrap_or(0.0))
}

/// Cheapest and most expensive set-up with their largest stages; `cases` are sorted by cost.
fn answer(cases: &[&CaseStudy<'_>]) -> Option<String> {
    let describe = |case: &CaseStudy<'_>| {
        let stages = stages(case);
        let most = (0..STAGES.len()).max_by(|&a, &b| stages[a].total_cmp(&stages[b]))?;
        let share = stages[most] / stages.iter().sum::<f64>();
        let stage = STAGES[most].1;
        Some(format!(
            "{}, {} ({stage}: {} of it)",
            case.series.quoted(),
            format::ns(cost(case)),
            format::percent(share)
        ))
    };
    let (cheapest, dearest) = (cases.first()?, cases.last()?);
    let later = over_repetitions(&cheapest.records, metric::LATER_MESSAGE_NS);
    let worth = later.filter(|&later| later > 0.0).map(|later| {
        format!(" The cheapest costs as much as {} of its later messages.", format::ratio(cost(cheapest) / later))
    });
    Some(format!(
        "The cheapest set-up is that of {}; the most expensive that of {}.{}",
        describe(cheapest)?,
        describe(dearest)?,
        worth.unwrap_or_default()
    ))
}

fn legend() -> Vec<Key> {
    let stages = STAGES.iter().map(|(_, word, ink)| Key { class: format!("p{ink}"), word: (*word).into() });
    stages.chain([Key { class: "mark".into(), word: "a later message".into() }]).collect()
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Mechanism")
        .spread([("Total", "set_up_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .metric("Create", "create_ns", format::time, metric::CREATE_NS)
        .metric("Attach", "attach_ns", format::time, metric::ATTACH_NS)
        .metric("First message", "first_message_ns", format::time, metric::FIRST_MESSAGE_NS)
        .metric("Tear down", "tear_down_ns", format::time, metric::TEAR_DOWN_NS)
        .metric("Later message", "later_message_ns", format::time, metric::LATER_MESSAGE_NS)
        .table()
}
