//! What a death does to a lock, over every row and with real processes that are killed: the trial is measured whatever
//! became of the lock, in time, and leaves no process, no name and no kernel object. And what is known of some locks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::{PROGRAM, alone, kill_during, leftovers, parent_at_work, processes, run_id, short, wait_for};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Case, Isolation, KillPoint, Measure, Metrics, Outcome, Status, metric};
use ipcmark_harness::trial::Session;

/// Longer than any trial takes that waits in vain twice and kills six, on a busy machine too.
const TRIAL_MAX: Duration = Duration::from_secs(60);

/// Every row that can be asked, with every death it can have.
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

/// What came of the death of `row`, where the registry has that row.
fn outcome(session: &Session, row: &str, death: KillPoint) -> Option<Outcome> {
    let case = cases().into_iter().find(|case| case.row() == row && case.params.kill_point == Some(death))?;
    let outcome = session.run_trial(&short(case)).outcome;
    assert_eq!(outcome.status, Status::Measured, "{row} {death}: {:?}", outcome.why);
    Some(outcome)
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

#[test]
fn every_death_of_every_lock_is_measured_and_leaves_nothing() {
    let _alone = alone();
    let (id, before) = (run_id("deaths"), kernel_objects());
    let session = Session::open_with(&id, Path::new(PROGRAM)).expect("a session");
    let cases = cases();
    assert!(
        cases.iter().any(|case| case.params.kill_point == Some(KillPoint::Releasing)),
        "no lock wakes by a call of its own"
    );
    for case in cases {
        let (key, begun) = (case.key(), Instant::now());
        let result = session.run_trial(&short(case));
        let (outcome, took) = (result.outcome, begun.elapsed());
        assert_eq!(outcome.status, Status::Measured, "{key}: {:?}", outcome.why);
        assert!(took < TRIAL_MAX, "{key} took {took:?}");
        assert_eq!(at_work(&id), Vec::<String>::new(), "{key}");
        let metrics = outcome.metrics.unwrap_or_default();
        let recovered = of(&metrics, metric::RECOVERED_SHARE);
        println!("{key}: {metrics:?} {:?}", outcome.why.as_deref().unwrap_or_default());
        assert!((0.0..=1.0).contains(&recovered) && result.count.messages > 0, "{key}: {metrics:?}");
        assert_eq!(metrics.contains_key(metric::RECOVERY_NS), recovered > 0.0, "{key}: {metrics:?}");
        let said = outcome.why.unwrap_or_default();
        assert_eq!(said.contains("never: ") || said.contains("not always: "), recovered < 1.0, "{key}: {said}");
    }
    drop(session);
    assert!(leftovers(&id, &std::env::temp_dir()).is_empty());
    // Others may use this machine, whose objects come and go.
    wait_for("kernel objects that were not there before to vanish", || {
        kernel_objects().is_subset(&before).then_some(())
    });
}

#[test]
fn a_warden_that_is_killed_takes_its_children_with_it() {
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
fn a_lock_without_an_owner_known_to_anybody_dies_with_him() {
    let _alone = alone();
    let session = Session::open_with(&run_id("never"), Path::new(PROGRAM)).expect("a session");
    for row in
        ["ttas/spin", "tas/spin", "ticket/spin", "mcs/spin", "clh/spin", "futex-mutex/park", "pthread-normal/block"]
    {
        let Some(outcome) = outcome(&session, row, KillPoint::Holding) else { continue };
        let metrics = outcome.metrics.unwrap_or_default();
        assert!(of(&metrics, metric::RECOVERED_SHARE).abs() < f64::EPSILON, "{row}: {metrics:?}");
        assert!(!metrics.contains_key(metric::NEWCOMER_NS), "{row}: {metrics:?}");
        let why = outcome.why.unwrap_or_default();
        assert!(why.contains("never: ") && why.contains("and neither did one who came later"), "{row}: {why}");
    }
}

#[test]
fn a_lock_that_the_kernel_watches_outlives_its_owner() {
    let _alone = alone();
    let session = Session::open_with(&run_id("recovers"), Path::new(PROGRAM)).expect("a session");
    let rows = [
        ("pthread-robust/block", 1.0),
        ("pthread-robust-pi/block", 1.0),
        ("sysv-sem-undo/block", 0.0),
        ("flock/block", 0.0),
        ("ofd/block", 0.0),
        ("fcntl-record/block", 0.0),
    ];
    for (row, told) in rows {
        let Some(outcome) = outcome(&session, row, KillPoint::Holding) else { continue };
        let metrics = outcome.metrics.unwrap_or_default();
        assert!((of(&metrics, metric::RECOVERED_SHARE) - 1.0).abs() < f64::EPSILON, "{row}: {:?}", outcome.why);
        assert!((of(&metrics, metric::TOLD_SHARE) - told).abs() < f64::EPSILON, "{row}: {metrics:?}");
        assert!(of(&metrics, metric::RECOVERY_NS) > 0.0, "{row}: {metrics:?}");
    }
}

#[test]
fn a_wake_that_is_never_sent_leaves_one_asleep_beside_a_free_lock() {
    let _alone = alone();
    let session = Session::open_with(&run_id("forgotten"), Path::new(PROGRAM)).expect("a session");
    let outcome =
        outcome(&session, "futex-mutex/park", KillPoint::Releasing).expect("the row wakes by a call of its own");
    let metrics = outcome.metrics.unwrap_or_default();
    assert!(of(&metrics, metric::RECOVERED_SHARE).abs() < f64::EPSILON, "{metrics:?}");
    assert!(of(&metrics, metric::NEWCOMER_NS) > 0.0, "{metrics:?}: {:?}", outcome.why);
}

#[test]
fn one_who_dies_in_a_queue_of_his_own_making_stops_it_and_in_a_crowd_does_not() {
    let _alone = alone();
    let session = Session::open_with(&run_id("queued"), Path::new(PROGRAM)).expect("a session");
    for (row, recovers) in
        [("ttas/spin", 1.0), ("futex-mutex/park", 1.0), ("ticket/spin", 0.0), ("mcs/spin", 0.0), ("clh/spin", 0.0)]
    {
        let Some(outcome) = outcome(&session, row, KillPoint::Waiting) else { continue };
        let metrics = outcome.metrics.unwrap_or_default();
        assert!((of(&metrics, metric::RECOVERED_SHARE) - recovers).abs() < f64::EPSILON, "{row}: {:?}", outcome.why);
    }
}
