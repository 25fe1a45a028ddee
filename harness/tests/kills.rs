//! A worker killed during a trial, over every row: the trial ends at once with its reason, the next one works, and no
//! process, name or kernel object is left.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::{PROGRAM, alone, case, find_at_work, kill_during, leftovers, long, run_id, short, workers_of};
use ipcmark::family::{self, Variant};
use ipcmark::record::{Case, Isolation, Measure, Status};
use ipcmark_harness::trial::{Session, TrialOrder};

/// Every row that works between processes, once: transports, or locks.
fn rows(family: &str) -> Vec<Variant> {
    let mut seen = BTreeSet::new();
    let mut rows = family::variants();
    rows.retain(|row| row.family == family && row.isolation == Isolation::Process && row.unavailable.is_none());
    rows.retain(|row| seen.insert(row.row()));
    rows
}

/// The case during which `row` is killed: a stream if the row supports it, with a size that it carries.
fn at_work(row: &Variant) -> Case {
    let asked = [(Measure::Stream, 64), (Measure::Stream, 0), (Measure::RoundTrip, 64), (Measure::RoundTrip, 0)];
    let cases = asked.map(|(measure, bytes)| {
        case(row.mechanism, row.wait, measure).with(|p| {
            p.message_bytes = Some(bytes);
            p.substrate = row.substrate;
        })
    });
    let able = cases.into_iter().find(|case| family::supports(case).is_ok());
    able.unwrap_or_else(|| panic!("{} supports no case", row.row()))
}

/// Runs a trial, kills the process that `victim` finds, and checks how the trial ended.
fn end_in_the_middle(session: &Session, order: &TrialOrder, role: &str, victim: impl FnMut() -> Option<i32> + Send) {
    let outcome = kill_during(session, order, victim);
    let (key, why) = (order.case.key(), outcome.why.unwrap_or_default());
    assert_eq!(outcome.status, Status::Failed, "{key}");
    assert!(why.contains(role) && why.contains("SIGKILL"), "{key}: {why}");
    assert_eq!(workers_of(std::process::id().cast_signed()), vec![], "{key}");
}

/// System V objects, as the kernel lists them: what identifies one is in its first two columns.
fn kernel_objects() -> BTreeSet<String> {
    let kinds = ["shm", "msg", "sem"];
    let lists = kinds.map(|kind| (kind, fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap_or_default()));
    let named =
        |kind: &str, line: &str| format!("{kind} {}", line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    let mut all: BTreeSet<String> =
        lists.iter().flat_map(|(kind, text)| text.lines().skip(1).map(|line| named(kind, line))).collect();
    // Present only where it is mounted.
    let queues = fs::read_dir("/dev/mqueue").into_iter().flatten().flatten();
    all.extend(queues.map(|queue| format!("mqueue {}", queue.file_name().to_string_lossy())));
    all
}

#[test]
fn a_killed_worker_of_a_transport_ends_the_trial_and_leaves_nothing() {
    let _alone = alone();
    let before = kernel_objects();
    let own = std::process::id().cast_signed();
    let session = Session::open_with(&run_id("kills"), Path::new(PROGRAM)).expect("a session");
    for row in rows("transport") {
        let asked = at_work(&row);
        let roles = if asked.measure == Measure::Stream { ["sender", "receiver"] } else { ["pinger", "ponger"] };
        for role in roles {
            end_in_the_middle(&session, &long(asked.clone()), role, || Some(find_at_work(own, role)?.pid));
        }
        let next = session.run_trial(&short(asked.clone())).outcome;
        assert_eq!(next.status, Status::Measured, "{}: {:?}", asked.key(), next.why);
    }
    drop(session);
    assert!(leftovers(&run_id("kills"), &std::env::temp_dir()).is_empty());
    assert_eq!(kernel_objects(), before, "System V objects or message queues were left");
}

/// Kills a contender in the critical section or while it waits: the others do not wait for it.
#[test]
fn a_killed_contender_ends_the_trial_and_leaves_nothing() {
    let _alone = alone();
    let before = kernel_objects();
    let own = std::process::id().cast_signed();
    let session = Session::open_with(&run_id("lock-kills"), Path::new(PROGRAM)).expect("a session");
    for row in rows("lock") {
        let asked = row.case(Measure::Contention).with(|p| {
            p.contenders = Some(2);
            p.think_time_ns = Some(1_000);
        });
        let mut order = short(asked.clone());
        order.timing.hot_ns = 30_000_000_000;
        for slot in [0, 1] {
            end_in_the_middle(&session, &order, "contender", || {
                find_at_work(own, "contender")?;
                let mut contenders: Vec<_> = workers_of(own).iter().map(|it| it.pid).collect();
                contenders.sort_unstable();
                contenders.get(slot).copied()
            });
        }
        let next = session.run_trial(&short(asked.clone())).outcome;
        assert_eq!(next.status, Status::Measured, "{}: {:?}", asked.key(), next.why);
    }
    drop(session);
    assert!(leftovers(&run_id("lock-kills"), &std::env::temp_dir()).is_empty());
    assert_eq!(kernel_objects(), before, "System V objects or message queues were left");
}
