//! Kernel objects that exist until their name is removed: they must exist for a whole trial and be removed at its end,
//! whatever happens to the workers.

use std::fs;
use std::path::Path;

use crate::common::{PROGRAM, alone, case, find_at_work, kill_during, long, run_id, short};
use ipcmark::address::{Name, NameKind, sysv_key};
use ipcmark::record::{Case, Measure, Status, Wait};
use ipcmark::{sysv_msg, sysv_sem};
use ipcmark_harness::lease;
use ipcmark_harness::trial::Session;
use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, mq_close, mq_open};
use nix::sys::stat::Mode;

const MECHANISMS: [(&str, NameKind, u64); 3] =
    [("mq-posix", NameKind::Mqueue, 64), ("mq-sysv", NameKind::SysvMsg, 64), ("notify-sysv-sem", NameKind::SysvSem, 0)];

fn blocking(mechanism: &str, message_bytes: u64, measure: Measure) -> Case {
    case(mechanism, Some(Wait::Block), measure).with(|p| p.message_bytes = Some(message_bytes))
}

/// Names of `kind` in the run's lease.
fn leased(run_id: &str, kind: NameKind) -> Vec<Name> {
    let path = lease::folder().expect("the folder of leases").join(format!("{run_id}.lease"));
    let lines = fs::read_to_string(path).expect("the lease of a live run");
    lines.lines().filter_map(Name::from_line).filter(|name| name.kind == kind).collect()
}

fn exists(name: &Name) -> bool {
    let key = || sysv_key(&name.name).expect("a key");
    match name.kind {
        NameKind::Mqueue => {
            let slashed = format!("/{}", name.name);
            let open = mq_open(slashed.as_str(), MQ_OFlag::O_RDONLY, Mode::empty(), None).and_then(mq_close);
            open != Err(Errno::ENOENT)
        }
        NameKind::SysvMsg => sysv_msg::exists(key()).expect("an answer"),
        NameKind::SysvSem => sysv_sem::exists(key()).expect("an answer"),
        other => panic!("{other:?} is not asked for here"),
    }
}

#[test]
fn a_finished_trial_leaves_no_kernel_object() {
    let _one = alone();
    let id = run_id("objects");
    let session = Session::open_with(&id, Path::new(PROGRAM)).expect("a session");
    for (mechanism, kind, bytes) in MECHANISMS {
        let result = session.run_trial(&short(blocking(mechanism, bytes, Measure::RoundTrip)));
        assert_eq!(result.outcome.status, Status::Measured, "{mechanism}: {:?}", result.outcome.why);
        let names = leased(&id, kind);
        assert!(names.len() == 2 && !names.iter().any(exists), "{mechanism}: {names:?}");
    }
}

#[test]
fn a_killed_worker_leaves_no_kernel_object() {
    let _one = alone();
    let id = run_id("objects-kill");
    let session = Session::open_with(&id, Path::new(PROGRAM)).expect("a session");
    for (mechanism, kind, bytes) in MECHANISMS {
        for role in ["pinger", "ponger"] {
            let order = long(blocking(mechanism, bytes, Measure::RoundTrip));
            let own = std::process::id().cast_signed();
            let outcome = kill_during(&session, &order, || Some(find_at_work(own, role)?.pid));
            assert_eq!(outcome.status, Status::Failed, "{mechanism}");
            let why = outcome.why.unwrap_or_default();
            assert!(why.contains("was killed by SIGKILL"), "{mechanism}: {why}");
        }
        let names = leased(&id, kind);
        assert!(names.len() == 4 && !names.iter().any(exists), "{mechanism}: {names:?}");
    }
}
