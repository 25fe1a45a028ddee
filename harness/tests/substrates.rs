//! Every substrate of shared memory on this machine: it carries messages between processes, and nothing of it is left
//! behind, not even by killed processes.

use std::path::{Path, PathBuf};

use crate::common::other_harness::OtherHarness;
use crate::common::{
    PROGRAM, alone, case, find_at_work, kill_during, leftovers, long, run_id, short, sysv_segments, wait_for,
    worker_at_work,
};
use ipcmark::family;
use ipcmark::record::{Case, Isolation, Measure, Status, Substrate, Wait};
use ipcmark_harness::trial::Session;

/// A queue whose waiters sleep, so that a busy machine does not matter.
const MECHANISM: &str = "shm-spsc";

fn open(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session")
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

/// Substrates that this machine has.
fn available() -> Vec<Substrate> {
    let variants = family::variants().into_iter();
    let ours = variants.filter(|it| it.mechanism == MECHANISM && it.wait == Some(Wait::Park));
    let here = ours.filter(|it| it.isolation == Isolation::Process && it.unavailable.is_none());
    here.filter_map(|it| it.substrate).collect()
}

fn on(substrate: Substrate, measure: Measure, prefault: bool) -> Case {
    let case = case(MECHANISM, Some(Wait::Park), measure);
    case.with(|p| {
        p.substrate = Some(substrate);
        p.prefault = Some(prefault);
        p.message_bytes = Some(6001);
    })
}

fn nothing_left(name: &str) {
    assert_eq!(leftovers(&run_id(name), &std::env::temp_dir()), Vec::<PathBuf>::new());
    assert_eq!(sysv_segments(own_pid()), Vec::<String>::new());
}

#[test]
fn every_substrate_carries_messages_and_leaves_nothing() {
    let _one = alone();
    let session = open("carry");
    assert!(available().contains(&Substrate::Memfd));
    for substrate in available() {
        for (measure, prefault) in [(Measure::RoundTrip, false), (Measure::Stream, true), (Measure::SetUp, true)] {
            for isolation in [Isolation::Process, Isolation::Thread] {
                let case = Case { isolation, ..on(substrate, measure, prefault) };
                let outcome = session.run_trial(&short(case.clone())).outcome;
                assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
                assert_eq!(sysv_segments(own_pid()), Vec::<String>::new(), "{}", case.key());
            }
        }
    }
    drop(session);
    nothing_left("carry");
}

/// The worker of a set-up trial creates names one after another, and one exists when it is killed.
#[test]
fn a_killed_set_up_leaves_nothing() {
    let _one = alone();
    let session = open("kill");
    for substrate in available() {
        let mut order = long(on(substrate, Measure::SetUp, false));
        order.timing.fixed_count = Some(1_000_000);
        let mut killed = 0;
        let outcome = kill_during(&session, &order, || {
            killed = find_at_work(own_pid(), "host")?.pid;
            Some(killed)
        });
        assert_eq!(outcome.status, Status::Failed, "{substrate}");
        assert_eq!(sysv_segments(killed), Vec::<String>::new(), "{substrate}");
    }
    let home = leftovers(&run_id("kill"), &std::env::temp_dir());
    assert_eq!(home.len(), 1, "only the run's own directory: {home:?}");
    drop(session);
    nothing_left("kill");
}

/// All substrates but memfd, which the killed runs of bad_days.rs use.
#[test]
fn a_killed_harness_leaves_no_memory_of_any_kind() {
    let _one = alone();
    for substrate in available().into_iter().filter(|substrate| *substrate != Substrate::Memfd) {
        let case = case(MECHANISM, Some(Wait::Park), Measure::RoundTrip).with(|p| p.substrate = Some(substrate));
        let mut harness = OtherHarness::start(&case);
        let pid = harness.pid();
        worker_at_work(pid, "pinger");
        let segments = sysv_segments(pid);
        assert_eq!(segments.is_empty(), substrate != Substrate::SysvShm, "{substrate}: {segments:?}");
        harness.kill();
        wait_for("janitor and workers to exit", || harness.traces().is_empty().then_some(()));
        wait_for("the memory to go", || sysv_segments(pid).is_empty().then_some(()));
    }
}
