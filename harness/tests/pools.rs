//! Pools from end to end, over every row: promises between real processes, each question asked once, and nothing left when
//! the dispatcher or the whole run is killed at work.

use std::path::Path;

use crate::common;
use crate::common::other_harness::OtherHarness;
use crate::common::{PROGRAM, alone, kill_during, long, parent_at_work, processes, run_id, short, wait_for};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Arrivals, Call, Case, Chunk, Isolation, KillPoint, Measure, Metrics, Outcome, Status, metric};
use ipcmark_harness::trial::{Session, TrialResult};

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every row that answers `measure` on this machine.
fn rows(measure: Measure) -> Vec<Variant> {
    let pools = family::variants().into_iter().filter(|row| row.family == "pool" && row.unavailable.is_none());
    pools.filter(|row| row.measures.contains(&measure)).collect()
}

/// Two workers, asked for `measure`.
fn case(row: &Variant, measure: Measure) -> Case {
    row.case(measure).with(|p| p.workers = Some(2))
}

/// A trial that must come to a result.
fn measured(session: &Session, case: Case) -> (TrialResult, Metrics) {
    let key = case.key();
    let mut result = session.run_trial(&short(case));
    assert_eq!(result.outcome.status, Status::Measured, "{key}: {:?}", result.outcome.why);
    let metrics = result.outcome.metrics.take().unwrap_or_default();
    assert!(metrics.values().all(|value| value.is_finite()), "{key}: {metrics:?}");
    (result, metrics)
}

fn of(metrics: &Metrics, name: &str) -> f64 {
    metrics.get(name).copied().unwrap_or(f64::NAN)
}

fn has_distributions(outcome: &Outcome, names: &[&str]) -> bool {
    names.iter().all(|name| outcome.distributions.contains_key(*name))
}

#[test]
fn every_pool_conforms_with_one_two_and_four_workers() {
    let _alone = alone();
    let session = session("pool-promises");
    for row in rows(Measure::Conformance) {
        for workers in [1, 2, 4] {
            let case = case(&row, Measure::Conformance).with(|p| {
                p.workers = Some(workers);
                p.message_bytes = Some(24);
            });
            let (result, _) = measured(&session, case);
            assert!(result.count.messages > 1000, "{}: {:?}", row.row(), result.count);
        }
    }
}

#[test]
fn every_call_counts_all_its_tasks() {
    let _alone = alone();
    let session = session("pool-dispatch");
    for row in rows(Measure::Dispatch) {
        for (call, chunk, grain_ns) in [
            (Call::Apply, None, None),
            (Call::ApplyAsync, None, Some(1_000)),
            (Call::Map, Some(Chunk::Python), None),
            (Call::Imap, Some(Chunk::Guided), None),
        ] {
            let case = case(&row, Measure::Dispatch).with(|p| {
                p.call = Some(call);
                p.chunk = chunk;
                p.grain_ns = grain_ns;
            });
            let key = case.key();
            let (result, metrics) = measured(&session, case);
            let sliced: u64 = result.outcome.windows.iter().flatten().map(|window| window.messages).sum();
            assert_eq!(sliced, result.count.messages, "{key}");
            let (task_ns, per_s) = (of(&metrics, metric::TASK_NS), of(&metrics, metric::TASKS_PER_S));
            assert!((task_ns * per_s / 1e9 - 1.0).abs() < 1e-6, "{key}: {metrics:?}");
            assert_eq!(metrics.contains_key(metric::EFFICIENCY), grain_ns.is_some(), "{key}: {metrics:?}");
            assert!(has_distributions(&result.outcome, &["submit_to_start", "finish_to_visible"]), "{key}");
        }
    }
}

#[test]
fn paced_tasks_have_a_latency_for_every_kind_of_arrivals() {
    let _alone = alone();
    let session = session("pool-paced");
    for row in rows(Measure::Paced) {
        for (arrivals, burst) in [(Arrivals::Poisson, None), (Arrivals::Burst, Some(8))] {
            let case = case(&row, Measure::Paced).with(|p| {
                p.rate_per_s = Some(20_000);
                p.arrivals = Some(arrivals);
                p.burst = burst;
                p.workers = Some(1);
            });
            let key = case.key();
            let (result, metrics) = measured(&session, case);
            assert!(of(&metrics, metric::LATENCY_NS) > 0.0 && result.count.messages >= 96, "{key}: {metrics:?}");
            assert!((of(&metrics, metric::OFFERED_PER_S) - 20_000.0).abs() < 1e-6, "{key}: {metrics:?}");
            assert!(result.outcome.histogram.is_some(), "{key}");
        }
    }
}

#[test]
fn idle_and_set_up_have_their_metrics() {
    let _alone = alone();
    let session = session("pool-life");
    for row in rows(Measure::SetUp) {
        let key = row.row();
        let (_, idle) = measured(&session, case(&row, Measure::Idle));
        let used = (of(&idle, metric::IDLE_CPU_NS_PER_S), of(&idle, metric::IDLE_SWITCHES_PER_S));
        assert!(used.0 >= 0.0 && used.1 >= 0.0, "{key}: {idle:?}");
        let (result, metrics) = measured(&session, case(&row, Measure::SetUp));
        assert!(
            of(&metrics, metric::SET_UP_NS) > 0.0 && of(&metrics, metric::TERMINATE_NS) >= 0.0,
            "{key}: {metrics:?}"
        );
        let stages = ["create", "first_message", "later_message", "tear_down", "terminate"];
        assert!(has_distributions(&result.outcome, &stages), "{key}");
        if let Some(bytes) = metrics.get(metric::PSS_BYTES_PER_WORKER) {
            assert!(*bytes > 0.0 && row.isolation == Isolation::Process, "{key}: {bytes}");
        }
    }
}

#[test]
fn the_death_of_a_worker_is_reported_and_its_task_is_repeated() {
    let _alone = alone();
    let session = session("pool-recover");
    for row in rows(Measure::Recover) {
        let case = case(&row, Measure::Recover).with(|p| p.kill_point = Some(KillPoint::Holding));
        let (result, metrics) = measured(&session, case.clone());
        // On a busy machine the wait may end before the death is reported; the record then says so.
        let told = result.outcome.why.unwrap_or_default();
        let recovered = of(&metrics, metric::RECOVERED_SHARE);
        assert!(
            (recovered - 1.0).abs() < 1e-9 || told.contains("patience") || told.contains("ms"),
            "{told}: {metrics:?}"
        );
        assert_eq!(metrics.contains_key(metric::RECOVERY_NS), recovered > 0.0, "{}: {metrics:?}", row.row());
        let others = case.with(|p| p.kill_point = Some(KillPoint::Waiting));
        assert!(family::supports(&others).is_err_and(|why| why.contains("holding")), "{}", row.row());
    }
}

#[test]
fn no_supervisor_or_worker_outlives_a_killed_dispatcher() {
    let _alone = alone();
    let id = run_id("pool-kill");
    let session = Session::open_with(&id, Path::new(PROGRAM)).expect("a session");
    for row in rows(Measure::Dispatch).iter().filter(|row| row.isolation == Isolation::Process) {
        let order = long(case(row, Measure::Dispatch).with(|p| p.call = Some(Call::ApplyAsync)));
        let outcome = kill_during(&session, &order, || parent_at_work(&id, "host"));
        let why = outcome.why.unwrap_or_default();
        assert!(outcome.status == Status::Failed && why.contains("SIGKILL"), "{}: {why}", row.row());
        wait_for("supervisor and workers to be gone", || {
            let works = |it: &common::Process| it.home.display().to_string().contains(&id);
            (!processes().iter().any(works)).then_some(())
        });
    }
}

#[test]
fn a_killed_harness_leaves_no_worker_of_a_pool() {
    let _alone = alone();
    let row = rows(Measure::Dispatch).into_iter().find(|row| row.row() == "shm-queue/hybrid").expect("a row");
    let case = case(&row, Measure::Dispatch).with(|p| p.call = Some(Call::ApplyAsync));
    let mut harness = OtherHarness::start(&case);
    // Dispatcher, supervisor and two workers.
    let in_pool = || harness.descendants().iter().filter(|it| it.command.starts_with("ipcmark worker")).count();
    wait_for("a pool at work", || (in_pool() == 4).then_some(()));
    harness.kill();
    wait_for("every process of the run to exit", || harness.traces().is_empty().then_some(()));
}
