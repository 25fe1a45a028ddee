//! Cost of an empty task, by call.

use ipcmark_record::{Call, metric};

use super::super::canvas::Marker;
use super::super::points::{Entry, Points};
use super::super::table::Table;
use super::super::{Figure, Looks};
use super::{called, competes, empty_tasks, sorted, variants};
use crate::analyse::best::{Best, with_interval};
use crate::analyse::families::is_python;
use crate::analyse::ground::Ground;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Calls with their markers; the last is on top.
const SHOWN: [(Call, Marker, &str); 3] = [
    (Call::Map, Marker::Triangle, "map"),
    (Call::ApplyAsync, Marker::Diamond, "async"),
    (Call::Apply, Marker::Circle, "apply"),
];

/// Builds the chart; `None` without empty tasks.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = empty_tasks(study)?;
    let sections = sorted(&variants(&ground.cases))
        .into_iter()
        .map(|(heading, cases)| (heading.to_owned(), cases.into_iter().map(|case| entry(&ground, case)).collect()));
    Points {
        id: "pool-cost".into(),
        title: format!("Cost of an empty task: {}", ground.describe()),
        description: "Time for each task by how tasks are handed out, on a logarithmic axis, one row per pool.",
        answer: answer(&ground),
        note: "Whole time over tasks done, median over repetitions with its interval. Circle: apply, one task at a time and \
               wait for its result. Diamond: apply async, a bounded number of tasks out at once. Triangle: map. Every \
               result was checked against its task."
            .into(),
        x_name: "time per task (log scale)",
        show: format::time,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&ground),
    }
    .figure(study, looks)
}

fn entry<'s, 'a>(ground: &Ground<'s, 'a>, case: &'s CaseStudy<'a>) -> Entry<'s, 'a> {
    let of = |call: Call| called(ground, case, call).and_then(|case| case.summary.typical);
    let text =
        SHOWN.iter().rev().filter_map(|&(call, _, word)| Some(format!("{word} {}", format::ns(of(call)?.value))));
    let marks = SHOWN.iter().filter_map(|&(call, marker, _)| Some((of(call)?, marker)));
    Entry { case, label: None, note: text.collect::<Vec<_>>().join(", "), marks: marks.collect() }
}

/// Cheapest pools with one task and with many tasks at once, compared with Python.
fn answer(ground: &Ground<'_, '_>) -> String {
    let best = |call: Call, python: bool| {
        let of_call = ground.cases.iter().copied().filter(|case| case.case.params.call == Some(call));
        let side = |case: &&CaseStudy<'_>| if python { is_python(case.case) } else { competes(case) };
        Best::among(of_call.filter(side).collect())
    };
    let describe = |call: Call, what: &str| {
        let best_here = best(call, false)?;
        let beside = best(call, true).map(|python| {
            let times = python.typical().value / best_here.typical().value;
            format!(", {} times as fast as {}", format::ratio(times), python.leader.series.quoted())
        });
        let (names, time) = (best_here.names(), with_interval(best_here.typical(), format::time));
        Some(format!("{what} with {names}: {time}{}", beside.unwrap_or_default()))
    };
    let parts: Vec<String> = [
        describe(Call::Apply, "An apply returns soonest"),
        describe(Call::ApplyAsync, "With many tasks at once a task costs least"),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.iter().map(|part| format!("{part}.")).collect::<Vec<_>>().join(" ")
}

fn table(ground: &Ground<'_, '_>) -> Table {
    Table::of(&ground.cases)
        .case("Pool")
        .text("Call", "call", |case| case.case.params.call.map_or("", Call::word))
        .spread([("Time per task", "task_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .metric("Tasks per second", "tasks_per_s", format::rate, metric::TASKS_PER_S)
        .metric("Worker overhead", "task_overhead_ns", format::time, metric::TASK_OVERHEAD_NS)
        .metric("Submit to start", "submit_to_start_ns", format::time, metric::SUBMIT_TO_START_NS)
        .metric("Finish to visible", "finish_to_visible_ns", format::time, metric::FINISH_TO_VISIBLE_NS)
        .verdict()
        .table()
}
