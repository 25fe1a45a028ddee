//! Readers and writers of one state, with real processes: under locks that let readers in together, under ways to read
//! without a lock, and under a mutex. Every read is checked within the trial, so that a torn one would be a failure.

use std::path::Path;

use crate::common::{PROGRAM, alone, run_id, short};
use ipcmark::family;
use ipcmark::lock::FAMILY;
use ipcmark::record::{Case, ContenderShare, Group, Isolation, Measure, Outcome, Status, metric};
use ipcmark_harness::trial::Session;

const HOLDERS: u32 = 3;

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// A case of the row for three contenders.
fn case(row: &family::Variant, reads_percent: u32) -> Case {
    Case { wait: row.wait, isolation: row.isolation, ..Case::new(FAMILY, row.mechanism, Measure::ReadMostly) }.with(
        |p| {
            p.contenders = Some(HOLDERS);
            p.reads_percent = Some(reads_percent);
        },
    )
}

/// Every lock that knows readers, and a mutex that does not, once per isolation.
fn rows() -> Vec<family::Variant> {
    let wanted = |row: &family::Variant| row.group == Group::ReadMostly || row.mechanism == "futex-mutex";
    let rows: Vec<_> = family::variants().into_iter().filter(|row| row.family == FAMILY && wanted(row)).collect();
    for mechanism in ["seqlock", "shm-rwlock", "double-buffer", "futex-mutex"] {
        assert!(rows.iter().any(|row| row.mechanism == mechanism), "{mechanism} is gone");
    }
    rows.into_iter().filter(|row| row.measures.contains(&Measure::ReadMostly) && row.unavailable.is_none()).collect()
}

/// The rates add up to all acquisitions of the window, and no contender's share is missing.
fn check(case: &Case, outcome: &Outcome) {
    let key = case.key();
    assert_eq!(outcome.status, Status::Measured, "{key}: {:?}", outcome.why);
    let metrics = outcome.metrics.as_ref().expect("numbers");
    let rate = |name: &str| *metrics.get(name).unwrap_or_else(|| panic!("{key} says nothing of {name}: {metrics:?}"));
    let (reads, writes) = (rate(metric::READS_PER_S), rate(metric::WRITES_PER_S));
    let all = rate(metric::ACQUISITIONS_PER_S);
    assert!((reads + writes - all).abs() <= 1e-6 * all, "{key}: {reads} and {writes} of {all}");
    let contest = outcome.contest.as_ref().expect("shares of the contenders");
    for (rate, longest, waits) in
        [(reads, metric::READ_STARVED_NS, "read_wait"), (writes, metric::WRITE_STARVED_NS, "write_wait")]
    {
        let told = metrics.contains_key(longest) && contest.histograms.contains_key(waits);
        assert!(told || rate <= 0.0, "{key} says nothing of its {waits}: {metrics:?}");
    }
    let only_reads = case.params.reads_percent == Some(100);
    assert!(!(only_reads && metrics.contains_key(metric::WRITE_STARVED_NS)), "{key}: {metrics:?}");
    assert!(rate(metric::RETRIES_PER_READ) >= 0.0, "{key}");
    // Readers share the lock, so there is no series of hand-offs.
    assert!(!metrics.contains_key(metric::LONGEST_RUN) && !metrics.contains_key(metric::RETRIES_PER_UPDATE), "{key}");
    assert_eq!(contest.contenders.len(), HOLDERS as usize, "{key}");
    let shares: u64 = contest.contenders.iter().map(|share: &ContenderShare| share.acquisitions).sum();
    let windows: u64 = outcome.windows.iter().flatten().map(|window| window.messages).sum();
    assert_eq!(shares, windows, "{key}");
    assert!(outcome.histogram.is_some(), "{key}");
}

#[test]
fn every_read_is_whole_and_every_write_is_counted() {
    let _alone = alone();
    let session = session("readers");
    for row in rows() {
        for reads_percent in [50, 90, 100] {
            let case = case(&row, reads_percent);
            let outcome = session.run_trial(&short(case.clone())).outcome;
            check(&case, &outcome);
        }
    }
}

#[test]
fn readers_have_critical_sections_and_think_times_too() {
    let _alone = alone();
    let session = session("readers-work");
    for row in rows().iter().filter(|row| row.isolation == Isolation::Process) {
        let case = case(row, 90).with(|p| {
            p.critical_section_ns = Some(1000);
            p.think_time_ns = Some(1000);
        });
        let outcome = session.run_trial(&short(case.clone())).outcome;
        check(&case, &outcome);
    }
}

#[test]
fn a_wrong_case_is_refused_with_the_accepted_values() {
    let row = rows().remove(0);
    let why = family::supports(&case(&row, 101)).unwrap_err();
    assert!(why.contains("0 to 100"), "{why}");
    let open = case(&row, 0).with(|p| p.reads_percent = None);
    let why = family::supports(&open).unwrap_err();
    assert!(why.contains("the percentage of reads"), "{why}");
}
