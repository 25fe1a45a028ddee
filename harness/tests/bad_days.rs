//! Failures with real processes: when a worker is killed, hangs or miscounts, or the run is interrupted, the trial ends with
//! its reason, the next one works, and nothing is left behind.

use std::os::unix::process::ExitStatusExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common;
use crate::common::user_run::{UserRun, entries};
use crate::common::{
    PROGRAM, SOON, alone, case, descriptors, leftovers, long, named, processes_naming, run_id, short, threads,
    wait_for, wait_until_closed, worker_at_work, workers_of,
};
use ipcmark::protocol::Fault;
use ipcmark::record::{Measure, Status, Verdict, Wait};
use ipcmark_harness::trial::{Session, TrialOrder, TrialResult};
use nix::sys::signal::Signal;

fn open(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session")
}

fn own_pid() -> i32 {
    std::process::id().cast_signed()
}

fn why(result: &TrialResult) -> &str {
    result.outcome.why.as_deref().unwrap_or_default()
}

/// Runs `order`, calls `meddle` from another thread meanwhile, and returns how long the trial continued after that.
fn meddled(session: &Session, order: &TrialOrder, meddle: impl FnOnce() + Send) -> (TrialResult, Duration) {
    std::thread::scope(|scope| {
        let meddler = scope.spawn(|| {
            let done = panic::catch_unwind(AssertUnwindSafe(meddle));
            let at = Instant::now();
            if done.is_err() {
                // The trial would last for minutes now.
                for worker in workers_of(own_pid()) {
                    common::signal(worker.pid, Signal::SIGKILL);
                }
            }
            done.map(|()| at)
        });
        let result = session.run_trial(order);
        let over = Instant::now();
        let at = meddler.join().expect("caught").unwrap_or_else(|_| panic!("{}: {}", order.case.key(), why(&result)));
        (result, over - at)
    })
}

#[test]
fn a_killed_worker_fails_its_trial_and_nothing_else() {
    let _one = alone();
    let cases = [
        (case("pipe", Some(Wait::Block), Measure::RoundTrip), ["pinger", "ponger"]),
        (case("unix-stream", Some(Wait::Block), Measure::Stream), ["sender", "receiver"]),
        (named(case("shm-spsc", Some(Wait::Spin), Measure::RoundTrip)), ["pinger", "ponger"]),
        (case("shm-mailbox", Some(Wait::Park), Measure::Stream), ["sender", "receiver"]),
        (case("ipc-channel", Some(Wait::Block), Measure::RoundTrip), ["pinger", "ponger"]),
        (threads(named(case("shm-spsc", Some(Wait::Park), Measure::RoundTrip))), ["host", "host"]),
    ];
    let session = open("kill");
    let before = descriptors(own_pid());
    for (case, roles) in cases {
        for role in roles {
            let (result, after) = meddled(&session, &long(case.clone()), || {
                common::signal(worker_at_work(own_pid(), role).pid, Signal::SIGKILL);
            });
            let key = case.key();
            assert_eq!(result.outcome.status, Status::Failed, "{key}");
            assert!(why(&result).starts_with(role), "{key}: {}", why(&result));
            assert!(why(&result).contains("was killed by SIGKILL"), "{key}: {}", why(&result));
            assert!(after < SOON, "{key}: went on for {after:?}");
            assert_eq!(workers_of(own_pid()), vec![], "{key}");
            wait_until_closed(&before);
        }
        let next = session.run_trial(&short(case.clone()));
        assert_eq!(next.outcome.status, Status::Measured, "{}: {}", case.key(), why(&next));
    }
    let home = leftovers(&run_id("kill"), &std::env::temp_dir());
    assert_eq!(home.len(), 1, "only the run's own directory: {home:?}");
    drop(session);
    assert_eq!(leftovers(&run_id("kill"), &std::env::temp_dir()), Vec::<PathBuf>::new());
}

#[test]
fn a_killed_traced_worker_fails_its_trial() {
    let _one = alone();
    let session = open("traced");
    let pipe = case("pipe", Some(Wait::Block), Measure::CostModel);
    for (case, role) in [(pipe.clone(), "ponger"), (threads(pipe), "host")] {
        let order = TrialOrder { traced: true, ..long(case) };
        let (result, after) = meddled(&session, &order, || {
            common::signal(worker_at_work(own_pid(), role).pid, Signal::SIGKILL);
        });
        assert_eq!(result.outcome.status, Status::Failed);
        assert!(why(&result).starts_with(role), "{}", why(&result));
        assert!(after < SOON, "went on for {after:?}");
        assert_eq!(workers_of(own_pid()), vec![]);
    }
}

#[test]
fn a_worker_has_only_its_own_descriptors_and_the_harness_none_of_them() {
    let _one = alone();
    let session = open("own");
    let channels = |all: Vec<(i32, String)>| -> Vec<String> {
        all.into_iter().filter(|(number, to)| *number > 2 && to.starts_with("pipe:")).map(|(_, to)| to).collect()
    };
    let (result, _) = meddled(&session, &long(case("pipe", Some(Wait::Block), Measure::RoundTrip)), || {
        let pids = ["pinger", "ponger"].map(|role| worker_at_work(own_pid(), role).pid);
        let [mut first, mut second] = pids.map(|pid| channels(descriptors(pid)));
        first.sort();
        second.sort();
        assert_eq!(first.len(), 2, "one end out, one end in: {first:?}");
        assert_eq!(first, second, "the same two pipes, from their other ends");
        let held = channels(descriptors(own_pid()));
        assert!(first.iter().all(|pipe| !held.contains(pipe)), "the harness keeps {first:?} open");
        common::signal(pids[0], Signal::SIGKILL);
    });
    assert_eq!(result.outcome.status, Status::Failed);
}

#[test]
fn a_hung_worker_ends_at_its_deadline() {
    let _one = alone();
    let session = open("hang");
    let case = case("pipe", Some(Wait::Block), Measure::RoundTrip);
    let result = session.run_trial(&TrialOrder { fault: Some(Fault::Hang), ..short(case) });
    assert_eq!(result.outcome.status, Status::Failed);
    assert!(why(&result).starts_with("no answer while working from"), "{}", why(&result));
    assert_eq!(workers_of(own_pid()), vec![]);
}

#[test]
fn a_trial_that_becomes_far_slower_than_its_warm_up_ends_early_and_counts() {
    let _one = alone();
    let session = open("slow");
    for measure in [Measure::RoundTrip, Measure::Stream] {
        let case = case("pipe", Some(Wait::Block), measure);
        let result = session.run_trial(&TrialOrder { fault: Some(Fault::Slow), ..short(case) });
        assert_eq!(result.outcome.status, Status::Measured, "{measure}: {}", why(&result));
        let windows = result.outcome.windows.as_deref().unwrap_or_default();
        assert!((2..20).contains(&windows.len()), "{measure}: {} of 20 slices", windows.len());
        let first_part: u64 = windows.iter().map(|window| window.messages).sum();
        assert!(result.count.messages >= first_part, "{measure}: {:?}", result.count);
    }
}

#[test]
fn a_wrong_count_is_caught() {
    let _one = alone();
    let session = open("lie");
    let case = case("pipe", Some(Wait::Block), Measure::Stream);
    let mut order = TrialOrder { fault: Some(Fault::Lie), ..short(case) };
    order.timing.fixed_count = Some(1000);
    let result = session.run_trial(&order);
    assert_eq!(result.outcome.status, Status::Failed);
    let figures: Vec<u64> = why(&result).split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(figures.len() == 2 && figures.contains(&1000) && figures[0] != figures[1], "{}", why(&result));
}

#[test]
fn a_signal_aborts_the_trial_and_the_run() {
    let _one = alone();
    let session = open("signal");
    let (result, after) = meddled(&session, &long(case("pipe", Some(Wait::Block), Measure::RoundTrip)), || {
        worker_at_work(own_pid(), "ponger");
        // The parent of this test may ignore SIGINT, which a session respects.
        common::signal(own_pid(), Signal::SIGTERM);
    });
    assert_eq!((result.outcome.status, why(&result)), (Status::Failed, "interrupted by SIGTERM"));
    assert!(after < SOON, "went on for {after:?}");
    assert_eq!(session.interrupted(), Some(Signal::SIGTERM as i32));
    assert_eq!(workers_of(own_pid()), vec![]);
    let next = session.run_trial(&short(case("pipe", Some(Wait::Block), Measure::RoundTrip)));
    assert_eq!(why(&next), "interrupted by SIGTERM", "no trial starts any more");
}

#[test]
fn a_panic_leaves_nothing() {
    let _one = alone();
    let panicked = std::thread::spawn(|| {
        let session = open("panic");
        session.run_trial(&short(case("pipe", Some(Wait::Block), Measure::RoundTrip)));
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert_eq!(leftovers(&run_id("panic"), &std::env::temp_dir()), Vec::<PathBuf>::new());
    assert_eq!(processes_naming(&run_id("panic")), Vec::<String>::new());
}

#[test]
fn two_sessions_notice_each_other() {
    let _one = alone();
    let (one, two) = (open("one"), open("two"));
    assert!(one.other_run() && two.other_run());
    for session in [&one, &two] {
        let result = session.run_trial(&short(case("pipe", Some(Wait::Block), Measure::RoundTrip)));
        assert!(result.noise.other_run);
        assert_eq!(result.outcome.verdict, Some(Verdict::Disturbed), "{}", why(&result));
        assert!(why(&result).contains("another ipcmark"), "{}", why(&result));
    }
    let same = Session::open_with(&run_id("one"), Path::new(PROGRAM));
    assert!(same.is_err(), "one id, one live run");
}

#[test]
fn what_a_killed_harness_leaves_is_removed() {
    let _one = alone();
    let mut run = UserRun::at_work();
    assert!(run.traces().len() >= 3, "workers, a janitor, a lease: {:?}", run.traces());
    run.command.kill().expect("killed");
    run.command.wait().expect("reaped");
    wait_for("janitor and workers to go", || run.traces().is_empty().then_some(()));
}

#[test]
fn an_interrupted_run_cleans_up_and_exits_with_the_signal_s_status() {
    let _one = alone();
    for (sent, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let mut run = UserRun::at_work();
        common::signal(run.pid(), sent);
        let ended = wait_for("the run to end", || run.command.try_wait().expect("our child"));
        assert_eq!((ended.code(), ended.signal()), (Some(status), None), "{sent}");
        assert_eq!(run.traces(), Vec::<String>::new(), "{sent}");
    }
}

#[test]
fn the_next_run_removes_what_a_run_left_whose_janitor_died_too() {
    let _one = alone();
    let mut run = UserRun::at_work();
    let janitor = |it: &common::Process| it.command.starts_with("ipcmark janitor") && it.parent == run.pid();
    let janitor = common::processes().into_iter().find(janitor).expect("a run has a janitor");
    common::signal(janitor.pid, Signal::SIGKILL);
    run.command.kill().expect("killed");
    run.command.wait().expect("reaped");
    let places = std::mem::replace(&mut run.places, tempfile::tempdir().expect("a temporary directory"));
    let path = places.path().display().to_string();
    wait_for("the workers to go", || processes_naming(&path).is_empty().then_some(()));
    let left = entries(places.path());
    assert_eq!(left.len(), 2, "a lease and a directory: {left:?}");

    let next = UserRun::at_work_in(places, "more-records");
    let now = entries(next.places.path());
    assert!(now.len() == 2 && left.iter().all(|path| !now.contains(path)), "{left:?} became {now:?}");
}
