//! The headline table of pools: a row for each, what a task costs in either way of handing it over, and what the pool
//! itself costs.

use ipcmark_record::{Call, Measure, metric};

use super::super::Figure;
use super::super::against::case_cells;
use super::super::table::{Cell, Table};
use super::{asked, called, contestants, empty_tasks, sorted};
use crate::analyse::ground::Ground;
use crate::analyse::locks::value;
use crate::analyse::study::{CaseStudy, Study};
use crate::format::{self, Quantity};

/// The table; `None` where no empty task was handed out.
pub fn figure(study: &Study<'_>) -> Option<Figure> {
    let ground = empty_tasks(study)?;
    Some(Figure {
        id: "pool-results".into(),
        title: format!("Pools side by side: {}", ground.told()),
        answer: String::new(),
        note: "Empty tasks; medians over sets. Submit to start and finish to visible are those of apply, one task at a \
               time. Idle: CPU time of all roles in a second without work. Set-up: from nothing to the first result and \
               back to nothing; close waits for what is under way, terminate does not. A dash means that it was not \
               asked, or has no answer."
            .into(),
        legend: Vec::new(),
        wide: String::new(),
        narrow: String::new(),
        more: None,
        table: table(study, &ground),
    })
}

fn table(study: &Study<'_>, ground: &Ground<'_, '_>) -> Table {
    let mut table = Table::new(&[
        ("Pool", "mechanism"),
        ("Waits", "waiting"),
        ("Apply", "apply_ns"),
        ("p99", "apply_p99_ns"),
        ("Apply async", "apply_async_per_s"),
        ("Submit to start", "submit_to_start_ns"),
        ("Finish to visible", "finish_to_visible_ns"),
        ("Idle CPU", "idle_cpu_share"),
        ("Set-up", "set_up_ns"),
        ("Close", "close_ns"),
        ("Terminate", "terminate_ns"),
        ("Memory a worker", "pss_bytes"),
    ]);
    for case in sorted(&contestants(&ground.cases)).into_iter().flat_map(|(_, cases)| cases) {
        let of_call = |call: Call| called(ground, case, call);
        let (apply, many) = (of_call(Call::Apply), of_call(Call::ApplyAsync));
        let beside = |measure: Measure| sibling(study, ground, case, measure);
        let number = |case: Option<&CaseStudy<'_>>, name: &str, show: fn(f64) -> Quantity| {
            Cell::number(case.and_then(|case| value(case, name)), |value| show(value).to_string())
        };
        let [name, _, waits] = case_cells(case);
        let mut row = vec![name, waits];
        row.push(Cell::number(apply.and_then(CaseStudy::cost_ns), format::ns));
        row.push(Cell::number(apply.and_then(|case| case.summary.p99_ns), format::ns));
        row.push(number(many, metric::TASKS_PER_S, format::rate));
        row.push(number(apply, metric::SUBMIT_TO_START_NS, format::time));
        row.push(number(apply, metric::FINISH_TO_VISIBLE_NS, format::time));
        let idle = beside(Measure::Idle).and_then(|case| value(case, metric::IDLE_CPU_NS_PER_S));
        row.push(Cell::number(idle.map(|ns| ns / 1e9), format::percent));
        let set_up = beside(Measure::SetUp);
        let names = [metric::SET_UP_NS, metric::TEAR_DOWN_NS, metric::TERMINATE_NS];
        row.extend(names.map(|name| number(set_up, name, format::time)));
        row.push(number(set_up, metric::PSS_BYTES_PER_WORKER, format::size));
        table.rows.push(row);
    }
    table
}

/// The same contestant asked something else, with as many workers where that was asked.
fn sibling<'s, 'a>(
    study: &'s Study<'a>,
    ground: &Ground<'_, '_>,
    like: &CaseStudy<'_>,
    measure: Measure,
) -> Option<&'s CaseStudy<'a>> {
    let same = || asked(study, measure).filter(|case| case.series == like.series);
    same().find(|case| case.case.workers == ground.shape.workers).or_else(|| same().next())
}
