//! The traced pass on the real system: calls of a message are counted and compared with the declared cost.

use std::path::Path;

use crate::common::{PROGRAM, alone, case, run_id, short, threads};
use ipcmark::record::{Case, Measure, Status, Wait};
use ipcmark_harness::trial::{Session, TrialOrder, TrialResult};

/// Result of a traced trial of `case`; `None` where tracing is not allowed.
fn counted(case: Case) -> Option<TrialResult> {
    let session = Session::open_with(&run_id(&case.mechanism), Path::new(PROGRAM)).expect("a session");
    let result = session.run_trial(&TrialOrder { traced: true, ..short(case) });
    let why = result.outcome.why.clone().unwrap_or_default();
    if result.outcome.status == Status::Skipped && why.contains("cannot be traced here") {
        return None;
    }
    assert_eq!(result.outcome.status, Status::Measured, "{why}");
    assert_eq!(result.count.chosen_by, "fixed");
    Some(result)
}

/// A count per message, without the few calls around the loop, which are a fraction of one.
fn whole(result: &TrialResult, name: &str) -> u32 {
    let value = result.outcome.metric(name);
    value.expect("counted").floor() as u32
}

#[test]
fn a_pipe_costs_each_role_a_write_and_a_read_per_round_trip() {
    let _one = alone();
    let Some(result) = counted(case("pipe", Some(Wait::Block), Measure::CostModel)) else { return };
    for name in ["pinger_system_calls", "ponger_system_calls"] {
        assert_eq!(whole(&result, name), 2, "{:?}", result.outcome.why);
    }
    let why = result.outcome.why.unwrap_or_default();
    assert!(!why.contains("system calls"), "as declared: {why}");
    assert!(result.outcome.cost_model.is_some());
}

/// The number of failed calls depends on how long a role waits, and tracing makes it wait longer.
#[test]
fn failed_calls_count_as_waiting() {
    let _one = alone();
    for wait in [Wait::Epoll, Wait::Busy] {
        let Some(result) = counted(case("pipe", Some(wait), Measure::CostModel)) else { return };
        let why = result.outcome.why.unwrap_or_default();
        assert!(!why.contains("system calls"), "{wait}: as declared: {why}");
    }
}

#[test]
fn both_threads_of_a_host_are_counted() {
    let _one = alone();
    let Some(result) = counted(threads(case("pipe", Some(Wait::Block), Measure::CostModel))) else { return };
    assert_eq!(whole(&result, "host_system_calls"), 4, "{:?}", result.outcome.why);
}

#[test]
fn a_parked_role_makes_system_calls() {
    let _one = alone();
    let Some(result) = counted(case("shm-spsc", Some(Wait::Park), Measure::CostModel)) else { return };
    assert!(whole(&result, "pinger_system_calls") >= 1, "{:?}", result.outcome.metrics);
}
