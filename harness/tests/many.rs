//! Several endpoints on a channel, several channels, and a CPU hog beside them: over every transport that supports it, with
//! real processes and every message accounted for.

use std::path::Path;

use crate::common::{PROGRAM, alone, case, run_id, short};
use ipcmark::family;
use ipcmark::measure::histogram;
use ipcmark::protocol::Fault;
use ipcmark::record::{Arrivals, Case, Measure, Pattern, Placement, Status, Substrate, Wait, metric};
use ipcmark_harness::trial::{Session, TrialOrder, TrialResult};

/// Senders and receivers of one channel.
const SHAPES: &[(u32, u32)] = &[(3, 1), (1, 3), (2, 2)];

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// The measures of which a channel may have several senders and receivers.
const MEASURES: [Measure; 2] = [Measure::Stream, Measure::Paced];

/// Every row once per isolation, on its first substrate.
fn rows(measure: Measure) -> impl Iterator<Item = Case> {
    let available = family::variants().into_iter().filter(|row| row.sends() && row.unavailable.is_none());
    let first = available.filter(|row| row.substrate.is_none_or(|substrate| substrate == Substrate::Memfd));
    first.map(move |row| {
        Case { isolation: row.isolation, ..case(row.mechanism, row.wait, measure) }.with(|p| {
            p.substrate = row.substrate;
            p.message_bytes = Some(64);
            p.rate_per_s = (measure == Measure::Paced).then_some(50_000);
        })
    })
}

#[test]
fn every_message_arrives_once_in_every_pattern() {
    let _alone = alone();
    let session = session("shapes");
    let mut ran = 0;
    for row in MEASURES.into_iter().flat_map(rows) {
        for (producers, consumers) in SHAPES {
            let case = row.clone().with(|p| {
                p.pattern = Some(Pattern { senders: *producers, receivers: *consumers });
            });
            if family::supports(&case).is_ok() {
                let result = session.run_trial(&short(case.clone()));
                assert_eq!(result.outcome.status, Status::Measured, "{}: {:?}", case.key(), result.outcome.why);
                assert_eq!(handled(&result, "sender"), result.count.messages, "{}", case.key());
                let every = ["shm-broadcast", "shm-seqlock"].iter().any(|name| case.mechanism.starts_with(name));
                let due = result.count.messages * if every { u64::from(*consumers) } else { 1 };
                assert_eq!(handled(&result, "receiver"), due, "{}", case.key());
                ran += 1;
            }
        }
    }
    assert!(ran > 0, "no row shares a channel");
}

/// Messages of all roles of a kind.
fn handled(result: &TrialResult, role: &str) -> u64 {
    let roles = result.outcome.roles.as_deref().unwrap_or_default();
    roles.iter().filter(|one| one.role == role).map(|one| one.messages).sum()
}

#[test]
fn senders_share_the_rate_of_an_open_loop() {
    const COUNT: u64 = 200;
    let _alone = alone();
    let session = session("rate");
    for (mechanism, wait, senders, receivers) in
        [("pipe", Wait::Block, 2, 1), ("shm-mpmc", Wait::Park, 3, 2), ("shm-broadcast", Wait::Park, 1, 2)]
    {
        for arrivals in Arrivals::ALL.iter().copied() {
            let case = case(mechanism, Some(wait), Measure::Paced).with(|p| {
                (p.rate_per_s, p.arrivals) = (Some(10_000), Some(arrivals));
                p.burst = (arrivals == Arrivals::Burst).then_some(20);
                p.pattern = Some(Pattern { senders, receivers });
            });
            if let Err(why) = family::supports(&case) {
                return println!("skipped: {why}");
            }
            let mut order = short(case.clone());
            order.timing.fixed_count = Some(COUNT);
            let result = session.run_trial(&order);
            let (key, outcome) = (case.key(), &result.outcome);
            assert_eq!(outcome.status, Status::Measured, "{key}: {:?}", outcome.why);
            assert_eq!(result.count.messages, COUNT * u64::from(senders), "{key}");
            assert_eq!(outcome.metric(metric::OFFERED_PER_S), Some(10_000.0), "{key}");
            let stamped = histogram::decode(outcome.histogram.as_deref().expect("latencies")).expect("they decode");
            let copies = if mechanism == "shm-broadcast" { u64::from(receivers) } else { 1 };
            assert_eq!(stamped.len(), result.count.messages * copies, "{key}: every message is stamped");
            // No message leaves before it is due, so no sender is done sooner than its part of the rate allows.
            let least_ns = (COUNT - 20) * u64::from(senders) * 100_000;
            let paced = outcome.roles.as_deref().unwrap_or_default().iter().filter(|role| role.role == "sender");
            for sender in paced.filter(|_| arrivals != Arrivals::Poisson) {
                assert!(sender.messages == COUNT && sender.wall_ns > least_ns, "{key}: {sender:?}");
            }
        }
    }
}

#[test]
fn independent_pairs_have_no_open_loop() {
    let pairs = case("pipe", Some(Wait::Block), Measure::Paced).with(|p| {
        (p.rate_per_s, p.pairs) = (Some(1000), Some(2));
    });
    let why = family::supports(&pairs).expect_err("one channel only");
    assert!(why.contains("`paced` has one channel; `pairs` fits only streams"), "{why}");
    let many = Case { placement: Placement::SameL3, ..pairs }.with(|p| {
        (p.pairs, p.pattern, p.message_bytes) = (None, Some(Pattern { senders: 2, receivers: 1 }), Some(4));
    });
    let why = family::supports(&many).expect_err("a message says whose it is");
    assert!(why.contains("needs 8 bytes to identify its sender"), "{why}");
}

#[test]
fn pairs_run_side_by_side_and_a_hog_beside_them() {
    let _alone = alone();
    let session = session("pairs");
    for row in rows(Measure::Stream) {
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
    for row in MEASURES.into_iter().flat_map(rows) {
        if row.mechanism != "crossbeam-bounded" || row.wait != Some(Wait::Hybrid) || family::supports(&row).is_err() {
            continue;
        }
        for (fault, senders, receivers) in
            [(Fault::Loss, 2, 2), (Fault::Duplication, 1, 3), (Fault::Reordering, 2, 1), (Fault::Corruption, 2, 2)]
        {
            let case = row.clone().with(|p| p.pattern = Some(Pattern { senders, receivers }));
            let order = TrialOrder { fault: Some(fault), ..short(case) };
            let outcome = session.run_trial(&order).outcome;
            assert_eq!(outcome.status, Status::Failed, "{fault:?}: {}", order.case.key());
        }
    }
}
