//! Sweeps over all parameters except the message size: rates, pauses, patterns, depths, touch modes, and set-up.

use hdrhistogram::Histogram;
use ipcmark_record::{
    Arrivals, Group, Measure, Metrics, Outcome, Pattern, Placement, Record, Substrate, Touch, Verdict, Wait, metric,
};
use ipcmark_reports::analyse::statistics::Random;

use super::{Variant, blank, case, encode, gauss, measured, polls, uniform};

/// Offered rates of [`load_run`], in messages a second.
pub const RATES: [u64; 9] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];
/// Pauses of [`wake_run`].
pub const GAPS_NS: [u64; 6] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// Measured outcome without windows, floors or roles.
fn outcome(metrics: &[(&str, f64)], histogram: Option<String>) -> Outcome {
    Outcome {
        verdict: Some(Verdict::Stable),
        status: ipcmark_record::Status::Measured,
        why: None,
        metrics: Some(metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect::<Metrics>()),
        histogram,
        windows: None,
        floor: None,
        roles: None,
        cost_model: None,
        ..Outcome::skipped("")
    }
}

/// Latencies of an open queue: a bulk around `typical_ns` and a tail that grows with `tail`.
fn queueing(typical_ns: f64, tail: f64, random: &mut Random) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 2).expect("constant bounds");
    for _ in 0..10_000 {
        let waited = 1.0 + 0.12 * tail * -uniform(random).ln();
        histogram.saturating_record((typical_ns * (0.93 + 0.03 * gauss(random).abs()) * waited) as u64);
    }
    encode(&histogram)
}

/// Open loop at one rate: a queue with one server, overloaded above its capacity.
pub fn paced(one: &Variant, arrivals: Arrivals, rate_per_s: u64, repetition: u32, random: &mut Random) -> Record {
    let case = case(one, Measure::Paced, Placement::SameL3, 64).with(|p| {
        p.rate_per_s = Some(rate_per_s);
        p.arrivals = Some(arrivals);
        p.burst = (arrivals == Arrivals::Burst).then_some(64);
    });
    let noise = 1.0 + 0.02 * gauss(random);
    let capacity = 1e9 / (one.stream_ns + one.per_byte_ns * 64.0) * noise;
    let offered = rate_per_s as f64;
    let load = offered / capacity;
    let overloaded = load > 0.99;
    let waiting = match arrivals {
        Arrivals::Constant => 0.05,
        Arrivals::Poisson => 1.0,
        Arrivals::Burst => 20.0,
    };
    let (typical, tail) = if overloaded {
        (2e7 * (1.0 - 1.0 / load).max(0.01), 1.0)
    } else {
        (one.fixed_ns * noise * (1.0 + waiting * load / (1.0 - load).max(0.02)), 1.0 + 8.0 * load * (1.0 + waiting))
    };
    let achieved = offered.min(capacity);
    let mut outcome = outcome(
        &[
            (metric::LATENCY_NS, typical),
            (metric::OFFERED_PER_S, offered),
            (metric::MESSAGES_PER_S, achieved),
            (metric::CPU_NS_PER_MESSAGE, one.stream_ns),
        ],
        Some(queueing(typical, tail, random)),
    );
    if overloaded {
        outcome.verdict = Some(Verdict::Overloaded);
        outcome.why = Some(format!("{achieved:.0} of {offered:.0} messages per second got through"));
    }
    blank(case, repetition, outcome)
}

/// Variants under every load.
pub fn load_run(who: &[Variant], arrivals: &[Arrivals], repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for repetition in 0..repetitions {
        for one in who {
            for &arrivals in arrivals {
                records.extend(RATES.map(|rate| paced(one, arrivals, rate, repetition, &mut random)));
            }
        }
    }
    records
}

/// First message after a pause, which takes longer after a deep sleep of the CPU but not with polling.
pub fn wake_run(who: &[Variant], repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| who.iter().map(move |one| (repetition, one))) {
        for gap_ns in GAPS_NS {
            let slept = gap_ns as f64 > 20_000.0 && one.wait != Some(Wait::Spin);
            let deep = if slept { 4_800.0 + 9_000.0 * (gap_ns as f64 / 1e8).powf(0.3) } else { 0.0 };
            let ns = (one.fixed_ns + deep) * (1.0 + 0.02 * gauss(&mut random));
            let case = case(one, Measure::Wake, Placement::SameL3, 64).with(|p| p.gap_ns = Some(gap_ns));
            let histogram = queueing(ns, if polls(one) { 2.0 } else { 5.0 }, &mut random);
            records.push(blank(case, repetition, outcome(&[(metric::WAKE_NS, ns)], Some(histogram))));
        }
    }
    records
}

/// All patterns on two CPUs, some beside a hog; polling slows down with more roles than CPUs.
pub fn pattern_run(who: &[Variant], repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    let shapes = [1u32, 2, 4, 8].into_iter().flat_map(|k| [(k, 1, 1), (1, k, 1), (k, k, 1), (1, 1, k)]);
    let mut shapes: Vec<_> = shapes.flat_map(|shape| [(shape, 0), (shape, 1)]).collect();
    shapes.retain(|&((producers, consumers, _), hogs)| hogs == 0 || (producers, consumers) == (1, 1));
    shapes.sort_unstable();
    shapes.dedup();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| who.iter().map(move |one| (repetition, one))) {
        for &((producers, consumers, pairs), hogs) in &shapes {
            let roles = (producers + consumers) * pairs + hogs;
            let crowded = f64::from(roles) / 2.0;
            let lost = if roles <= 2 {
                1.0
            } else if polls(one) {
                9.0 * crowded
            } else {
                1.0 + 0.1 * crowded
            };
            let ns = one.stream_ns * lost * (1.0 + 0.02 * gauss(&mut random));
            let case = case(one, Measure::Stream, Placement::Spread, 64).with(|p| {
                p.pattern = Some(Pattern { senders: producers, receivers: consumers });
                p.pairs = (pairs > 1).then_some(pairs);
                p.hogs = (hogs > 0).then_some(hogs);
            });
            let rates = [(metric::MESSAGES_PER_S, 1e9 / ns), (metric::BYTES_PER_S, 64e9 / ns)];
            records.push(blank(case, repetition, outcome(&rates, None)));
        }
    }
    records
}

/// Set-up cost; shared memory on every substrate, with and without prefault.
pub fn set_up_run(who: &[Variant], repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| who.iter().map(move |one| (repetition, one))) {
        let variants: Vec<(Option<Substrate>, Option<bool>)> = match (one.mechanism, one.wait) {
            ("shm-spsc", Some(Wait::Spin)) => {
                Substrate::ALL.iter().flat_map(|&s| [(Some(s), Some(false)), (Some(s), Some(true))]).collect()
            }
            _ => vec![(one.substrate, None)],
        };
        for (substrate, prefault) in variants {
            let pages = if one.group == Group::SharedMemory { 42_000.0 } else { 900.0 };
            let (attach_pages, first_pages) = if prefault == Some(true) { (pages * 3.0, 0.0) } else { (0.0, pages) };
            let named = if substrate == Some(Substrate::PosixShm) { 14_000.0 } else { 0.0 };
            let mut stage = |ns: f64| ns * (1.0 + 0.02 * gauss(&mut random));
            let stages = [
                (metric::CREATE_NS, stage(6_000.0 + named)),
                (metric::ATTACH_NS, stage(11_000.0 + attach_pages)),
                (metric::FIRST_MESSAGE_NS, stage(one.fixed_ns + first_pages)),
                (metric::TEAR_DOWN_NS, stage(9_000.0 + pages * 0.4)),
            ];
            let mut metrics = stages.to_vec();
            metrics.push((metric::LATER_MESSAGE_NS, stage(one.fixed_ns)));
            metrics.push((metric::SET_UP_NS, stages.iter().map(|stage| stage.1).sum()));
            let case = case(one, Measure::SetUp, Placement::SameL3, 64).with(|p| {
                p.substrate = substrate;
                p.prefault = prefault;
            });
            records.push(blank(case, repetition, outcome(&metrics, None)));
        }
    }
    records
}

/// Streams in every touch mode; unread bytes cost nothing.
pub fn touch_run(who: &[Variant], repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| who.iter().map(move |one| (repetition, one))) {
        for bytes in [64, 4096, 65_536, 1 << 20] {
            for (touch, share) in [(Touch::All, 1.0f64), (Touch::Sample, 0.55), (Touch::None, 0.0)] {
                let zero_copy = one.group == Group::SharedMemory;
                let less =
                    Variant { per_byte_ns: one.per_byte_ns * if zero_copy { share } else { share.max(0.6) }, ..*one };
                let case = case(one, Measure::Stream, Placement::SameL3, bytes).with(|p| p.touch = Some(touch));
                records.push(measured(&less, case, repetition, &mut random));
            }
        }
    }
    records
}

/// Streams and loads at several depths: a deeper queue has a higher rate and longer waits.
pub fn depth_run(who: &[Variant], repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| who.iter().map(move |one| (repetition, one))) {
        for depth in [1u32, 4, 16, 64, 256, 1024] {
            let stalls = 1.0 + 6.0 / f64::from(depth);
            let slower = Variant { stream_ns: one.stream_ns * stalls, ..*one };
            let stream = case(one, Measure::Stream, Placement::SameL3, 64).with(|p| p.depth = Some(depth));
            records.push(measured(&slower, stream, repetition, &mut random));
            let mut open = paced(one, Arrivals::Poisson, 300_000, repetition, &mut random);
            open.case.params.depth = Some(depth);
            open.case_key = open.case.key();
            records.push(open);
        }
    }
    records
}
