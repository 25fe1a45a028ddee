//! Several endpoints on a channel, several channels, and a CPU hog beside them: over every transport that supports it, with
//! real processes and every message accounted for.

use std::path::Path;

use crate::common::{PROGRAM, alone, case, run_id, short};
use ipcmark::family;
use ipcmark::protocol::Fault;
use ipcmark::record::{Case, Measure, Pattern, Status, Substrate, Wait};
use ipcmark_harness::trial::{Session, TrialOrder};

/// Senders and receivers of one channel.
const SHAPES: &[(u32, u32)] = &[(3, 1), (1, 3), (2, 2)];

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every row once per isolation, on its first substrate.
fn rows() -> impl Iterator<Item = Case> {
    let available = family::variants().into_iter().filter(|row| row.sends() && row.unavailable.is_none());
    let first = available.filter(|row| row.substrate.is_none_or(|substrate| substrate == Substrate::Memfd));
    first.map(|row| {
        Case { isolation: row.isolation, ..case(row.mechanism, row.wait, Measure::Stream) }.with(|p| {
            p.substrate = row.substrate;
            p.message_bytes = Some(64);
        })
    })
}

#[test]
fn every_message_arrives_once_in_every_pattern() {
    let _alone = alone();
    let session = session("shapes");
    let mut ran = 0;
    for row in rows() {
        for (producers, consumers) in SHAPES {
            let case = row.clone().with(|p| {
                p.pattern = Some(Pattern { senders: *producers, receivers: *consumers });
            });
            if family::supports(&case).is_ok() {
                let outcome = session.run_trial(&short(case.clone())).outcome;
                assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
                ran += 1;
            }
        }
    }
    assert!(ran > 0, "no row shares a channel");
}

#[test]
fn pairs_run_side_by_side_and_a_hog_beside_them() {
    let _alone = alone();
    let session = session("pairs");
    for row in rows() {
        let pairs = row.clone().with(|p| p.pairs = Some(2));
        let hogged = row.with(|p| p.hogs = Some(1));
        for case in [pairs, hogged] {
            if family::supports(&case).is_ok() {
                let outcome = session.run_trial(&short(case.clone())).outcome;
                assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
            }
        }
    }
}

#[test]
fn a_loss_or_repetition_of_one_of_several_senders_is_caught() {
    let _alone = alone();
    let session = session("lost");
    for (fault, producers, consumers) in
        [(Fault::Loss, 2, 2), (Fault::Duplication, 1, 3), (Fault::Reordering, 2, 1), (Fault::Corruption, 2, 2)]
    {
        let row = rows().find(|row| row.mechanism == "crossbeam-bounded" && row.wait == Some(Wait::Hybrid));
        let case = row.expect("a row that shares").with(|p| {
            p.pattern = Some(Pattern { senders: producers, receivers: consumers });
        });
        let order = TrialOrder { fault: Some(fault), ..short(case) };
        let outcome = session.run_trial(&order).outcome;
        assert_eq!(outcome.status, Status::Failed, "{fault:?}: {}", order.case.key());
    }
}
