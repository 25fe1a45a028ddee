//! What becomes of a pool when a worker is killed at work, as a table.

use ipcmark_record::{Case, Measure, metric};

use super::super::Figure;
use super::super::table::Table;
use crate::analyse::families::POOL;
use crate::analyse::ground::Ground;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// The table; `None` where no worker was killed. A pool that never detected it has a row without a time.
pub fn figure(study: &Study<'_>) -> Option<Figure> {
    let asked = |case: &&CaseStudy<'_>| {
        case.case.family == POOL && case.case.measure == Measure::Recover && case.usable().next().is_some()
    };
    let open = |shape: &mut Case| shape.params.message_bytes = None;
    let ground = Ground::most(study.cases.iter().filter(asked), open)?;
    let mut cases = ground.cases.clone();
    cases.sort_by(|a, b| noticed(a).total_cmp(&noticed(b)));
    Some(Figure {
        id: "pool-deaths".into(),
        title: format!("Worker killed during a task: {}", ground.told()),
        answer: answer(&cases),
        note: "Detected: time from the kill until the pool knows, median over kills. Lost tasks are reported to \
             the caller; retried tasks were done by another worker. Every other task was done exactly once, \
             or the trial would be invalid."
            .into(),
        table: table(&cases),
        ..Figure::default()
    })
}

fn noticed(case: &CaseStudy<'_>) -> f64 {
    value(case, metric::RECOVERY_NS).unwrap_or(f64::MAX)
}

fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let Some(first) = cases.first().filter(|case| noticed(case) < f64::MAX) else {
        return "No pool detected the kill before the time limit of the trial.".into();
    };
    let never = cases.iter().filter(|case| value(case, metric::RECOVERY_NS).is_none()).count();
    let never = match never {
        0 => String::new(),
        1 => " One pool never detects it.".into(),
        some => format!(" {some} pools never detect it."),
    };
    format!("{} detects a kill soonest, after {}.{never}", first.series.quoted(), format::ns(noticed(first)))
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Pool")
        .metric("Detected after", "recovery_ns", format::time, metric::RECOVERY_NS)
        .metric("Tasks lost per kill", "lost_count", format::count, metric::TASKS_LOST)
        .metric("Tasks retried per kill", "retried_count", format::count, metric::TASKS_RETRIED)
        .verdict()
        .text("Reason", "why", |case| case.summary.why.clone())
        .table()
}
