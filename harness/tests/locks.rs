//! Locks from end to end: the conformance of every row between real contenders, its declared system calls, and the quick
//! plan as a user runs it. A contender that does not acquire the lock is caught, and so is a missing lock.

use std::collections::BTreeSet;
use std::path::Path;

use crate::common::command;
use crate::common::{PROGRAM, alone, records, run_id, short};
use ipcmark::family::{self, Variant};
use ipcmark::protocol::Fault;
use ipcmark::record::{Case, Group, Isolation, Measure, Outcome, Record, Status, Verdict, Wait, metric};
use ipcmark_harness::trial::{Session, TrialOrder};

/// Windows of a trial that waits for two contenders to meet, after a short one.
const WINDOWS_NS: [u64; 6] = [30_000_000, 1_000_000_000, 1_000_000_000, 3_000_000_000, 3_000_000_000, 3_000_000_000];

/// Hand-offs of the long test for lost wake-ups.
const HAND_OFFS: u64 = 1_000_000;

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every row of the family, in each isolation it can have, that answers `measure` on this machine.
fn rows(measure: Measure) -> impl Iterator<Item = Variant> {
    let locks = family::variants().into_iter().filter(|row| row.family == "lock" && row.unavailable.is_none());
    locks.filter(move |row| row.measures.contains(&measure))
}

/// A case with two contenders.
fn shared(row: &Variant, measure: Measure) -> Case {
    row.case(measure).with(|p| p.contenders = Some(2))
}

#[test]
fn every_lock_conforms_with_four_contenders() {
    let _alone = alone();
    let session = session("promises");
    for row in rows(Measure::Conformance) {
        let case = row.case(Measure::Conformance);
        let outcome = session.run_trial(&short(case.clone())).outcome;
        assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
        assert_eq!(outcome.roles.map(|roles| roles.len()), Some(4), "{}", case.key());
    }
}

/// `scripts/ci nightly` runs it; it takes minutes.
#[test]
#[ignore = "takes minutes; run by scripts/ci nightly"]
fn no_wake_up_is_lost_in_a_million_hand_offs() {
    let _alone = alone();
    let session = session("million");
    let sleeps = |row: &Variant| matches!(row.wait, Some(Wait::Park | Wait::Hybrid | Wait::Block));
    let in_memory = |row: &Variant| matches!(row.group, Group::FutexLocks | Group::PthreadLocks | Group::ReadMostly);
    for row in rows(Measure::Conformance).filter(|row| sleeps(row) && in_memory(row)) {
        let mut order = short(row.case(Measure::Conformance));
        order.timing.fixed_count = Some(HAND_OFFS);
        let outcome = session.run_trial(&order).outcome;
        assert_eq!(outcome.status, Status::Measured, "{}: {:?}", order.case.key(), outcome.why);
    }
}

/// Checks calls only: how often a contender sleeps depends on the load of the machine.
#[test]
fn an_acquisition_makes_the_declared_system_calls() {
    let _alone = alone();
    let session = session("declared");
    for row in rows(Measure::CostModel).filter(|row| row.isolation == Isolation::Process) {
        for contenders in [1, 2] {
            let case = row.case(Measure::CostModel).with(|p| p.contenders = Some(contenders));
            let outcome = session.run_trial(&TrialOrder { traced: true, ..short(case.clone()) }).outcome;
            let why = outcome.why.unwrap_or_default();
            if outcome.status == Status::Skipped && why.contains("cannot be traced here") {
                return;
            }
            assert_eq!(outcome.status, Status::Measured, "{}: {why}", case.key());
            assert!(!why.contains("system calls"), "{}: {why}", case.key());
            let metrics = outcome.metrics.expect("counted");
            assert!(metrics.contains_key("contender_system_calls"), "{}: {metrics:?}", case.key());
        }
    }
}

#[test]
fn a_contender_that_does_not_acquire_the_lock_is_caught() {
    let _alone = alone();
    let session = session("trespass");
    for row in rows(Measure::Conformance).filter(|row| matches!(row.group, Group::SpinLocks | Group::FutexLocks)) {
        let order = short(shared(&row, Measure::Contention));
        let mut order = TrialOrder { fault: Some(Fault::Trespass), ..order };
        // It is caught when both contenders are inside at once, which may need longer windows on a busy machine.
        let mut outcome = session.run_trial(&order).outcome;
        for hot_ns in WINDOWS_NS {
            if outcome.status == Status::Failed {
                break;
            }
            order.timing.hot_ns = hot_ns;
            outcome = session.run_trial(&order).outcome;
        }
        let why = outcome.why.unwrap_or_default();
        assert_eq!((outcome.status, outcome.verdict), (Status::Failed, Some(Verdict::Invalid)), "{}", order.case.key());
        assert!(
            why.contains("met another in the critical section") || why.contains("protected counter"),
            "{}: {why}",
            order.case.key()
        );
    }
}

#[test]
fn contenders_make_progress_beside_a_hog_and_with_more_of_them_than_cpus() {
    let _alone = alone();
    let session = session("crowd");
    for row in rows(Measure::Contention) {
        let crowd = row.case(Measure::Contention).with(|p| {
            p.contenders = Some(8);
            p.critical_section_ns = Some(100);
            p.think_time_ns = Some(1_000);
        });
        let hogged = shared(&row, Measure::Contention).with(|p| p.hogs = Some(1));
        for case in [crowd, hogged] {
            let mut order = short(case.clone());
            order.timing.hot_ns = 20_000_000;
            let outcome = session.run_trial(&order).outcome;
            assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
        }
    }
}

#[test]
fn the_quick_plan_of_locks_measures_every_row_uncontended_and_contended() {
    let (_alone, folder) = (alone(), command::folder());
    let output =
        command::ipcmark(folder.path(), &["run", "--plan", "locks-quick", "--repetitions", "1", "--out", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", command::told(&output));
    let records = records(&folder.path().join("out"));
    for measure in [Measure::Acquire, Measure::Contention] {
        let names: BTreeSet<String> = rows(measure).map(|row| row.row()).collect();
        for name in names {
            let found = records.iter().find(|it| it.case.row() == name && it.case.measure == measure);
            let record = found.unwrap_or_else(|| panic!("{name} was not asked for {measure}"));
            let outcome = &record.outcome;
            assert_eq!(outcome.status, Status::Measured, "{}: {:?}", record.case_key, outcome.why);
            match measure {
                Measure::Acquire => assert!(number(record, metric::ACQUIRE_NS) > 0.0, "{}", record.case_key),
                _ => check_contest(record),
            }
        }
    }
}

/// The record's number of this name, which must be one.
fn number(record: &Record, name: &str) -> f64 {
    let found = record.outcome.metric(name);
    found.filter(|value| value.is_finite()).unwrap_or_else(|| panic!("{}: {name} is {found:?}", record.case_key))
}

/// Shares, slices and hand-offs count the same acquisitions, so they add up.
fn check_contest(record: &Record) {
    let Outcome { contest, windows, verdict, .. } = &record.outcome;
    let key = &record.case_key;
    // A polling contender that shares its CPU may get nothing in so short a window.
    assert!(number(record, metric::ACQUISITIONS_PER_S) >= 0.0, "{key}");
    let contest = contest.as_ref().unwrap_or_else(|| panic!("{key}: no contest"));
    assert_eq!(contest.contenders.len(), 2, "{key}");
    let acquisitions: u64 = contest.contenders.iter().map(|share| share.acquisitions).sum();
    let sliced: u64 = windows.iter().flatten().map(|window| window.messages).sum();
    assert_eq!(acquisitions, sliced, "{key}");
    if record.case.group == Some(Group::Atomics) {
        let lost = record.outcome.metrics.as_ref().and_then(|all| all.get(metric::LOST_UPDATES));
        // Two contenders on one CPU may never overlap.
        let crowded = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() < 2);
        let caught = *verdict == Some(Verdict::Caught) && lost.is_some_and(|lost| *lost > 0.0);
        assert!(lost.is_none() || caught || crowded, "{key}: {lost:?}, {verdict:?}");
    } else {
        let handed_off: u64 = contest.hand_offs.iter().flatten().sum();
        assert!(handed_off + 2 >= acquisitions, "{key}: {handed_off} hand-offs of {acquisitions} acquisitions");
    }
}
