//! Work queues: time until all items are done, and cost of `put` and `get`.

use ipcmark_record::{Case, Measure, metric};

use super::canvas::Marker;
use super::points::{Entry, Points, by_sides};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::best::{Best, with_interval};
use crate::analyse::crowd::Crowd;
use crate::analyse::families::{QUEUE, is_python};
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Charts about queues with data.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    [drain(study, looks), calls(study)].into_iter().flatten().collect()
}

fn drained<'s, 'a>(study: &'s Study<'a>) -> impl Iterator<Item = &'s CaseStudy<'a>> + use<'s, 'a> {
    measured(study, QUEUE).filter(|case| case.case.measure == Measure::Drain)
}

/// Cases at their usual depth.
fn usual<'s, 'a>(ground: &Ground<'s, 'a>) -> Vec<&'s CaseStudy<'a>> {
    ground.cases.iter().copied().filter(|case| case.series.is_usual()).collect()
}

/// Time from the last `put` until `join` returns.
fn drain(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = Ground::most(drained(study), |_: &mut Case| ())?;
    let cases = usual(&ground);
    let sections = by_sides(&cases)
        .into_iter()
        .map(|(heading, cases)| (heading.to_owned(), cases.into_iter().map(entry).collect()));
    Points {
        id: "drain".into(),
        title: format!("Time from the last put until all items are done: {}", ground.describe()),
        description: "Time from the end of the last put until join returns, median and 99th percentile, on a logarithmic \
                      axis, one row per queue.",
        answer: answer(&cases),
        note: "Circle: typical, diamond: 99th percentile of the rounds, each as the median over repetitions with its interval. \
             The time includes items that are still queued after the last put, so a deep queue takes longer. \
             Every item was received once, and join never returned before all were done."
            .into(),
        x_name: "from the last put until join returns (log scale)",
        show: format::time,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&drained(study).collect::<Vec<_>>()),
    }
    .figure(study, looks)
}

fn entry<'s, 'a>(case: &'s CaseStudy<'a>) -> Entry<'s, 'a> {
    let late = case.summary.p99_ns.map(|p99| (p99, Marker::Diamond));
    let rate = value(case, metric::MESSAGES_PER_S).map(|rate| format!("{} through", format::rate(rate)));
    let note = case.cost_ns().map(format::ns).into_iter().chain(rate);
    Entry {
        case,
        label: None,
        note: note.collect::<Vec<_>>().join(", "),
        marks: late.into_iter().chain(case.summary.typical.map(|typical| (typical, Marker::Circle))).collect(),
    }
}

/// Shortest `join` and highest throughput.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let competing: Vec<&CaseStudy<'_>> =
        cases.iter().copied().filter(|case| case.series.between_processes() && !is_python(case.case)).collect();
    let rate = |case: &&CaseStudy<'_>| value(case, metric::MESSAGES_PER_S);
    let most = competing.iter().filter_map(|case| Some((case, rate(case)?))).max_by(|a, b| a.1.total_cmp(&b.1));
    let most = most.map(|(case, rate)| {
        format!(" The highest throughput is that of {}: {}.", case.series.quoted(), format::rate(rate))
    });
    let Some(best) = Best::among(competing.clone()) else { return String::new() };
    let time = with_interval(best.typical(), format::time);
    format!("join returns soonest with {}: {time} after the last put.{}", best.names(), most.unwrap_or_default())
}

/// Table of the cost of one `put` or `get`.
fn calls(study: &Study<'_>) -> Option<Figure> {
    let known = |case: &&CaseStudy<'_>| value(case, metric::PUT_NS).is_some() || value(case, metric::GET_NS).is_some();
    let ground = Ground::most(drained(study).filter(known), |_: &mut Case| ())?;
    let rows = by_sides(&usual(&ground)).into_iter().flat_map(|(_, cases)| cases);
    let table = Table::of(rows)
        .case("Queue")
        .metric("Put", "put_ns", format::time, metric::PUT_NS)
        .metric("Get", "get_ns", format::time, metric::GET_NS)
        .metric("Put, no wait, full", "put_full_ns", format::time, metric::PUT_FULL_NS)
        .metric("Get, no wait, empty", "get_empty_ns", format::time, metric::GET_EMPTY_NS)
        .metric("Time-out late by", "time_out_late_ns", format::time, metric::TIME_OUT_LATE_NS)
        .table();
    Some(Figure {
id: "queue-calls".into(),
title: format!("Cost of a put and a get: {}", ground.describe()),
note: "On an idle queue, medians over repetitions. Without waiting, a call only finds the queue full or empty. A dash: \
               not supported, or not measured."
            .into(),
table,
..Figure::default()
})
}

/// Table of all cases.
fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Queue")
        .text("Producers:consumers", "pattern", |case| Crowd::of(case.case).to_string())
        .size("Size", "message_bytes", |case| case.bytes())
        .spread([("Drained", "drain_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .time("p99", "p99_ns", |case| case.summary.p99())
        .metric("Items per second", "messages_per_s", format::rate, metric::MESSAGES_PER_S)
        .verdict()
        .table()
}
