//! Parallel against concurrent work: two roles on one CPU and on two, with their process states.

use ipcmark_record::{Case, Kind, Measure, Placement, metric};

use super::super::axis::Axis;
use super::super::bars::{Bar, Bars, Column, Section};
use super::super::table::Table;
use super::super::{Figure, Looks, states};
use crate::analyse::answer::place_word;
use crate::analyse::families::CONCURRENCY;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::roles::roles;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::{estimate, value};
use crate::format;

/// Chart with a column for each placement; `None` without such cases.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let worked = measured(study, CONCURRENCY).filter(|case| case.case.measure == Measure::Parallel);
    let ground = Ground::most(worked, |shape: &mut Case| shape.placement = Placement::SameCpu)?;
    let mut placements: Vec<Placement> = ground.cases.iter().map(|case| case.case.placement).collect();
    placements.sort_unstable();
    placements.dedup();
    let title = "Parallel or concurrent: process states of two roles".to_owned();
    let chart = Bars {
        description: "Shares of time running, ready and blocked, for each role, on one CPU and on two.",
        columns: placements.iter().filter_map(|&at| column(&ground, at, study, looks)).collect(),
    };
    (!chart.columns.is_empty()).then(|| Figure {
        answer: answer(&ground),
        note:
            "The three process states as the scheduler counts them, median over repetitions; the upper half of a bar \
             is one role, the lower half the other. The number is the speed-up: the time of one role for the \
             work of both, divided by the time of both together. Roles that are ready at the same time are \
             concurrent; roles that run at the same time are parallel."
                .into(),
        legend: states::legend(),
        table: table(&ground),
        ..Figure::drawn("parallel", title, &chart)
    })
}

fn on_one(placement: Placement) -> bool {
    placement == Placement::SameCpu
}

fn heading(placement: Placement) -> String {
    if on_one(placement) { "on one CPU".into() } else { format!("on two CPUs ({})", place_word(placement)) }
}

fn column(ground: &Ground<'_, '_>, placement: Placement, study: &Study<'_>, looks: &Looks) -> Option<Column> {
    let cases = ground.cases.iter().filter(|case| case.case.placement == placement);
    let bars: Vec<Bar> = cases.filter_map(|case| bar(case, study, looks)).collect();
    let section = Section { heading: "share of the time both took".into(), axis: Axis::shares(), bars };
    (!section.bars.is_empty()).then(|| Column { heading: heading(placement), sections: vec![section] })
}

fn bar(case: &CaseStudy<'_>, study: &Study<'_>, looks: &Looks) -> Option<Bar> {
    let bar = states::bar(case, study, looks)?;
    let note = value(case, metric::SPEED_UP).map(|times| format!("{} ×", format::ratio(times)));
    Some(Bar { note: note.unwrap_or_default(), ..bar })
}

/// Speed-up on two CPUs.
fn answer(ground: &Ground<'_, '_>) -> String {
    let speed_up = |case: &CaseStudy<'_>, one: bool| {
        let same = |other: &&&CaseStudy<'_>| other.series == case.series && on_one(other.case.placement) == one;
        value(ground.cases.iter().find(same)?, metric::SPEED_UP)
    };
    let each = ground.cases.iter().filter(|case| !on_one(case.case.placement));
    let describe = |case: &&CaseStudy<'_>| {
        let two = speed_up(case, false)?;
        let one = speed_up(case, true).map(|one| format!(" (on one CPU {})", format::ratio(one)));
        Some(format!(
            "{} times as fast as by one with {}{}",
            format::ratio(two),
            case.series.quoted(),
            one.unwrap_or_default()
        ))
    };
    let parts: Vec<String> = each.filter_map(describe).collect();
    if parts.is_empty() { String::new() } else { format!("On two CPUs the work of two is done {}.", parts.join("; ")) }
}

fn table(ground: &Ground<'_, '_>) -> Table {
    let each = ground.cases.iter().flat_map(|case| roles(case).into_iter().map(move |role| (*case, role)));
    let speed_up = |case: &CaseStudy<'_>| Some(estimate(&case.records, Kind::Rate, metric::SPEED_UP)?.value);
    Table::of(each)
        .text("Work", "mechanism", |row| row.0.series.label())
        .text("Placement", "placement", |row| place_word(row.0.case.placement))
        .text("Role", "role", |row| row.1.role.clone())
        .number("Running", "running_share", format::percent, |row| Some(row.1.running))
        .number("Ready", "ready_share", format::percent, |row| Some(row.1.ready))
        .number("Blocked", "blocked_share", format::percent, |row| Some(row.1.blocked))
        .spread([("Both together", "work_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .number("Speed-up", "speed_up_count", format::ratio, |row| speed_up(row.0))
        .verdict()
        .table()
}
