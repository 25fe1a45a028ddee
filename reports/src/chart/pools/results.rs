//! Tables about pools: cost of tasks and of the pool, and recovery after a worker is killed.

use ipcmark_record::{Call, Case, Measure, metric};

use super::super::Figure;
use super::super::table::Table;
use super::{asked, called, empty_tasks, sorted, variants};
use crate::analyse::families::POOL;
use crate::analyse::ground::Ground;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Builds the table; `None` without empty tasks.
pub fn side_by_side(study: &Study<'_>) -> Option<Figure> {
    let ground = empty_tasks(study)?;
    Some(Figure {
        id: "pool-results".into(),
        title: format!("Pools side by side: {}", ground.describe()),
        note: "Empty tasks; medians over repetitions. Submit to start and finish to visible are those of apply, one \
             task at a time. Idle: CPU time of all roles in a second without work. Set-up: start of the pool, \
             first result and shutdown; close waits for running tasks, terminate does not. A dash: not \
             measured."
            .into(),
        table: results_table(study, &ground),
        ..Figure::default()
    })
}

fn results_table(study: &Study<'_>, ground: &Ground<'_, '_>) -> Table {
    let of = |case: &CaseStudy<'_>, call: Call| called(ground, case, call);
    let apply = |case: &CaseStudy<'_>, name: &str| value(of(case, Call::Apply)?, name);
    let beside =
        |case: &CaseStudy<'_>, measure: Measure, name: &str| value(sibling(study, ground, case, measure)?, name);
    Table::of(sorted(&variants(&ground.cases)).into_iter().flat_map(|(_, cases)| cases))
        .text("Pool", "mechanism", |case| case.series.label())
        .text("Waiting", "waiting", |case| case.series.manner.word())
        .time("Apply", "apply_ns", |case| of(case, Call::Apply)?.cost_ns())
        .time("p99", "apply_p99_ns", |case| of(case, Call::Apply)?.summary.p99())
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

/// Case of the same variant with another measure, preferably with as many workers.
fn sibling<'s, 'a>(
    study: &'s Study<'a>,
    ground: &Ground<'_, '_>,
    like: &CaseStudy<'_>,
    measure: Measure,
) -> Option<&'s CaseStudy<'a>> {
    let same = || asked(study, measure).filter(|case| case.series == like.series);
    same().find(|case| case.case.params.workers == ground.shape.params.workers).or_else(|| same().next())
}

/// Builds the table; `None` without kills. A pool that never detects one has a row without a time.
pub fn after_kills(study: &Study<'_>) -> Option<Figure> {
    let asked = |case: &&CaseStudy<'_>| {
        case.case.family == POOL && case.case.measure == Measure::Recover && case.usable().next().is_some()
    };
    let open = |shape: &mut Case| shape.params.message_bytes = None;
    let ground = Ground::most(study.cases.iter().filter(asked), open)?;
    let mut cases = ground.cases.clone();
    cases.sort_by(|a, b| noticed(a).total_cmp(&noticed(b)));
    Some(Figure {
        id: "pool-kills".into(),
        title: format!("Worker killed during a task: {}", ground.describe()),
        answer: answer(&cases),
        note: "Detected: time from the kill until the pool knows, median over kills. Lost tasks are reported to \
             the caller; retried tasks were done by another worker. Every other task was done exactly once, \
             or the trial would be invalid."
            .into(),
        table: kills_table(&cases),
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

fn kills_table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Pool")
        .metric("Detected after", "recovery_ns", format::time, metric::RECOVERY_NS)
        .metric("Tasks lost per kill", "lost_count", format::count, metric::TASKS_LOST)
        .metric("Tasks retried per kill", "retried_count", format::count, metric::TASKS_RETRIED)
        .verdict()
        .text("Reason", "why", |case| case.summary.why.clone())
        .table()
}
