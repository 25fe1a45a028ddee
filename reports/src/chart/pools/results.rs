//! The headline table of pools: a row for each, what a task costs in either way of handing it over, and what the pool
//! itself costs.

use ipcmark_record::{Call, Measure, metric};

use super::super::Figure;
use super::super::table::Table;
use super::{asked, called, empty_tasks, sorted, variants};
use crate::analyse::ground::Ground;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// The table; `None` where no empty task was handed out.
pub fn figure(study: &Study<'_>) -> Option<Figure> {
    let ground = empty_tasks(study)?;
    Some(Figure {
id: "pool-results".into(),
title: format!("Pools side by side: {}", ground.told()),
note: "Empty tasks; medians over repetitions. Submit to start and finish to visible are those of apply, one task at a \
               time. Idle: CPU time of all roles in a second without work. Set-up: from nothing to the first result and \
               back to nothing; close waits for what is under way, terminate does not. A dash means that it was not \
               asked, or has no answer."
            .into(),
table: table(study, &ground),
..Figure::default()
})
}

fn table(study: &Study<'_>, ground: &Ground<'_, '_>) -> Table {
    let of = |case: &CaseStudy<'_>, call: Call| called(ground, case, call);
    let apply = |case: &CaseStudy<'_>, name: &str| value(of(case, Call::Apply)?, name);
    let beside =
        |case: &CaseStudy<'_>, measure: Measure, name: &str| value(sibling(study, ground, case, measure)?, name);
    Table::of(sorted(&variants(&ground.cases)).into_iter().flat_map(|(_, cases)| cases))
        .text("Pool", "mechanism", |case| case.series.label())
        .text("Waiting", "waiting", |case| case.series.manner.word())
        .time("Apply", "apply_ns", |case| of(case, Call::Apply)?.cost_ns())
        .time("p99", "apply_p99_ns", |case| of(case, Call::Apply)?.summary.p99_ns)
        .number("Apply async", "apply_async_per_s", format::rate, |case| {
            value(of(case, Call::ApplyAsync)?, metric::TASKS_PER_S)
        })
        .time("Submit to start", "submit_to_start_ns", |case| apply(case, metric::SUBMIT_TO_START_NS))
        .time("Finish to visible", "finish_to_visible_ns", |case| apply(case, metric::FINISH_TO_VISIBLE_NS))
        .number("Idle CPU", "idle_cpu_share", format::percent, |case| {
            Some(beside(case, Measure::Idle, metric::IDLE_CPU_NS_PER_S)? / 1e9)
        })
        .time("Set-up", "set_up_ns", |case| beside(case, Measure::SetUp, metric::SET_UP_NS))
        .time("Close", "close_ns", |case| beside(case, Measure::SetUp, metric::TEAR_DOWN_NS))
        .time("Terminate", "terminate_ns", |case| beside(case, Measure::SetUp, metric::TERMINATE_NS))
        .number("Memory per worker", "pss_bytes", format::size, |case| {
            beside(case, Measure::SetUp, metric::PSS_BYTES_PER_WORKER)
        })
        .table()
}

/// The same variant asked something else, with as many workers where that was asked.
fn sibling<'s, 'a>(
    study: &'s Study<'a>,
    ground: &Ground<'_, '_>,
    like: &CaseStudy<'_>,
    measure: Measure,
) -> Option<&'s CaseStudy<'a>> {
    let same = || asked(study, measure).filter(|case| case.series == like.series);
    same().find(|case| case.case.params.workers == ground.shape.params.workers).or_else(|| same().next())
}
