//! Conformance of every transport of the registry between real processes; and checks of the measurement itself: a known delay
//! is measured, and each injected fault is caught.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::common::{PROGRAM, alone, case, run_id, short};
use ipcmark::clock;
use ipcmark::family::{self, Variant};
use ipcmark::measure::count;
use ipcmark::protocol::{Fault, Timing};
use ipcmark::record::{Case, Isolation, Measure, Outcome, Placement, Status, Verdict, Wait, metric};
use ipcmark_harness::trial::{Session, TrialOrder};

/// Sizes around the borders where mechanisms change: a word, a line, PIPE_BUF, a page and a half, a socket's buffer.
const SIZES: &[u64] = &[0, 1, 8, 63, 64, 4096, 6001, 300_000];
/// A row's further forms, between threads and on other substrates, run the same code: two sizes tell.
const SIZES_OF_FURTHER_FORMS: &[u64] = &[64, 6001];

fn session(name: &str) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session opens")
}

/// Every form of every row: the first of each row with `true`.
fn forms() -> Vec<(Case, bool)> {
    let mut seen = BTreeSet::new();
    let first = |case: Case| {
        let first = seen.insert(case.row());
        (case, first)
    };
    every_case(Measure::Conformance, 0).map(first).collect()
}

fn every_case(measure: Measure, message_bytes: u64) -> impl Iterator<Item = Case> {
    let measured = move |row: &Variant| measure == Measure::Conformance || row.measures.contains(&measure);
    let available = family::variants().into_iter().filter(|row| row.sends() && row.unavailable.is_none());
    available.filter(measured).map(move |variant| {
        Case { isolation: variant.isolation, ..case(variant.mechanism, variant.wait, measure) }.with(|p| {
            p.substrate = variant.substrate;
            p.message_bytes = Some(message_bytes);
        })
    })
}

#[test]
fn every_row_conforms_at_every_size() {
    let _alone = alone();
    let session = session("conformance");
    for (form, first) in forms() {
        let mut carried = 0;
        for bytes in SIZES.iter().filter(|bytes| first || SIZES_OF_FURTHER_FORMS.contains(bytes)) {
            let case = form.clone().with(|p| p.message_bytes = Some(*bytes));
            if let Err(refusal) = family::supports(&case) {
                assert!(names_a_limit(&refusal), "{}: {refusal}", case.key());
                continue;
            }
            let outcome = session.run_trial(&short(case.clone())).outcome;
            assert_eq!(outcome.status, Status::Measured, "{}: {:?}", case.key(), outcome.why);
            carried += 1;
        }
        assert!(carried > 0 || !first, "{} carries none of {SIZES:?}", form.key());
    }
    drop(session);
    let names = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let ours = format!("ipcmark.{}", run_id("conformance"));
    let left: Vec<_> = names.filter(|name| name.file_name().to_string_lossy().starts_with(&ours)).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// Whether a refusal names a limit: a number, or that empty messages are not carried.
fn names_a_limit(refusal: &str) -> bool {
    refusal.contains("empty") || refusal.chars().any(|c| c.is_ascii_digit())
}

#[test]
fn an_empty_message_is_carried_or_refused_with_the_reason() {
    let _alone = alone();
    let session = session("empty");
    for case in every_case(Measure::Stream, 0) {
        let outcome = session.run_trial(&short(case.clone())).outcome;
        let why = outcome.why.unwrap_or_default();
        let refused = outcome.status == Status::Skipped && names_a_limit(&why);
        assert!(refused || outcome.status == Status::Measured, "{}: {why}", case.key());
    }
}

/// Known delays are put into each message by one clock and found again by the other: twice in a round trip. Scheduling can
/// only add, so the quickest blocks are compared, with the delay and without. Blocks are short, so that some lie within a time
/// slice on a busy machine, and have as many trips in both cases, so that the clock reads around them cancel out.
#[test]
fn known_delays_are_measured_within_the_error_of_the_clocks() {
    let _alone = alone();
    let session = session("null");
    let clocks = clock::measure_cost();
    for delay_ns in [1_000, 10_000, 1_000_000] {
        let trips = (SHORT_NS / (2 * delay_ns)).max(1);
        // A delay starts and ends with a tick read, and ends up to one read late; the tick counter's frequency is known to
        // 0.1 MHz; the block is timed by the monotonic clock.
        let frequency_ns = clock::ticks_hz().map_or(0.0, |hz| delay_ns as f64 * 1e5 / hz as f64);
        let allowed_ns = 3.0 * clocks.tick_read_ns + clocks.step_ns + frequency_ns;
        let (mut own_work_ns, mut delayed_ns, mut error_ns) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        // On a busy machine it may take several trials until each has had one undisturbed block.
        for trial in 0..50 {
            delayed_ns = delayed_ns.min(null_trip_ns(&session, delay_ns, trips));
            own_work_ns = own_work_ns.min(null_trip_ns(&session, 0, trips));
            error_ns = (delayed_ns - own_work_ns) / 2.0 - delay_ns as f64;
            if trial >= 2 && error_ns.abs() <= allowed_ns {
                break;
            }
        }
        println!("a delay of {delay_ns} ns was measured {error_ns:+.1} ns off; allowed: {allowed_ns:.1} ns");
        assert!(error_ns.abs() <= allowed_ns, "{delay_ns} ns: {error_ns:+.1} ns off, {allowed_ns:.1} ns allowed");
    }
}

/// Length of a block of null round trips, unless one of them takes longer.
const SHORT_NS: u64 = 200_000;

/// The quickest block of as many null round trips, in nanoseconds a trip.
fn null_trip_ns(session: &Session, delay_ns: u64, trips: u64) -> f64 {
    let case =
        Case { isolation: Isolation::Thread, placement: Placement::SameCpu, ..case("null", None, Measure::RoundTrip) }
            .with(|p| {
                p.delay_ns = Some(delay_ns);
                p.message_bytes = Some(8);
            });
    // The second half of the trips is stamped one by one.
    let fixed_count = Some(2 * trips * count::WINDOWS);
    let timing = Timing { warm_up_ns: 1_000_000, hot_ns: 0, floor_ns: 0, fixed_count };
    let outcome = session.run_trial(&TrialOrder { case, cpus: vec![], timing, traced: false, fault: None }).outcome;
    assert_eq!(outcome.status, Status::Measured, "{:?}", outcome.why);
    let metrics = outcome.metrics.expect("a round trip has metrics");
    assert!(metrics[metric::P50_NS] >= 2.0 * delay_ns as f64 * 0.999, "{metrics:?}");
    let blocks = outcome.windows.expect("a round trip has windows");
    blocks.iter().map(|w| w.elapsed_ns as f64 / w.messages as f64).fold(f64::INFINITY, f64::min)
}

#[test]
fn every_injected_fault_is_caught() {
    let _alone = alone();
    let session = session("faults");
    for (mechanism, wait) in [("pipe", Wait::Block), ("shm-spsc", Wait::Hybrid)] {
        for fault in [Fault::Loss, Fault::Duplication, Fault::Reordering, Fault::Corruption] {
            let order = short(case(mechanism, Some(wait), Measure::Stream));
            let outcome = session.run_trial(&TrialOrder { fault: Some(fault), ..order }).outcome;
            assert_caught(fault, &outcome);
        }
    }
}

/// A role that fails must not leave the other waiting in the kernel or a channel, where it does not see the abort word.
#[test]
fn a_fault_between_threads_is_caught_although_the_other_role_is_blocked() {
    let _alone = alone();
    let session = session("threads");
    for (mechanism, wait, bytes, depth) in [
        ("pipe", Wait::Block, 300_000, None),
        ("pipe", Wait::Epoll, 300_000, None),
        ("pipe", Wait::Busy, 300_000, None),
        ("vmsplice", Wait::Block, 300_000, None),
        ("unix-stream", Wait::Block, 300_000, None),
        ("crossbeam-bounded", Wait::Hybrid, 64, Some(1)),
    ] {
        let case = Case { isolation: Isolation::Thread, ..case(mechanism, Some(wait), Measure::Stream) }.with(|p| {
            p.message_bytes = Some(bytes);
            p.depth = depth;
        });
        let order = TrialOrder { fault: Some(Fault::Corruption), ..short(case) };
        let outcome = session.run_trial(&order).outcome;
        assert_caught(Fault::Corruption, &outcome);
    }
}

fn assert_caught(fault: Fault, outcome: &Outcome) {
    let why = outcome.why.as_deref().unwrap_or_default();
    assert_eq!((outcome.status, outcome.verdict), (Status::Failed, Some(Verdict::Invalid)), "{fault:?}: {why}");
    let named = match fault {
        Fault::Corruption => "wrong bytes",
        _ => "lost, repeated or out of order",
    };
    assert!(why.contains(named), "{fault:?}: {why}");
}
