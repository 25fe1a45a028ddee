//! Death of a lock's owner or waiter, over every row, with real processes that are killed: the trial is measured whatever
//! happens to the lock, ends in time, and leaves no process, no name and no kernel object. And known results of some locks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::common::{PROGRAM, alone, kill_during, leftovers, parent_at_work, processes, run_id, short, wait_for};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Case, Isolation, KillPoint, Measure, Metrics, Outcome, Status, metric};
use ipcmark_harness::trial::Session;

/// Longer than any trial takes, with two waits in vain and six kills on a busy machine.
const TRIAL_MAX: Duration = Duration::from_secs(60);

/// Every row that supports the measure, with every kill point.
fn cases() -> Vec<Case> {
    let asked = |row: &Variant| {
        row.isolation == Isolation::Process && row.measures.contains(&Measure::Recover) && row.unavailable.is_none()
    };
    let of = |row: &Variant, death: KillPoint| row.case(Measure::Recover).with(|p| p.kill_point = Some(death));
    let rows = family::variants();
    let all =
        rows.iter().filter(|row| asked(row)).flat_map(|row| KillPoint::ALL.iter().map(move |death| of(row, *death)));
    all.filter(|case| family::supports(case).is_ok()).collect()
}

/// Every case and its outcome, from one trial each that all tests of this file share.
fn outcomes() -> &'static [(Case, Outcome)] {
    static OUTCOMES: OnceLock<Vec<(Case, Outcome)>> = OnceLock::new();
    let _alone = alone();
    OUTCOMES.get_or_init(measure_every_case)
}

/// Outcome of the death of an owner or waiter of `row`, if this machine has that row.
fn outcome(row: &str, kill_point: KillPoint) -> Option<&'static Outcome> {
    let found = outcomes().iter().find(|(case, _)| case.row() == row && case.params.kill_point == Some(kill_point));
    found.map(|(_, outcome)| outcome)
}

/// Metrics of the same.
fn metrics(row: &str, kill_point: KillPoint) -> Option<&'static Metrics> {
    outcome(row, kill_point).map(|outcome| outcome.metrics.as_ref().expect("metrics"))
}

fn of(metrics: &Metrics, name: &str) -> f64 {
    metrics.get(name).copied().unwrap_or(f64::NAN)
}

/// System V objects and message queues, as the kernel lists them, by what identifies one.
fn kernel_objects() -> BTreeSet<String> {
    let of_kind = |kind: &str| {
        let text = fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap_or_default();
        let name = |line: &str| format!("{kind} {}", line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
        text.lines().skip(1).map(name).collect::<Vec<_>>()
    };
    ["shm", "msg", "sem"].into_iter().flat_map(of_kind).collect()
}

/// Live processes that work in the run's directory: a warden and its children.
fn at_work(id: &str) -> Vec<String> {
    let works = |home: &Path| home.display().to_string().contains(id);
    processes().into_iter().filter(|it| works(&it.home)).map(|it| it.command).collect()
}

/// Runs one trial of every case and checks after each that no process is left, at the end that no object is.
fn measure_every_case() -> Vec<(Case, Outcome)> {
    let (id, before) = (run_id("deaths"), kernel_objects());
    let session = Session::open_with(&id, Path::new(PROGRAM)).expect("a session");
    let run = |case: Case| {
        let (key, begun) = (case.key(), Instant::now());
        let result = session.run_trial(&short(case.clone()));
        let took = begun.elapsed();
        assert_eq!(result.outcome.status, Status::Measured, "{key}: {:?}", result.outcome.why);
        assert!(took < TRIAL_MAX, "{key} took {took:?}");
        assert!(result.count.messages > 0, "{key}");
        assert_eq!(at_work(&id), Vec::<String>::new(), "{key}");
        (case, result.outcome)
    };
    let outcomes = cases().into_iter().map(run).collect();
    drop(session);
    assert!(leftovers(&id, &std::env::temp_dir()).is_empty());
    // Other programs on this machine create and remove kernel objects, too.
    wait_for("new kernel objects to be removed", || kernel_objects().is_subset(&before).then_some(()));
    outcomes
}

#[test]
fn every_death_of_every_lock_is_measured_and_leaves_nothing() {
    let releasing = |(case, _): &(Case, Outcome)| case.params.kill_point == Some(KillPoint::Releasing);
    assert!(outcomes().iter().any(releasing), "no lock wakes its waiters by a system call");
    for (case, outcome) in outcomes() {
        let (key, why) = (case.key(), outcome.why.as_deref().unwrap_or_default());
        let metrics = outcome.metrics.as_ref().expect("metrics");
        println!("{key}: {metrics:?} {why}");
        let recovered = of(metrics, metric::RECOVERED_SHARE);
        assert!((0.0..=1.0).contains(&recovered), "{key}: {metrics:?}");
        assert_eq!(metrics.contains_key(metric::RECOVERY_NS), recovered > 0.0, "{key}: {metrics:?}");
        assert_eq!(why.contains("never: ") || why.contains("not always: "), recovered < 1.0, "{key}: {why}");
    }
}

#[test]
fn no_child_outlives_a_killed_warden() {
    let _alone = alone();
    let id = run_id("warden");
    let session = Session::open_with(&id, Path::new(PROGRAM)).expect("a session");
    let case = cases().into_iter().find(|case| case.params.kill_point == Some(KillPoint::Holding)).expect("a row");
    let outcome = kill_during(&session, &short(case.clone()), || parent_at_work(&id, "warden"));
    let why = outcome.why.unwrap_or_default();
    assert!(outcome.status == Status::Failed && why.contains("SIGKILL"), "{why}");
    wait_for("the children to be gone", || at_work(&id).is_empty().then_some(()));
    let next = session.run_trial(&short(case)).outcome;
    assert_eq!(next.status, Status::Measured, "{:?}", next.why);
}

#[test]
fn a_lock_that_does_not_know_its_owner_is_never_free_again_after_its_death() {
    for row in
        ["ttas/spin", "tas/spin", "ticket/spin", "mcs/spin", "clh/spin", "futex-mutex/park", "pthread-normal/block"]
    {
        let Some(outcome) = outcome(row, KillPoint::Holding) else { continue };
        let metrics = outcome.metrics.as_ref().expect("metrics");
        assert!(of(metrics, metric::RECOVERED_SHARE).abs() < f64::EPSILON, "{row}: {metrics:?}");
        assert!(!metrics.contains_key(metric::NEWCOMER_NS), "{row}: {metrics:?}");
        let why = outcome.why.as_deref().unwrap_or_default();
        assert!(why.contains("never: ") && why.contains("and neither did a process that came later"), "{row}: {why}");
    }
}

#[test]
fn a_lock_that_the_kernel_releases_survives_its_owner() {
    let rows = [
        ("pthread-robust/block", 1.0),
        ("pthread-robust-pi/block", 1.0),
        ("sysv-sem-undo/block", 0.0),
        ("flock/block", 0.0),
        ("ofd/block", 0.0),
        ("fcntl-record/block", 0.0),
    ];
    for (row, reported) in rows {
        let Some(metrics) = metrics(row, KillPoint::Holding) else { continue };
        assert!((of(metrics, metric::RECOVERED_SHARE) - 1.0).abs() < f64::EPSILON, "{row}: {metrics:?}");
        assert!((of(metrics, metric::TOLD_SHARE) - reported).abs() < f64::EPSILON, "{row}: {metrics:?}");
        assert!(of(metrics, metric::RECOVERY_NS) > 0.0, "{row}: {metrics:?}");
    }
}

#[test]
fn a_wake_that_is_never_sent_leaves_a_waiter_asleep_beside_a_free_lock() {
    let metrics =
        metrics("futex-mutex/park", KillPoint::Releasing).expect("the row wakes its waiters by a system call");
    assert!(of(metrics, metric::RECOVERED_SHARE).abs() < f64::EPSILON, "{metrics:?}");
    assert!(of(metrics, metric::NEWCOMER_NS) > 0.0, "{metrics:?}");
}

#[test]
fn a_dead_waiter_stops_a_queue_lock_and_no_other() {
    for (row, recovers) in
        [("ttas/spin", 1.0), ("futex-mutex/park", 1.0), ("ticket/spin", 0.0), ("mcs/spin", 0.0), ("clh/spin", 0.0)]
    {
        let Some(metrics) = metrics(row, KillPoint::Waiting) else { continue };
        assert!((of(metrics, metric::RECOVERED_SHARE) - recovers).abs() < f64::EPSILON, "{row}: {metrics:?}");
    }
}
