//! Queues of work from end to end: the promises of every row between one and several of each side, what a drain says, what is
//! refused, and a consumer killed at work.

use std::env;
use std::path::{Path, PathBuf};

use crate::common::{PROGRAM, alone, find_at_work, kill_during, leftovers, run_id, short, workers_of};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Case, Isolation, Measure, Outcome, Pattern, Status, metric};
use ipcmark_harness::trial::Session;

/// Producers and consumers.
const SIDES: &[(u32, u32)] = &[(1, 1), (2, 2), (3, 1), (1, 3)];

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every row, in each isolation it can have, that this machine can run.
fn rows() -> Vec<Variant> {
    let mut rows = family::variants();
    rows.retain(|row| row.family == "queue" && row.unavailable.is_none());
    assert!(!rows.is_empty());
    rows
}

fn case(row: &Variant, measure: Measure, (producers, consumers): (u32, u32)) -> Case {
    row.case(measure).with(|p| {
        p.message_bytes = Some(64);
        p.pattern = Some(Pattern { senders: producers, receivers: consumers });
    })
}

#[test]
fn every_queue_conforms_with_one_and_with_several_producers_and_consumers() {
    let _alone = alone();
    let session = session("promises");
    for row in rows() {
        for sides in SIDES {
            let case = case(&row, Measure::Conformance, *sides);
            let outcome = session.run_trial(&short(case.clone())).outcome;
            assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
            let roles = outcome.roles.map(|roles| roles.len() as u32);
            assert_eq!(roles, Some(sides.0 + sides.1), "{}", case.key());
        }
    }
}

/// The shortest queue there can be makes every side wait for every item.
#[test]
fn a_queue_of_one_item_keeps_its_promises_too() {
    let _alone = alone();
    let session = session("one-item");
    for row in rows() {
        let case = case(&row, Measure::Conformance, (2, 2)).with(|p| p.depth = Some(1));
        if family::supports(&case).is_err() {
            continue;
        }
        let outcome = session.run_trial(&short(case.clone())).outcome;
        assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
    }
}

#[test]
fn a_drain_says_what_its_calls_cost_and_accounts_for_every_item() {
    let _alone = alone();
    let session = session("drains");
    for row in rows() {
        for sides in [(1, 1), (2, 2)] {
            let case = case(&row, Measure::Drain, sides);
            let result = session.run_trial(&short(case.clone()));
            assert_eq!(result.outcome.status, Status::Measured, "{}: {:?}", case.key(), result.outcome.why);
            check_drain(&case.key(), result.count.messages, &result.outcome);
        }
    }
}

/// Numbers exist and add up.
fn check_drain(key: &str, items: u64, outcome: &Outcome) {
    let metrics = outcome.metrics.as_ref().unwrap_or_else(|| panic!("{key}: no metrics"));
    for name in [
        metric::DRAIN_NS,
        metric::PUT_NS,
        metric::GET_NS,
        metric::PUT_FULL_NS,
        metric::GET_EMPTY_NS,
        metric::TIME_OUT_LATE_NS,
        metric::MESSAGES_PER_S,
    ] {
        assert!(metrics.get(name).is_some_and(|value| *value > 0.0), "{key}: {name} is {:?}", metrics.get(name));
    }
    let windows = outcome.windows.as_ref().unwrap_or_else(|| panic!("{key}: no windows"));
    assert!(windows.len() >= 10, "{key}: {} rounds", windows.len());
    assert_eq!(windows.iter().map(|window| window.messages).sum::<u64>(), items, "{key}");
    let got = |role: &str| -> u64 {
        let roles = outcome.roles.iter().flatten().filter(|it| it.role == role);
        roles.map(|role| role.messages).sum()
    };
    assert_eq!((got("producer"), got("consumer")), (items, items), "{key}");
    assert!(outcome.histogram.is_some(), "{key}");
}

#[test]
fn what_a_queue_cannot_be_is_refused_with_the_limit() {
    let refusal = |row: &Variant, change: &dyn Fn(&mut Case)| {
        let mut case = case(row, Measure::Drain, (1, 1));
        change(&mut case);
        family::supports(&case).expect_err(&case.key())
    };
    for row in rows() {
        let short = refusal(&row, &|case| case.params.message_bytes = Some(4));
        assert!(short.contains("8 bytes"), "{short}");
        let refused = refusal(&row, &|case| case.params.pattern = Some(Pattern { senders: 1, receivers: 0 }));
        assert!(refused.contains("at least one"), "{refused}");
        let large =
            refusal(&row, &|case| (case.params.message_bytes, case.params.depth) = (Some(1 << 30), Some(1 << 20)));
        assert!(large.chars().any(|c| c.is_ascii_digit()), "{large}");
        if row.mechanism == "shm-mpmc" {
            let odd = refusal(&row, &|case| case.params.depth = Some(12));
            assert!(odd.contains("power of two") && odd.contains("12"), "{odd}");
        }
        if row.mechanism == "unix-seqpacket" {
            assert!(refusal(&row, &|case| case.params.depth = Some(8)).contains("bytes"));
        }
    }
}

#[test]
fn a_consumer_killed_at_work_ends_the_trial_and_leaves_nothing() {
    let _alone = alone();
    let session = session("killed");
    let this = std::process::id().cast_signed();
    for row in rows().into_iter().filter(|row| row.isolation == Isolation::Process) {
        let mut order = short(case(&row, Measure::Drain, (1, 2)));
        order.timing.fixed_count = Some(20_000_000);
        let key = order.case.key();
        let outcome = kill_during(&session, &order, || Some(find_at_work(this, "consumer")?.pid));
        let why = outcome.why.unwrap_or_default();
        assert_eq!(outcome.status, Status::Failed, "{key}");
        assert!(why.contains("consumer") && why.contains("SIGKILL"), "{key}: {why}");
        assert_eq!(workers_of(this), vec![], "{key}");
    }
    drop(session);
    assert_eq!(leftovers(&run_id("killed"), &env::temp_dir()), Vec::<PathBuf>::new());
}
