//! Table of hardware counters and energy per message.

use ipcmark_record::{Measure, Placement, Record, metric};

use super::Figure;
use super::table::Table;
use crate::analyse::answer::place;
use crate::analyse::statistics::median;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Table of all cases with counts or energy at a placement; `None` without any.
pub fn figure(study: &Study<'_>, placement: Placement) -> Option<Figure> {
    let measures = [Measure::RoundTrip, Measure::Stream];
    let cases = measures.into_iter().flat_map(|measure| study.measured(measure, placement));
    let known = |case: &&CaseStudy<'_>| value(case, metric::CYCLES_PER_MESSAGE).is_some() || energy(case).is_some();
    let cases: Vec<&CaseStudy<'_>> = cases.filter(known).collect();
    let first = cases.first()?;
    let counters =
        || cases.iter().flat_map(|case| case.usable()).flat_map(|record| record.outcome.roles.iter().flatten());
    let user_only = counters().any(|role| role.counters.as_ref().is_some_and(|counters| counters.user_only));
    let part = if user_only { " Work of the kernel is not counted: it is not granted." } else { "" };
    let idle = first.usable().find_map(|record| record.machine.sensors.idle_watts);
    let idle = idle.map_or_else(String::new, |watts| {
        format!(" Energy is that of all processor packages; the idle share is what they use in the same time at {watts:.1}\u{202f}W.")
    });
    Some(Figure {
        id: "counters".into(),
        title: format!("Hardware counters per message, {}", place(placement)),
        note: format!(
            "Counts of the threads of all roles together, median over repetitions; a round trip is two messages. A spinning role \
             counts while it waits.{part}{idle}"
        ),
        table: table(&cases),
        ..Figure::default()
    })
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    let of = |name: &'static str| move |case: &&CaseStudy<'_>| value(case, name);
    Table::of(cases.iter().copied())
        .case("Mechanism")
        .text("Measure", "measure", |case| case.case.measure.word().replace('_', " "))
        .size("Size", "message_bytes", |case| case.bytes())
        .number("Cycles", "cycles_count", format::count, of(metric::CYCLES_PER_MESSAGE))
        .number("Instructions", "instructions_count", format::count, of(metric::INSTRUCTIONS_PER_MESSAGE))
        .number("Cache misses", "cache_misses_count", format::count, of(metric::CACHE_MISSES_PER_MESSAGE))
        .number("Branch misses", "branch_misses_count", format::count, of(metric::BRANCH_MISSES_PER_MESSAGE))
        .number(
            "Energy",
            "energy_nj_count",
            |nj| format!("{}\u{202f}nJ", format::count(nj)),
            |case| Some(energy(case)?.0),
        )
        .number("Idle share", "idle_share", format::percent, |case| Some(energy(case)?.1))
        .table()
}

/// Nanojoules per message and the share of the idle machine in them, medians over repetitions; `None` unless both are known.
fn energy(case: &CaseStudy<'_>) -> Option<(f64, f64)> {
    let messages = |record: &Record| {
        let trips = if case.case.measure == Measure::RoundTrip { 2.0 } else { 1.0 };
        record.count.messages as f64 * trips
    };
    let one = |record: &Record| {
        let role = record.outcome.roles.iter().flatten().find(|role| role.package_energy_uj.is_some())?;
        let joules = role.package_energy_uj? as f64 / 1e6;
        let idle_joules = record.machine.sensors.idle_watts? * role.wall_ns as f64 / 1e9;
        (joules > 0.0).then(|| (joules * 1e9 / messages(record), idle_joules / joules))
    };
    let all: Vec<(f64, f64)> = case.usable().filter_map(one).collect();
    Some((median(all.iter().map(|one| one.0))?, median(all.iter().map(|one| one.1))?))
}
