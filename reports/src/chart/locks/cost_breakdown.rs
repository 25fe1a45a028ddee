//! Cost breakdown of locks: declared costs of an uncontended acquisition and of a hand-off, at this machine's prices.

use ipcmark_record::{Floors, Measure, Placement};

use super::super::axis::Axis;
use super::super::bars::{Bars, Column, Section};
use super::super::cost_breakdown::{bar, legend, length, slices};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::best::Shown;
use crate::analyse::cost_model::{Priced, price, withheld};
use crate::analyse::locks::{Work, contenders, home, rivals};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Case with its cost breakdown.
type Explained<'s, 'a> = (&'s CaseStudy<'a>, Priced);

/// Builds the chart; `None` without cost models or floors.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let floors = study.floors()?;
    let (free, handed) = (explained(study, placement, Measure::Acquire, floors), handed_off(study, placement, floors));
    let all: Vec<&Explained<'_, '_>> = free.iter().chain(&handed).collect();
    let of_chart: Vec<&CaseStudy<'_>> = all.iter().map(|one| one.0).collect();
    let shown = Shown::of(&of_chart, |case| case.case.measure as u64);
    let title = "Cost breakdown of an acquisition".to_owned();
    let chart = |shown: &Shown| Bars {
        description: "Stacked bars of declared counts times the machine's floors for each lock; an outline is time that no \
                      count explains.",
        columns: [("uncontended: acquire and release", &free), ("contended: hand-off to a waiter", &handed)]
            .into_iter()
            .filter_map(|(heading, members)| column(study, looks, heading, members, shown))
            .collect(),
    };
    let short = chart(&shown);
    (!short.columns.is_empty()).then(|| {
        Figure {
            answer: answer(&all),
            note: format!(
                "Each slice is a declared count times its price on this machine. Left: uncontended. Right: one \
             hand-off between two contenders, where the releaser and the waiter both pay. The line across is \
             the measured time. An outline before the line is unexplained time; a bar beyond it explains too \
             much. An exclamation mark flags a difference above 25 %. A hand-off has the price of a sleep only if \
             most acquisitions are hand-offs and most hand-offs have a context switch; otherwise the waiter \
             runs when the lock is released.{}{}",
                withheld(all.iter().map(|one| (one.0, &one.1))),
                shown.describe()
            ),
            legend: legend(all.iter().map(|one| &one.1)),
            table: table(&all),
            ..Figure::drawn("lock-cost-breakdown", title, &short)
        }
        .unfolding("The same for every variant", shown.is_partial().then(|| chart(&Shown::default())))
    })
}

fn explained<'s, 'a>(
    study: &'s Study<'a>,
    placement: Placement,
    measure: Measure,
    floors: &Floors,
) -> Vec<Explained<'s, 'a>> {
    let Some(placement) = home(study, measure, placement) else { return Vec::new() };
    let cases = rivals(study, measure, placement).into_iter().filter(|case| case.is_sound());
    let mut priced: Vec<Explained<'_, '_>> = cases.filter_map(|case| Some((case, price(case, floors)?))).collect();
    // A bar without declared counts or known prices is empty.
    priced.retain(|one| !one.1.slices.is_empty());
    priced.sort_by(|a, b| a.1.measured_ns.total_cmp(&b.1.measured_ns));
    priced
}

/// Hand-offs between two contenders without other work, which would add waits of other kinds.
fn handed_off<'s, 'a>(study: &'s Study<'a>, placement: Placement, floors: &Floors) -> Vec<Explained<'s, 'a>> {
    let mut priced = explained(study, placement, Measure::Contention, floors);
    priced.retain(|(case, _)| {
        let Work { critical_section_ns, think_time_ns, lines, .. } = Work::of(case.case);
        contenders(case.case) == 2 && (critical_section_ns, think_time_ns, lines) == (0, 0, 1)
    });
    priced
}

fn column(
    study: &Study<'_>,
    looks: &Looks,
    heading: &str,
    members: &[Explained<'_, '_>],
    shown: &Shown,
) -> Option<Column> {
    let section = |manner: Manner| {
        let of = |one: &&Explained<'_, '_>| one.0.series.manner == manner && shown.shows(&one.0.series);
        let members: Vec<&Explained<'_, '_>> = members.iter().filter(of).collect();
        let longest = members.iter().map(|(_, priced)| length(priced)).fold(0.0, f64::max);
        let bars = members.iter().map(|(case, priced)| bar(case, priced, looks.get(study.index(&case.series)).ink()));
        (!members.is_empty()).then(|| Section {
            heading: manner.word().into(),
            axis: Axis::linear(longest, 4, format::time),
            bars: bars.collect(),
        })
    };
    let sections: Vec<Section> = Manner::ALL.into_iter().filter_map(section).collect();
    (!sections.is_empty()).then(|| Column { heading: heading.into(), sections })
}

fn answer(all: &[&Explained<'_, '_>]) -> String {
    let of = |measure: Measure, words: &str| {
        let members = || all.iter().filter(move |one| one.0.case.measure == measure);
        let fits = members().filter(|one| !one.1.flagged()).count();
        (members().count() > 0).then(|| format!("{fits} of {} {words}", members().count()))
    };
    let parts = [of(Measure::Acquire, "uncontended acquisitions"), of(Measure::Contention, "hand-offs")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("The declared costs explain {} to within 25 %.", parts.join(" and for "))
    }
}

fn table(all: &[&Explained<'_, '_>]) -> Table {
    let rows = Table::of(all)
        .text("Lock", "mechanism", |one| one.0.series.label())
        .text("Waiting", "waiting", |one| one.0.series.manner.word())
        .text(
            "Measure",
            "measure",
            |one| {
                if one.0.case.measure == Measure::Acquire { "uncontended" } else { "hand-off" }
            },
        )
        .time("Measured", "measured_ns", |one| Some(one.1.measured_ns));
    slices(rows, |one| &one.1).table()
}
