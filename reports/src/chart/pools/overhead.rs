//! Overhead of a task beside its own work, as bars.

use ipcmark_record::{Call, metric};

use super::super::bars::{Bar, Bars, Column, by_scale};
use super::super::canvas::Ink;
use super::super::table::Table;
use super::super::{Figure, Key, Looks};
use super::{competes, empty_tasks, is_serial, variants};
use crate::analyse::ground::Ground;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Measured parts of the bar: metric, words, colour index.
const PARTS: [(&str, &str, u8); 2] =
    [(metric::SUBMIT_TO_START_NS, "submit to start", 9), (metric::FINISH_TO_VISIBLE_NS, "finish to visible", 3)];

/// Chart of `apply`; `None` without such cases.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = empty_tasks(study)?;
    let applied: Vec<&CaseStudy<'_>> = ground
        .cases
        .iter()
        .copied()
        .filter(|case| case.case.params.call == Some(Call::Apply) && !is_serial(case))
        .collect();
    let ground = Ground { cases: variants(&applied), ..ground };
    let mut cases = ground.cases.clone();
    cases.retain(|case| PARTS.iter().all(|part| value(case, part.0).is_some()));
    cases.sort_by(|a, b| whole(a).total_cmp(&whole(b)));
    let sections = by_scale(&cases, |case| whole(case), |case| bar(case, study, looks));
    let title = format!("Parts of an apply: {}", ground.describe());
    let chart = Bars {
        description: "Stacked bars: time from submit to start of a task, from its finish to the visible \
             result, and the rest of one apply.",
        columns: vec![Column { heading: "one empty task".into(), sections }],
    };
    (!cases.is_empty()).then(|| Figure {
        answer: answer(&cases),
        note: "Medians over repetitions: submit to start, finish to visible, and the rest of the apply, which \
                 makes the task and checks the result. Bars of similar length share an axis."
            .into(),
        legend: legend(),
        table: table(&cases),
        ..Figure::drawn("pool-overhead", title, &chart)
    })
}

/// Time of one apply, or the sum of its parts if that is longer.
fn whole(case: &CaseStudy<'_>) -> f64 {
    parts(case).iter().sum::<f64>().max(case.cost_ns().unwrap_or(0.0))
}

fn parts(case: &CaseStudy<'_>) -> [f64; 2] {
    PARTS.map(|(name, ..)| value(case, name).unwrap_or(0.0))
}

fn bar(case: &CaseStudy<'_>, study: &Study<'_>, looks: &Looks) -> Bar {
    let parts = parts(case);
    let slices = PARTS.iter().zip(parts).map(|(part, ns)| (Ink::Slice(part.2), ns));
    let rest = whole(case) - parts.iter().sum::<f64>();
    Bar {
        label: case.series.label(),
        ink: looks.get(study.index(&case.series)).ink(),
        tracks: vec![slices.chain([(Ink::Slice(8), rest)]).collect()],
        mark: None,
        note: format::ns(whole(case)),
    }
}

/// Shares of both parts with the cheapest pool of processes.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let Some(case) = cases.iter().find(|case| competes(case)) else { return String::new() };
    let share = parts(case).map(|ns| format::percent(ns / whole(case)));
    format!(
        "An apply takes {} with {}: {} of it before a worker starts, {} between finish and visible result.",
        format::ns(whole(case)),
        case.series.quoted(),
        share[0],
        share[1]
    )
}

fn legend() -> Vec<Key> {
    let parts = PARTS.iter().map(|(_, word, ink)| Key { class: format!("p{ink}"), word: (*word).into() });
    parts.chain([Key { class: "p8".into(), word: "the rest".into() }]).collect()
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Pool")
        .time("One apply", "task_ns", |case| case.cost_ns())
        .metric("Submit to start", "submit_to_start_ns", format::time, metric::SUBMIT_TO_START_NS)
        .metric("Finish to visible", "finish_to_visible_ns", format::time, metric::FINISH_TO_VISIBLE_NS)
        .metric("Worker overhead", "task_overhead_ns", format::time, metric::TASK_OVERHEAD_NS)
        .table()
}
