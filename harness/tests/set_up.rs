//! Set-up is measured for every mechanism that can be set up in one process, and a thousand set-ups leave nothing behind.

use std::path::{Path, PathBuf};

use crate::common::{PROGRAM, alone, case, leftovers, run_id, short, sysv_segments};
use ipcmark::family;
use ipcmark::record::{Case, Measure, Outcome, Status, Substrate, metric};
use ipcmark_harness::trial::Session;

/// Every stage has a number, and the sum is one, too.
const METRICS: &[&str] = &[
    metric::CREATE_NS,
    metric::ATTACH_NS,
    metric::FIRST_MESSAGE_NS,
    metric::LATER_MESSAGE_NS,
    metric::TEAR_DOWN_NS,
    metric::SET_UP_NS,
    metric::P50_NS,
];

/// A cache line, or nothing for mechanisms without payload.
const SIZES: &[u64] = &[64, 0];

#[test]
fn every_mechanism_can_be_set_up_repeatedly() {
    let _one = alone();
    let session = Session::open_with(&run_id("set-up"), Path::new(PROGRAM)).expect("a session");
    for variant in family::variants() {
        // What shared memory is made of has tests of its own.
        let first_form = matches!(variant.substrate, None | Some(Substrate::Memfd));
        let carries = variant.family == "transport" && variant.measures.contains(&Measure::SetUp);
        if variant.unavailable.is_some() || !carries || !first_form {
            continue;
        }
        let mut cases = SIZES.iter().map(|bytes| {
            Case { isolation: variant.isolation, ..case(variant.mechanism, variant.wait, Measure::SetUp) }.with(|p| {
                p.substrate = variant.substrate;
                p.message_bytes = Some(*bytes);
            })
        });
        let case = cases.find(|case| family::supports(case).is_ok());
        let case = case.unwrap_or_else(|| panic!("{} refuses {SIZES:?} bytes", variant.row()));
        let outcome = session.run_trial(&short(case.clone())).outcome;
        assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
        check(&case, &outcome);
    }
    drop(session);
    assert_eq!(leftovers(&run_id("set-up"), &std::env::temp_dir()), Vec::<PathBuf>::new());
    assert_eq!(sysv_segments(std::process::id().cast_signed()), Vec::<String>::new());
}

fn check(case: &Case, outcome: &Outcome) {
    let metrics = outcome.metrics.as_ref().expect("a set-up has metrics");
    let of = |name: &str| metrics.get(name).copied().unwrap_or_else(|| panic!("{}: no {name}", case.key()));
    for name in METRICS {
        assert!(of(name) > 0.0 && of(name) < 60e9, "{}: {name} is {}", case.key(), of(name));
    }
    assert!(!metrics.contains_key(metric::CPU_NS_PER_MESSAGE), "its time does not go into messages");
    let roles = outcome.roles.as_ref().expect("a set-up has roles");
    let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
    assert_eq!(names, ["sender", "receiver"], "{}", case.key());
    assert!(outcome.histogram.is_some() && roles.iter().all(|role| role.messages > 0), "{}", case.key());
}
