//! Starting, watching and ending from end to end: every row of the families that have to do with it, as `ipcmark list` names
//! them, on real processes. No process is left afterwards, not even by a killed trial.

use std::path::Path;

use crate::common::command;
use crate::common::{
    PROGRAM, alone, kill_during, parent_at_work, processes_naming, run_id, short, wait_for, workers_of,
};
use ipcmark::family;
use ipcmark::measure::histogram;
use ipcmark::record::{Case, Ending, Isolation, Measure, Metrics, Outcome, Status, metric};
use ipcmark_harness::trial::{Session, TrialOrder};

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// A case of every row that can be asked for `measure` here.
fn cases(measure: Measure) -> Vec<Case> {
    let folder = command::folder();
    let output = command::ipcmark(folder.path(), &["list", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("a list of rows");
    let case = |row: &serde_json::Value| -> Option<Case> {
        let word = |key: &str| row[key].as_str();
        let isolation: Isolation = word("isolation")?.parse().ok()?;
        let case = Case { isolation, ..Case::new(word("family")?, word("mechanism")?, measure) };
        let listed = ["launch", "isolation", "concurrency"].contains(&word("family")?);
        (listed && row["available"] == true && family::supports(&case).is_ok()).then_some(case)
    };
    let found: Vec<Case> = rows.iter().filter_map(case).collect();
    assert!(!found.is_empty(), "no row can be asked for {measure}");
    found
}

/// Runs a trial that must come to its end, and gives what it found.
fn measured(session: &Session, order: &TrialOrder) -> (Outcome, Metrics) {
    let outcome = session.run_trial(order).outcome;
    assert_eq!(outcome.status, Status::Measured, "{}: {:?}", order.case.key(), outcome.why);
    assert_eq!(workers_of(std::process::id().cast_signed()), vec![], "{}", order.case.key());
    let metrics = outcome.metrics.clone().expect("a measured trial has metrics");
    (outcome, metrics)
}

fn of(metrics: &Metrics, name: &str, case: &Case) -> f64 {
    metrics.get(name).copied().unwrap_or_else(|| panic!("{}: no {name}", case.key()))
}

#[test]
fn every_way_to_start_keeps_its_promises() {
    let _alone = alone();
    let session = session("promises-of-launch");
    for case in cases(Measure::Conformance) {
        measured(&session, &short(case));
    }
}

#[test]
fn every_stage_of_every_start_has_its_time() {
    let _alone = alone();
    let session = session("starts");
    for case in cases(Measure::StartUp) {
        let (outcome, metrics) = measured(&session, &short(case.clone()));
        let at = |name| of(&metrics, name, &case);
        assert!(at(metric::CALL_NS) > 0.0 && at(metric::CALL_NS) <= at(metric::LIFE_NS), "{}", case.key());
        assert!(at(metric::START_UP_NS) <= at(metric::LIFE_NS), "{}", case.key());
        assert!(at(metric::EXIT_NS) > 0.0 && at(metric::STARTS_PER_S) > 0.0, "{}", case.key());
        // A plain loop has no message, and one wait that also collects.
        let plain = case.mechanism == "posix-spawn-bare";
        let mut stages = vec!["call", "exit", "first_word"];
        stages.extend((!plain).then_some("message"));
        stages.extend((!plain && case.isolation == Isolation::Process).then_some("reap"));
        assert!(outcome.distributions.keys().eq(&stages), "{}: {:?}", case.key(), outcome.distributions.keys());
        let lives = outcome.roles.expect("the parent's").iter().map(|role| role.messages).sum::<u64>();
        for (name, blob) in &outcome.distributions {
            let lived = histogram::decode(blob).expect("a histogram").len();
            assert_eq!(lived, lives, "{}: {name}", case.key());
        }
        assert!(outcome.histogram.is_some() && outcome.windows.is_some_and(|windows| windows.len() >= 10));
    }
}

#[test]
fn batches_are_started_by_a_large_parent() {
    let _alone = alone();
    let session = session("many-starts");
    for case in cases(Measure::StartUp) {
        let case = case.with(|p| {
            p.batch = Some(5);
            p.parent_rss_bytes = Some(8 << 20);
        });
        if family::supports(&case).is_ok() {
            let (outcome, _) = measured(&session, &short(case.clone()));
            let windows = outcome.windows.expect("windows");
            assert!(windows.iter().all(|window| window.messages % 5 == 0), "{}", case.key());
        }
    }
}

#[test]
fn a_parent_larger_than_memory_is_skipped_with_the_reason() {
    let _alone = alone();
    let session = session("too-large");
    let case = Case::new("launch", "fork", Measure::StartUp).with(|p| p.parent_rss_bytes = Some(1 << 50));
    let outcome = session.run_trial(&short(case)).outcome;
    assert_eq!(outcome.status, Status::Skipped);
    assert!(outcome.why.is_some_and(|why| why.contains("MiB")));
}

#[test]
fn every_way_to_watch_notices_every_end_it_supports() {
    let _alone = alone();
    let session = session("ends");
    let mut ways = 0;
    for case in cases(Measure::Watch) {
        for ending in Ending::ALL {
            let case = case.clone().with(|p| p.ending = Some(*ending));
            if family::supports(&case).is_err() {
                continue;
            }
            let (outcome, metrics) = measured(&session, &short(case.clone()));
            let known = if *ending == Ending::Zombie { metric::REAP_NS } else { metric::NOTICE_NS };
            assert!(of(&metrics, known, &case) > 0.0 && outcome.histogram.is_some(), "{}", case.key());
            if !matches!(ending, Ending::Daemon | Ending::Orphan) {
                assert!(of(&metrics, metric::ALIVE_NS, &case) > 0.0, "{}", case.key());
            }
            ways += 1;
        }
    }
    assert!(ways >= Ending::ALL.len(), "{ways} ends were noticed");
}

#[test]
fn memory_is_shared_or_private_as_its_row_declares() {
    let _alone = alone();
    let session = session("writes");
    for case in cases(Measure::FirstWrite) {
        let (outcome, metrics) = measured(&session, &short(case.clone()));
        let why = outcome.why.expect("the remark");
        let copied = case.mechanism == "after-fork";
        assert_eq!(why.contains("neither side saw what the other wrote"), copied, "{}: {why}", case.key());
        for name in [metric::FIRST_WRITE_NS, metric::LATER_WRITE_NS] {
            assert!(of(&metrics, name, &case) > 0.0, "{}", case.key());
        }
    }
}

#[test]
fn parallel_roles_do_equal_work_and_report_their_states() {
    let _alone = alone();
    let session = session("work");
    for case in cases(Measure::Parallel) {
        let (outcome, metrics) = measured(&session, &short(case.clone().with(|p| p.grain_ns = Some(20_000))));
        assert!(of(&metrics, metric::WORK_NS, &case) > 0.0 && of(&metrics, metric::SPEED_UP, &case) > 0.0);
        let roles = outcome.roles.expect("both");
        let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
        assert_eq!(names, ["first", "second"], "{}", case.key());
        for role in &roles {
            assert_eq!(role.messages, roles[0].messages, "{}", case.key());
            assert_eq!(role.running_ns + role.ready_ns + role.blocked_ns, role.wall_ns, "{}", case.key());
        }
    }
}

#[test]
fn no_process_outlives_a_killed_parent() {
    let _alone = alone();
    let (id, session) = (run_id("killed-parent"), session("killed-parent"));
    for case in cases(Measure::StartUp) {
        let mut order = short(case.clone());
        order.timing.fixed_count = Some(1_000_000);
        let outcome = kill_during(&session, &order, || {
            if case.isolation == Isolation::Process {
                return parent_at_work(&id, "host");
            }
            // A thread is no process: its parent is enough.
            workers_of(std::process::id().cast_signed()).first().map(|it| it.pid)
        });
        assert_eq!(outcome.status, Status::Failed, "{}", case.key());
        wait_for("every process to be gone", || {
            // Newborn programs have the trial's directory in their environment, and copies are named as the parent is.
            let left = processes_naming(&id);
            left.iter().all(|command| !command.starts_with("ipcmark worker")).then_some(())
        });
    }
}
