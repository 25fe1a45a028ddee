//! Trends over several runs of one machine, and the changes marked in them.

use std::sync::Arc;

use crate::common::{self, gauss, page, recording, uniform};
use ipcmark_record::{Measure, Placement, Record, metric};
use ipcmark_reports::analyse::history::History;
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::Study;
use ipcmark_reports::write;

const CASES: u64 = 12;
const REPETITIONS: u32 = 6;

/// Runs an hour apart, of cases whose cost in a run is `cost(case, run)` times 1 µs, with a spread of 2 % between runs and 3 %
/// between repetitions. The recording has the last run first.
fn runs(count: usize, random: &mut Random, cost: impl Fn(u64, usize) -> f64) -> Vec<Record> {
    let one = common::variants()[1];
    let template = |case: u64| {
        let asked = common::case(&one, Measure::RoundTrip, Placement::SameL3, 8 + case);
        let mut record = common::measured(&one, asked, 0, random);
        (record.outcome.windows, record.outcome.histogram, record.outcome.floor) = (None, None, None);
        record
    };
    let templates: Vec<Record> = (0..CASES).map(template).collect();
    let mut records = Vec::new();
    for run in (0..count).rev() {
        for (case, template) in (0..).zip(&templates) {
            let drift = 0.02 * gauss(random);
            for repetition in 0..REPETITIONS {
                let ns = 1_000.0 * cost(case, run) * (drift + 0.03 * gauss(random)).exp();
                let mut record = Record { repetition, run_id: format!("run-{run}"), ..template.clone() };
                record.started_at = format!("2026-11-30T{:02}:00:00Z", 8 + run);
                record.outcome.metrics = Some([(metric::ROUND_TRIP_NS.to_owned(), ns)].into());
                records.push(record);
            }
        }
    }
    records
}

/// Cases that changed, with the runs at which they did and the ratios in percent.
fn changes(records: Vec<Record>) -> Vec<(u64, Vec<(usize, u32)>)> {
    let recording = recording(records);
    let study = Study::of(&recording);
    let history = History::of(&study).expect("several runs");
    let changed = history.trends.iter().filter(|trend| !trend.changes.is_empty());
    let of = |change: &ipcmark_reports::analyse::history::Change| (change.run, (change.ratio.value * 100.0) as u32);
    changed.map(|trend| (trend.case.bytes() - 8, trend.changes.iter().map(of).collect())).collect()
}

#[test]
fn changes_are_found_at_the_run_where_they_began() {
    let slower = |case: u64, run: usize| match (case, run) {
        (3, 4..) => 1.5,
        (7, 3..6) => 0.6,
        _ => 1.0,
    };
    let found = changes(runs(9, &mut Random::new(5), slower));
    let of = |case: u64| -> &[(usize, u32)] {
        found.iter().find(|(known, _)| *known == case).map_or(&[], |(_, changes)| changes.as_slice())
    };
    let [(4, 140..160)] = of(3) else { panic!("{found:?}") };
    let [(3, 55..65), (6, 155..180)] = of(7) else { panic!("{found:?}") };
    // One mark in twenty may be false.
    assert!(found.len() <= 3, "{found:?}");
}

#[test]
fn runs_without_a_change_are_seldom_marked() {
    let mut random = Random::new(11);
    let marked = (0..20)
        .filter(|_| !changes(runs(4 + (uniform(&mut random) * 4.0) as usize, &mut random, |_, _| 1.0)).is_empty());
    // The rule allows one mark in twenty, on average.
    assert!(marked.count() <= 2);
}

#[test]
fn a_single_last_run_counts_only_far_outside_the_usual_drift() {
    let last = |factor: f64| move |case: u64, run: usize| if (case, run) == (5, 2) { factor } else { 1.0 };
    assert_eq!(changes(runs(3, &mut Random::new(3), last(1.15))), []);
    let found = changes(runs(3, &mut Random::new(3), last(1.6)));
    assert_eq!(found.iter().map(|(case, changes)| (*case, changes[0].0)).collect::<Vec<_>>(), [(5, 2)]);
}

#[test]
fn the_page_shows_what_changed_and_what_differs_from_the_run_before() {
    let mut records = runs(6, &mut Random::new(2), |case, run| if case == 3 && run >= 3 { 1.5 } else { 1.0 });
    for record in records.iter_mut().filter(|record| record.started_at.as_str() >= "2026-11-30T11") {
        Arc::make_mut(&mut record.suite).revision = "fedcba".into();
    }
    let dir = tempfile::tempdir().expect("a directory for the test");
    let last = write(&recording(records.clone()), dir.path()).expect("a page").answers.pop().expect("several runs");
    assert!(
        last.starts_with("1 of 12 cases changed over 6 runs from 08:00 to 13:00; `pipe/block`, round trip, 11"),
        "{last}"
    );
    assert!(last.contains("x slower (") && last.contains(" from 11:00 on"), "{last}");

    let page = page(records);
    assert!(page.contains("<section id=\"history\"") && page.contains("id=\"history-runs\""));
    assert!(page.contains("1 case changed between the runs, which are pooled everywhere but under History."));
    assert!(page.contains("<li>11:00: the revision differs: ") && page.contains("fedcba"), "facts");
    assert!(page.contains("All 12 cases"));
}

#[test]
fn a_single_run_has_no_history() {
    let page = page(common::quick_run(2, 1));
    assert!(!page.contains("id=\"history\"") && !page.contains("href=\"#history\""));
}
