//! Latency against offered rate, up to overload.

use ipcmark_record::Placement;

use super::canvas::Dash;
use super::parameter::{Parameter, RATE};
use super::sweep::{Choice, Curve, Layout, P99, Sweep, TYPICAL, Value};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::load::{Due, Load, Offered, describe, loads, offered};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Most variants of one kind with a panel, for each manner.
const MOST_PANELS: usize = 3;

const LATENCY: Value = Value {
    name: "from due to verified",
    of: TYPICAL,
    show: format::time,
    columns: [("Median", "latency_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

const PERCENTILES: [Curve; 3] = [
    Curve { label: "p99.9", dash: Dash::Dotted, of: |case| case.summary.p999_ns.map(Estimate::with_ends) },
    Curve { label: "p99", dash: Dash::Dashed, of: P99 },
    Curve { label: "median", dash: Dash::Solid, of: TYPICAL },
];

/// One chart for each kind of load of messages.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let offered = offered(study, placement, Due::Messages).into_iter();
    offered.filter_map(|offered| figure(study, looks, placement, offered)).collect()
}

/// Charts for loads of a family with its own part of the page, at all placements.
pub fn apart(study: &Study<'_>, looks: &Looks, due: Due) -> Vec<Figure> {
    let at = |placement: Placement| {
        let offered = offered(study, placement, due).into_iter();
        let figures = offered.filter_map(move |offered| figure(study, looks, placement, offered));
        figures.map(move |figure| Figure { id: format!("{}-{placement}", figure.id), ..figure })
    };
    study.placements().into_iter().flat_map(at).collect()
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, offered: Offered) -> Option<Figure> {
    let loads = loads(study, placement, offered);
    let (name, choice, remark) = match offered.due {
        Due::Messages => (
            RATE.name,
            Choice::EachKind,
            " The sender spins until a message is due; the cost of that, and a sender that sleeps, are not shown.",
        ),
        // All variants are of one kind.
        Due::Tasks => ("tasks offered per second", Choice::Closest(MOST_PANELS), ""),
        Due::Requests => ("requests offered per second", Choice::Closest(MOST_PANELS), ""),
    };
    let cases: Vec<&CaseStudy<'_>> = loads.iter().flat_map(|load| load.cases.iter().copied()).collect();
    let sweep = Sweep {
        id: format!("load-{}", offered.id()),
        title: format!("Latency against offered rate, {}, {}", offered.describe(), place(placement)),
        description: "Median, 99th and 99.9th percentile of the latency by offered rate, on logarithmic axes, one panel \
                      per mechanism; overloaded rates are crossed out.",
        note: format!(
            "An open loop: {} are due by the clock, and latency counts from the due time. A rate is \
             overloaded, and crossed out, where any repetition delivered less than 99 % of it; its latency \
             then grows with the length of the trial and has no meaning.{remark}",
            offered.due.word(),
        ),
        layout: Layout::Variant(&PERCENTILES),
        choice,
        limit: Box::new(|cases| {
            let load = Load { series: &cases[0].series, cases: cases.to_vec() };
            Some((load.knee().overloaded_per_s?, "overloaded"))
        }),
        ..Sweep::of(cases, Parameter { name, ..RATE }, LATENCY)
    };
    let shown = sweep.shown();
    let drawn: Vec<&Load<'_, '_>> = loads.iter().filter(|load| shown.shows(load.series)).collect();
    Some(Figure { answer: describe(&drawn), table: table(&loads), ..sweep.figure(study, looks)? })
}

fn table(loads: &[Load<'_, '_>]) -> Table {
    Table::of(loads.iter().flat_map(|load| &load.cases))
        .case("Mechanism")
        .number("Offered", "offered_per_s", format::rate, |case| Some((RATE.of)(case) as f64))
        .number("Delivered", "messages_per_s", format::rate, |case| case.summary.messages_per_s)
        .spread([("Median", "latency_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .time("p99", "p99_ns", |case| case.summary.p99())
        .time("p99.9", "p999_ns", |case| Some(case.summary.p999_ns?.value))
        .number("Lost", "lost_share", format::percent, |case| case.summary.lost_share)
        .verdict()
        .table()
}
