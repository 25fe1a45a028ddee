//! The open loop with real processes: lateness shows, overload is marked, and a stall appears that a closed loop hides. And
//! the first message after a pause.

use std::path::Path;

use crate::common::{PROGRAM, alone, case, run_id, short, threads};
use ipcmark::protocol::Fault;
use ipcmark::record::{Arrivals, Case, Measure, Placement, Status, Verdict, Wait, metric};
use ipcmark_harness::trial::{Session, TrialOrder, TrialResult};

/// Length of a stall: src/measure/inject.rs.
const STALL_NS: f64 = 1e8;

fn open(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session")
}

fn paced(mechanism: &str, wait: Wait, rate_per_s: u64) -> Case {
    case(mechanism, Some(wait), Measure::Paced).with(|p| {
        p.rate_per_s = Some(rate_per_s);
        p.arrivals = Some(Arrivals::Constant);
    })
}

fn number(result: &TrialResult, name: &str) -> f64 {
    let why = &result.outcome.why;
    assert_eq!(result.outcome.status, Status::Measured, "{why:?}");
    let found = result.outcome.metric(name);
    found.unwrap_or_else(|| panic!("there is no {name}: {:?}", result.outcome.metrics))
}

/// A machine with one CPU has no open loop to offer.
fn one_cpu() -> bool {
    std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() < 2)
}

#[test]
fn a_stall_shows_in_the_open_loop_and_hides_in_the_closed_one() {
    let _one = alone();
    if one_cpu() {
        return;
    }
    let session = open("stall");
    // Enough that one stall is less than a thousandth of the closed loop, and enough of the open loop for its percentiles,
    // however slow the machine is: counted, not timed.
    let stalled = |case: Case, count: u64| {
        let mut order = TrialOrder { fault: Some(Fault::Stall), ..short(case) };
        order.timing.fixed_count = Some(count);
        order
    };
    let open_loop = session.run_trial(&stalled(paced("pipe", Wait::Block, 50_000), 25_000));
    assert!(number(&open_loop, metric::P999_NS) > 0.5 * STALL_NS, "{:?}", open_loop.outcome.metrics);
    assert!(number(&open_loop, metric::MAX_NS) >= STALL_NS, "{:?}", open_loop.outcome.metrics);

    let closed_loop = session.run_trial(&stalled(case("pipe", Some(Wait::Block), Measure::RoundTrip), 40_000));
    assert!(number(&closed_loop, metric::MAX_NS) >= STALL_NS, "it happened: {:?}", closed_loop.outcome.metrics);
    assert!(number(&closed_loop, metric::P999_NS) < 0.5 * STALL_NS, "{:?}", closed_loop.outcome.metrics);
}

#[test]
fn overload_is_marked() {
    let _one = alone();
    if one_cpu() {
        return;
    }
    let session = open("overload");
    let mut order = short(paced("pipe", Wait::Block, 500_000_000));
    order.timing.fixed_count = Some(10_000);
    let result = session.run_trial(&order);
    // Disturbed on a busy machine; the reason names the overload all the same.
    let verdict = result.outcome.verdict;
    assert!(matches!(verdict, Some(Verdict::Overloaded | Verdict::Disturbed)), "{:?}", result.outcome);
    let why = result.outcome.why.clone().unwrap_or_default();
    assert!(why.contains("of 500000000 that were due"), "{why}");
    assert!(number(&result, metric::MESSAGES_PER_S) < number(&result, metric::OFFERED_PER_S));
}

#[test]
fn every_kind_of_arrivals_is_verified_between_processes_and_threads() {
    let _one = alone();
    if one_cpu() {
        return;
    }
    let session = open("arrivals");
    for arrivals in Arrivals::ALL.iter().copied() {
        let burst = (arrivals == Arrivals::Burst).then_some(20);
        let case = paced("shm-spsc", Wait::Park, 20_000).with(|p| {
            p.arrivals = Some(arrivals);
            p.burst = burst;
        });
        for case in [case.clone(), threads(case)] {
            let result = session.run_trial(&short(case));
            assert!(number(&result, metric::LATENCY_NS) > 0.0);
            assert!((number(&result, metric::OFFERED_PER_S) - 20_000.0).abs() < 1e-6);
            assert!((20..=100).contains(&result.count.messages), "{} in 5 ms", result.count.messages);
            let roles = result.outcome.roles.as_deref().unwrap_or_default();
            assert_eq!(roles.iter().map(|role| role.role.as_str()).collect::<Vec<_>>(), ["sender", "receiver"]);
        }
    }
}

#[test]
fn a_message_after_a_pause_is_timed_one_way() {
    let _one = alone();
    if one_cpu() {
        return;
    }
    let session = open("wake");
    for gap_ns in [1_000, 1_000_000] {
        let case = case("pipe", Some(Wait::Block), Measure::Wake).with(|p| p.gap_ns = Some(gap_ns));
        for case in [case.clone(), threads(case)] {
            let result = session.run_trial(&short(case));
            let wake_ns = number(&result, metric::WAKE_NS);
            assert!(wake_ns >= 1.0 && wake_ns < number(&result, metric::MAX_NS) + 1.0, "{wake_ns}");
            assert!(result.count.messages >= 3);
        }
    }
}

#[test]
fn an_unsupported_open_loop_is_skipped_with_the_reason() {
    let _one = alone();
    let session = open("refused");
    let refused = |case: Case| {
        let result = session.run_trial(&short(case));
        assert_eq!(result.outcome.status, Status::Skipped);
        result.outcome.why.unwrap_or_default()
    };
    let one_cpu = refused(Case { placement: Placement::SameCpu, ..paced("pipe", Wait::Block, 1000) });
    assert!(one_cpu.contains("keeps its CPU busy"), "{one_cpu}");
    if self::one_cpu() {
        return;
    }
    let no_rate = refused(case("pipe", Some(Wait::Block), Measure::Paced));
    assert!(no_rate.contains("messages per second"), "{no_rate}");
    let no_gap = refused(case("pipe", Some(Wait::Block), Measure::Wake));
    assert!(no_gap.contains("needs a pause"), "{no_gap}");
}
