//! Libraries that create names themselves leave none behind when a role is killed. Only with the cargo features that build
//! these libraries.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;

use crate::common;
use crate::common::{PROGRAM, alone, case, long, run_id, wait_for, worker_at_work};
use ipcmark::record::{Measure, Status, Wait};
use ipcmark_harness::trial::Session;
use nix::sys::signal::Signal;

/// Our names in /dev/shm.
fn names() -> BTreeSet<OsString> {
    let found = fs::read_dir("/dev/shm").into_iter().flatten().flatten().map(|entry| entry.file_name());
    found.filter(|name| name.as_encoded_bytes().starts_with(b"ipcmark.")).collect()
}

#[test]
fn a_killed_participant_of_iceoryx2_leaves_nothing() {
    let _one = alone();
    let session = Session::open_with(&run_id("iceoryx2"), Path::new(PROGRAM)).expect("a session");
    let before = names();
    for (mechanism, wait) in [("iceoryx2", Wait::Spin), ("iceoryx2-event", Wait::Block)] {
        for role in ["sender", "receiver"] {
            let order = long(case(mechanism, Some(wait), Measure::Stream));
            let result = thread::scope(|scope| {
                scope.spawn(|| {
                    let worker = worker_at_work(std::process::id().cast_signed(), role);
                    wait_for("names in /dev/shm", || (names() != before).then_some(()));
                    common::signal(worker.pid, Signal::SIGKILL);
                });
                session.run_trial(&order)
            });
            let why = result.outcome.why.unwrap_or_default();
            assert_eq!(result.outcome.status, Status::Failed, "{mechanism}: {why}");
            assert!(why.contains("was killed by SIGKILL"), "{mechanism}: {why}");
            assert_eq!(names(), before, "{mechanism}, the {role} was killed");
        }
    }
}
