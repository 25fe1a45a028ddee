//! Servers from end to end: conformance of every row with a thousand client processes, every measure, refused limits, and
//! nothing left behind.

use std::path::Path;

use crate::common::{PROGRAM, alone, leftovers, processes_naming, run_id, short};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Arrivals, Case, Group, Measure, Outcome, Service, Status, metric};
use ipcmark_harness::trial::Session;

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every row of the family that this machine can run.
fn rows() -> Vec<Variant> {
    let of_family = |row: &Variant| row.group == Group::Servers && row.program.is_none() && row.unavailable.is_none();
    family::variants().into_iter().filter(of_family).collect()
}

/// The outcome of a trial that must be measured.
fn measured(session: &Session, case: &Case) -> Outcome {
    let mut order = short(case.clone());
    order.timing.hot_ns = 30_000_000;
    let outcome = session.run_trial(&order).outcome;
    assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
    outcome
}

/// The outcome's number of this name, which must be one.
fn number(case: &Case, outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.metric(name);
    found.filter(|value| value.is_finite()).unwrap_or_else(|| panic!("{}: {name} is {found:?}", case.key()))
}

fn nothing_is_left(name: &str) {
    let run = run_id(name);
    assert_eq!(leftovers(&run, &std::env::temp_dir()), Vec::<std::path::PathBuf>::new());
    assert_eq!(processes_naming(&run), Vec::<String>::new());
}

#[test]
fn every_server_conforms_with_a_thousand_clients() {
    let _alone = alone();
    let session = session("crowded");
    assert!(!rows().is_empty());
    for row in rows() {
        measured(&session, &row.case(Measure::Conformance));
    }
    drop(session);
    nothing_is_left("crowded");
}

#[test]
fn a_closed_loop_has_a_rate_latencies_and_the_cost_of_a_connection() {
    let _alone = alone();
    let session = session("serve");
    for row in rows() {
        for (clients, service, grain_ns) in [(1, Service::Echo, None), (9, Service::Compute, Some(5_000))] {
            let case = row.case(Measure::Serve).with(|p| {
                p.clients = Some(clients);
                p.service = Some(service);
                p.grain_ns = grain_ns;
            });
            let outcome = measured(&session, &case);
            assert!(number(&case, &outcome, metric::REQUESTS_PER_S) > 0.0);
            assert!(number(&case, &outcome, metric::CONNECT_NS) > 0.0);
            assert!(outcome.histogram.is_some() && outcome.distributions.contains_key("connect"), "{}", case.key());
            let roles = outcome.roles.expect("costs");
            let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
            assert!(names == ["clients", "server"] || names == ["clients"], "{}: {names:?}", case.key());
            let answers: u64 = outcome.windows.iter().flatten().map(|window| window.messages).sum();
            assert_eq!(answers, roles[0].messages, "{}", case.key());
        }
    }
    drop(session);
    nothing_is_left("serve");
}

#[test]
fn an_open_loop_says_what_was_achieved_and_how_late_clients_woke() {
    let _alone = alone();
    let session = session("paced");
    for row in rows() {
        let case = row.case(Measure::Paced).with(|p| {
            p.clients = Some(4);
            p.rate_per_s = Some(4_000);
            p.arrivals = Some(Arrivals::Poisson);
        });
        let outcome = measured(&session, &case);
        assert!((number(&case, &outcome, metric::OFFERED_PER_S) - 4_000.0).abs() < 1e-6);
        assert!(number(&case, &outcome, metric::MESSAGES_PER_S) > 0.0);
        assert!(number(&case, &outcome, metric::LATENCY_NS) > 0.0);
        assert!(outcome.distributions.contains_key("wake_late"), "{}", case.key());
        assert!(outcome.why.is_some_and(|why| why.contains("slept")), "{}", case.key());
    }
}

#[test]
fn what_no_server_can_be_asked_is_refused_with_the_limit() {
    let Some(row) = rows().into_iter().next() else { return };
    let plain = row.case(Measure::Serve);
    let refused = [
        (plain.clone().with(|p| p.clients = Some(0)), "1 to 1000 clients"),
        (plain.clone().with(|p| p.clients = Some(1001)), "1 to 1000 clients"),
        (plain.clone().with(|p| p.message_bytes = Some(0)), "1 to 1048576 bytes"),
        (plain.clone().with(|p| p.message_bytes = Some(2 << 20)), "1 to 1048576 bytes"),
        (plain.clone().with(|p| p.service = Some(Service::Compute)), "`grain_ns`"),
        (plain.clone().with(|p| p.grain_ns = Some(5)), "an echo takes no work"),
        (
            plain.clone().with(|p| {
                p.service = Some(Service::Compute);
                p.grain_ns = Some(5);
                p.message_bytes = Some(7);
            }),
            "8 to 1048576 bytes",
        ),
        (row.case(Measure::Paced), "requests a second"),
    ];
    for (case, reason) in refused {
        let why = family::supports(&case).expect_err("refused");
        assert!(why.contains(reason), "{}: {why}", case.key());
    }
    assert_eq!(family::supports(&plain), Ok(()));
}

/// Larger than a socket's buffer: requests and answers go over in pieces, in either direction.
#[test]
fn large_requests_are_served_by_every_row() {
    let _alone = alone();
    let session = session("large");
    for row in rows() {
        let case = row.case(Measure::Serve).with(|p| {
            p.clients = Some(3);
            p.message_bytes = Some(1 << 20);
        });
        measured(&session, &case);
    }
}
