//! State that several read and write, from end to end and with real processes: the promises of every row, every read checked
//! and every update counted within the trial, and users that get an error when the process that keeps the state is killed.

use std::path::Path;

use crate::common::command;
use crate::common::{PROGRAM, alone, find_at_work, kill_during, leftovers, run_id, short, workers_of};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Case, Isolation, Measure, Outcome, Status, Verdict, metric};
use ipcmark::shared_state::FAMILY;
use ipcmark_harness::trial::Session;

const USERS: u32 = 3;

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every row of the family, in each isolation it can have.
fn rows() -> Vec<Variant> {
    let rows: Vec<_> = family::variants().into_iter().filter(|row| row.family == FAMILY).collect();
    for mechanism in ["manager", "shm-map-mutex", "seqlock-cells", "shards", "dashmap"] {
        assert!(rows.iter().any(|row| row.mechanism == mechanism), "{mechanism} is gone");
    }
    rows
}

/// A case of three users.
fn access(row: &Variant, reads_percent: u32, message_bytes: u64) -> Case {
    row.case(Measure::Access).with(|p| {
        p.contenders = Some(USERS);
        p.reads_percent = Some(reads_percent);
        p.message_bytes = Some(message_bytes);
    })
}

/// Another process has the state: only they have such a role.
fn has_manager(row: &Variant) -> bool {
    family::roles(&access(row, 50, 64)) > USERS
}

#[test]
fn every_row_keeps_its_promises_between_four_users() {
    let _alone = alone();
    let session = session("state-promises");
    for row in rows() {
        for message_bytes in [8, 100] {
            let case = row.case(Measure::Conformance).with(|p| {
                p.message_bytes = Some(message_bytes);
                p.keys = Some(50);
            });
            let outcome = session.run_trial(&short(case.clone())).outcome;
            assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
            let users = outcome.roles.iter().flatten().filter(|role| role.role == "accessor").count();
            assert_eq!(users, 4, "{}", case.key());
        }
    }
}

#[test]
fn every_read_is_checked_and_every_access_is_counted() {
    let _alone = alone();
    let session = session("state-access");
    for row in rows() {
        for (reads_percent, message_bytes) in [(0, 64), (50, 1000), (90, 8), (100, 64)] {
            let case = access(&row, reads_percent, message_bytes).with(|p| p.keys = Some(100));
            let outcome = session.run_trial(&short(case.clone())).outcome;
            check(&case, &outcome);
        }
    }
}

/// The rates add up, no user's share is missing, and only accesses that happened have a distribution.
fn check(case: &Case, outcome: &Outcome) {
    let key = case.key();
    assert_eq!(outcome.status, Status::Measured, "{key}: {:?}", outcome.why);
    assert!(
        matches!(outcome.verdict, Some(Verdict::Stable | Verdict::Noisy | Verdict::Disturbed)),
        "{key}: {:?}",
        outcome.verdict
    );
    let metrics = outcome.metrics.as_ref().expect("numbers");
    let number = |name: &str| *metrics.get(name).unwrap_or_else(|| panic!("{key} says nothing of {name}: {metrics:?}"));
    let (reads, writes) = (number(metric::READS_PER_S), number(metric::WRITES_PER_S));
    let all = number(metric::ACCESSES_PER_S);
    assert!((reads + writes - all).abs() <= 1e-6 * all, "{key}: {reads} and {writes} of {all}");
    // On a busy machine a window may end before any user has run, or has made an access of each kind.
    assert!(number(metric::CPU_NS_PER_MESSAGE) >= 0.0, "{key}");
    let told = |name: &str| outcome.distributions.contains_key(name);
    assert!(told("read") || reads <= 0.0, "{key}");
    assert!(told("write") || writes <= 0.0, "{key}");
    assert!(!told("read") || case.params.reads_percent > Some(0), "{key}");
    assert!(!told("write") || case.params.reads_percent < Some(100), "{key}");
    assert_eq!(told("update"), case.mechanism != "shards", "{key}");
    assert!(outcome.histogram.is_some() && outcome.windows.as_ref().is_some_and(|all| !all.is_empty()), "{key}");
    let roles = outcome.roles.as_ref().expect("costs");
    assert_eq!(roles.len(), family::roles(case) as usize, "{key}");
}

#[test]
fn a_manager_or_an_accessor_killed_at_work_ends_the_trial_and_leaves_nothing() {
    let _alone = alone();
    let own = std::process::id().cast_signed();
    let session = session("state-kills");
    for row in rows().iter().filter(|row| row.isolation == Isolation::Process) {
        let victims = if has_manager(row) { vec!["manager", "accessor"] } else { vec!["accessor"] };
        for victim in victims {
            let mut order = short(access(row, 90, 64));
            order.timing.hot_ns = 30_000_000_000;
            let outcome = kill_during(&session, &order, || {
                find_at_work(own, "accessor")?;
                let wanted = format!("worker {victim}");
                workers_of(own).iter().find(|it| it.command.contains(&wanted)).map(|it| it.pid)
            });
            let (key, why) = (order.case.key(), outcome.why.unwrap_or_default());
            assert_eq!(outcome.status, Status::Failed, "{key}");
            assert!(why.contains(victim) || why.contains("manager"), "{key}: {why}");
            assert_eq!(workers_of(own), vec![], "{key}");
        }
    }
    drop(session);
    assert!(leftovers(&run_id("state-kills"), &std::env::temp_dir()).is_empty());
}

#[test]
fn what_cannot_be_asked_is_refused_with_the_limit() {
    let all = rows();
    let row = |mechanism: &str| all.iter().find(|row| row.mechanism == mechanism).expect("a row");
    let why = |case: Case| family::supports(&case).expect_err("more than there is");
    let (kept, mapped) = (row("manager"), row("shards"));
    let refusals = [
        (access(kept, 101, 64), "0 to 100"),
        (access(kept, 50, 7), "8 to 65536 bytes, not 7"),
        (access(kept, 50, 65_537), "8 to 65536 bytes, not 65537"),
        (access(kept, 50, 64).with(|p| p.keys = Some(65_537)), "65536, not 65537"),
        (access(mapped, 50, 4096).with(|p| p.keys = Some(1 << 20)), "1073741824"),
        (
            access(row("shm-map-spin"), 50, 8).with(|p| {
                p.keys = Some(1 << 20);
                p.contenders = Some(5);
            }),
            "4194304",
        ),
        (access(kept, 50, 64).with(|p| p.contenders = Some(62)), "1 to 61"),
        (Case { isolation: Isolation::Thread, ..access(kept, 50, 64) }, "does not work between threads"),
        (access(kept, 50, 64).with(|p| p.reads_percent = None), "the percentage of reads"),
        (Case { measure: Measure::Stream, ..access(kept, 50, 64) }, "cannot be asked for `stream`"),
    ];
    for (case, limit) in refusals {
        let key = case.key();
        let why = why(case);
        assert!(why.contains(limit), "{key}: {why}");
    }
}

#[test]
fn the_plan_names_every_row_and_ends_in_time() {
    let folder = command::folder();
    let output = command::ipcmark(folder.path(), &["run", "--plan", "shared-state", "--dry-run"]);
    let printed = command::printed(&output);
    assert_eq!(output.status.code(), Some(0), "{}", command::told(&output));
    for row in rows() {
        assert!(printed.contains(&format!("{FAMILY}/{}/access", row.mechanism)), "{} is not planned", row.mechanism);
    }
}
