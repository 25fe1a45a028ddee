//! Statements of the page about processes, work queues, shared state, servers and Python, on records with known
//! answers.

use crate::common::families::{processes, python, servers, states};
use crate::common::{answer, page, recording};
use ipcmark_record::Measure;
use ipcmark_reports::analyse::beside::beside;
use ipcmark_reports::analyse::ground::{Ground, measured};
use ipcmark_reports::analyse::study::Study;

fn has_each(page: &str, ids: &[&str]) {
    for id in ids {
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
}

fn has_none(page: &str, ids: &[&str]) {
    for id in ids {
        assert!(!page.contains(&format!("id=\"{id}")), "{id}");
    }
}

#[test]
fn processes_have_their_stages_sweeps_ends_writes_and_states() {
    let page = page(processes::process_run(5, 7));
    has_each(
        &page,
        &["processes", "start-up", "start-up-parent-rss", "start-up-batch", "watch", "first-write", "parallel"],
    );
    has_none(&page, &["pools", "servers", "ranking", "states-", "on-"]);
    let answer = answer(&page);
    assert!(answer.contains("first message soonest") && answer.contains("with clone3"), "{answer}");
    assert!(answer.contains("one of Python after") && answer.contains("with python-fork"), "{answer}");
    assert!(
        page.contains("collection of a zombie") && !page.contains("no main metric"),
        "collecting a zombie is what it costs"
    );
    assert!(page.contains("what the child writes the parent does not see"), "the report shows the check");
    assert!(
        page.contains("1.94 ×") || page.contains("1.93 ×") || page.contains("1.95 ×"),
        "the report shows the speed-up"
    );
}

#[test]
fn a_start_is_compared_among_starts_of_the_same_shape() {
    let recording = recording(processes::process_run(1, 7));
    let study = Study::of(&recording);
    let started = || measured(&study, "launch").filter(|case| case.case.measure == Measure::StartUp);
    let grounds = Ground::all(started(), |_| ());
    assert_eq!(grounds.len(), 5, "three sizes of the parent, and two numbers at once");
    assert!(grounds.iter().all(|ground| ground.cases.len() == processes::WAYS.len()));
    // A parent RSS of 0 equals an absent parameter.
    assert!(
        grounds
            .iter()
            .any(|ground| ground.shape.params.parent_rss_bytes.is_none() && ground.shape.params.batch.is_none())
    );
    let swept = Ground::most(started(), |shape| shape.params.parent_rss_bytes = None).expect("started");
    assert_eq!(swept.cases.len(), 3 * processes::WAYS.len());
}

#[test]
fn servers_are_drawn_against_clients_for_each_service() {
    let page = page(servers::server_run(5, 7));
    has_each(&page, &["servers", "serve-echo-64-spread", "serve-p99-echo-64-spread", "serve-compute-64-spread"]);
    has_each(&page, &["serve-connect", "serve-memory", "load-requests-poisson-64-64-echo-spread"]);
    assert!(page.contains("requests offered per second") && !page.contains("messages offered per second"));
    let answer = answer(&page);
    assert!(answer.contains("With 1 client, io-uring-unix/block"), "{answer}");
    assert!(answer.contains("With 1000 clients, io-uring-unix/block"), "{answer}");
}

#[test]
fn shared_state_is_drawn_against_reads_and_users() {
    let page = page(states::state_run(5, 7));
    has_each(&page, &["shared-state", "access-reads", "access-users", "access-waits"]);
    has_none(&page, &["reads-", "read-waits", "queues"]);
    let answer = answer(&page);
    assert!(answer.contains("With 100 % reads, shards/spin has the highest rate"), "{answer}");
}

#[test]
fn queues_are_drawn_by_what_join_waits_and_listed_by_what_a_call_costs() {
    let page = page(states::queue_run(5, 7));
    has_each(&page, &["queues", "drain", "queue-calls"]);
    has_none(&page, &["pattern", "set-up"]);
    let answer = answer(&page);
    assert!(answer.contains("soonest with shm-mpmc/hybrid"), "{answer}");
}

#[test]
fn python_stands_beside_the_fastest_and_beside_its_like() {
    let recording = recording(python::python_run(5, 7));
    let study = Study::of(&recording);
    let all = beside(&study);
    let of = |mechanism: &str, measure: Measure| {
        let wanted = |one: &&ipcmark_reports::analyse::beside::Beside<'_, '_>| {
            one.python.case.mechanism == mechanism && one.python.case.measure == measure
        };
        all.iter().find(wanted).unwrap_or_else(|| panic!("{mechanism}"))
    };
    let pipe = of("python-pipe", Measure::RoundTrip);
    assert_eq!(pipe.best.0.case.mechanism, "shm-spsc");
    let (natural, times) = pipe.natural.expect("a pipe was asked, too");
    assert_eq!(natural.case.mechanism, "pipe");
    assert!((times.value / (11_006.4 / 4_806.4) - 1.0).abs() < 0.05, "{times:?}");
    assert!(times.interval.is_some_and(|interval| interval.low < times.value && times.value < interval.high));
    // Rates are compared as costs: 50 times the rate is 50 times as fast.
    let lock = of("python-lock", Measure::Contention);
    let (natural, times) = lock.natural.expect("a futex was asked, too");
    assert_eq!(natural.case.mechanism, "futex-mutex");
    assert!((times.value / 50.0 - 1.0).abs() < 0.1, "{times:?}");
    // Threads are compared with threads, and never with a variant that does no work.
    let threads = of("python-thread-pool", Measure::Dispatch);
    assert_eq!(threads.best.0.case.mechanism, "crossbeam-threads");
    assert!(all.iter().all(|one| one.best.0.case.isolation == one.python.case.isolation));
}

#[test]
fn the_python_plan_is_answered_by_how_much_would_be_gained() {
    let page = page(python::python_run(5, 7));
    has_each(&page, &["python", "beside-python"]);
    let answer = answer(&page);
    assert!(answer.contains("comparisons with Python the fastest counterpart is"), "{answer}");
    assert!(answer.contains("Lowest round trip: "), "{answer}");
    assert!(page.contains("python-pool apply async"));
}

#[test]
fn without_a_counterpart_python_is_one_of_many() {
    let mut records = python::python_run(1, 3);
    records.retain(|record| record.case.mechanism.starts_with("python"));
    has_none(&page(records), &["python\"", "beside-python"]);
}
