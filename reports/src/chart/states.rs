//! Process states of each role, one bar per case.

use ipcmark_record::{Measure, Placement};

use super::axis::Axis;
use super::bars::{Bar, Bars, Column, Section};
use super::canvas::Ink;
use super::table::Table;
use super::{Figure, Key, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, size};
use crate::analyse::roles::{RoleView, roles};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// States in the order of the bar.
const STATES: [&str; 3] = ["running", "ready, waiting for a CPU", "blocked"];

/// Chart of round trips and streams at the most common size; `None` without recorded states.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let measures = [(Measure::RoundTrip, "Round trip"), (Measure::Stream, "Stream")];
    let title = format!("Process states of each role, {}", place(placement));
    let chart = |shown: [&Shown; 2]| Bars {
        description: "Shares of time running, ready and blocked, for each role of each mechanism.",
        columns: measures
            .into_iter()
            .zip(shown)
            .filter_map(|((measure, word), shown)| column(study, looks, placement, measure, word, shown))
            .collect(),
    };
    let best = measures.map(|(measure, _)| {
        let common = study.common_size(measure, placement);
        let cases: Vec<_> = study.measured(measure, placement).filter(|case| Some(case.bytes()) == common).collect();
        Shown::of(&cases, size)
    });
    let short = chart([&best[0], &best[1]]);
    (!short.columns.is_empty()).then(|| {
        Figure {
            note: format!(
                "The three process states as the scheduler counts them, median over repetitions. A role that \
             polls runs all the time; a role that blocks leaves its CPU to others. The upper half of a bar is \
             the pinger or sender, the lower half the ponger or receiver; the number is the share running.{}",
                best[0].describe()
            ),
            legend: legend(),
            table: table(study, placement),
            ..Figure::drawn("states", title, &short)
        }
        .unfolding(
            "The same for every variant",
            best.iter().any(Shown::is_partial).then(|| chart([&Shown::default(); 2])),
        )
    })
}

/// Legend of the states.
pub fn legend() -> Vec<Key> {
    STATES.iter().enumerate().map(key).collect()
}

fn key((at, word): (usize, &&str)) -> Key {
    Key { class: format!("t{at}"), word: (*word).into() }
}

fn column(
    study: &Study<'_>,
    looks: &Looks,
    placement: Placement,
    measure: Measure,
    word: &str,
    shown: &Shown,
) -> Option<Column> {
    let common = study.common_size(measure, placement)?;
    let mut sections = Vec::new();
    for manner in Manner::ALL {
        let members = study
            .measured(measure, placement)
            .filter(|case| case.bytes() == common && case.series.manner == manner && shown.shows(&case.series));
        let bars: Vec<Bar> = members.filter_map(|case| bar(case, study, looks)).collect();
        if !bars.is_empty() {
            sections.push(Section { heading: manner.word().into(), axis: Axis::shares(), bars });
        }
    }
    let heading = format!("{word}, {}", format::bytes(common));
    (!sections.is_empty()).then_some(Column { heading, sections })
}

/// Bar of a case with one track per role.
pub fn bar(case: &CaseStudy<'_>, study: &Study<'_>, looks: &Looks) -> Option<Bar> {
    let roles = roles(case);
    let track = |role: &RoleView| {
        let shares = [role.running, role.ready, role.blocked];
        shares.into_iter().enumerate().map(|(at, share)| (Ink::State(at as u8), share)).collect()
    };
    let running: Vec<String> = roles.iter().map(|role| format!("{:.0}", role.running * 100.0)).collect();
    (!roles.is_empty()).then(|| Bar {
        label: case.series.label(),
        ink: looks.get(study.index(&case.series)).ink(),
        tracks: roles.iter().map(track).collect(),
        mark: None,
        note: format!("{}\u{202f}%", running.join(" · ")),
    })
}

fn table(study: &Study<'_>, placement: Placement) -> Table {
    let cases = [Measure::RoundTrip, Measure::Stream].into_iter().flat_map(|measure| {
        let common = study.common_size(measure, placement);
        study.measured(measure, placement).filter(move |case| Some(case.bytes()) == common)
    });
    Table::of(cases.flat_map(|case| roles(case).into_iter().map(move |role| (case, role))))
        .text("Mechanism", "mechanism", |row| row.0.series.label())
        .text("Measure", "measure", |row| row.0.case.measure.word().replace('_', " "))
        .size("Size", "message_bytes", |row| row.0.bytes())
        .text("Role", "role", |row| row.1.role.clone())
        .number("Running", "running_share", format::percent, |row| Some(row.1.running))
        .number("Ready", "ready_share", format::percent, |row| Some(row.1.ready))
        .number("Blocked", "blocked_share", format::percent, |row| Some(row.1.blocked))
        .time("User time per message", "user_ns", |row| Some(row.1.user_ns))
        .time("System time per message", "system_ns", |row| Some(row.1.system_ns))
        .count("Voluntary switches per message", "voluntary_switches_count", |row| Some(row.1.voluntary_switches))
        .count("Involuntary", "involuntary_switches_count", |row| Some(row.1.involuntary_switches))
        .count("Faults per message", "faults_count", |row| Some(row.1.faults))
        .table()
}
