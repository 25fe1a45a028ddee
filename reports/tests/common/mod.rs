//! Synthetic records for tests, computed by formulas with a seed. The host is called `synthetic`, so that no page is
//! mistaken for a measurement.

pub mod chance;
pub mod families;
pub mod field;
pub mod locks;
pub mod machine;
pub mod sweeps;

use std::fs;
use std::sync::Arc;

pub use chance::{encode, gauss, uniform};
use ipcmark_record::{
    Case, CostModel, Count, Counts, Group, Isolation, Measure, Metrics, Noise, Outcome, PairedFloor, Placement, Record,
    RoleCost, SCHEMA, Status, Substrate, Verdict, Wait, Window, metric,
};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{Recording, write};

use chance::{latencies, with_percentiles};
use machine::{machine, suite};

/// Recording without bad lines.
pub fn recording(records: Vec<Record>) -> Recording {
    Recording { records, bad_lines: Vec::new() }
}

/// Page of `records` with decoded characters.
pub fn page(records: Vec<Record>) -> String {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let path = write(&recording(records), dir.path()).expect("a page").page;
    let page = fs::read_to_string(path).expect("the page");
    // Packed tables may contain any three letters.
    let mut readable = page.split("data-csv=\"").map(|part| part.split_once('"').map_or(part, |(_, rest)| rest));
    assert!(!readable.any(|part| part.contains("NaN") || part.contains("inf\"")), "not a number");
    page.replace("&#x2f;", "/").replace("&#x27;", "'").replace('\u{202f}', " ")
}

/// Answer at the top of a page, without markup.
pub fn answer(page: &str) -> String {
    let answer = page.split("<div class=\"answer\">").nth(1).and_then(|rest| rest.split("</div>").next());
    let mut plain = String::new();
    for part in answer.expect("an answer").replace("</p>", " ").split('<') {
        plain.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    plain
}

/// Variant with the parameters of its formula.
#[derive(Clone, Copy)]
pub struct Variant {
    pub mechanism: &'static str,
    pub group: Group,
    pub wait: Option<Wait>,
    pub isolation: Isolation,
    pub substrate: Option<Substrate>,
    /// One-way cost of an empty message.
    pub fixed_ns: f64,
    pub per_byte_ns: f64,
    /// Cost of an empty message in a stream.
    pub stream_ns: f64,
}

pub const SIZES: [u64; 6] = [8, 64, 1024, 16 * 1024, 64 * 1024, 1 << 20];

/// Variants of the quick plan.
pub fn variants() -> Vec<Variant> {
    let shm = |mechanism, wait, substrate, fixed_ns, stream_ns| Variant {
        mechanism,
        group: Group::SharedMemory,
        wait: Some(wait),
        isolation: Isolation::Process,
        substrate: Some(substrate),
        fixed_ns,
        per_byte_ns: 0.12,
        stream_ns,
    };
    let kernel = |mechanism, group, fixed_ns, per_byte_ns, stream_ns| Variant {
        mechanism,
        group,
        wait: Some(Wait::Block),
        isolation: Isolation::Process,
        substrate: None,
        fixed_ns,
        per_byte_ns,
        stream_ns,
    };
    let thread = |mechanism, group, wait, fixed_ns, per_byte_ns, stream_ns| Variant {
        wait,
        isolation: Isolation::Thread,
        ..kernel(mechanism, group, fixed_ns, per_byte_ns, stream_ns)
    };
    vec![
        thread("null", Group::Instrument, None, 4.0, 0.05, 4.0),
        kernel("pipe", Group::Pipes, 4_800.0, 0.35, 900.0),
        kernel("unix-stream", Group::Sockets, 5_900.0, 0.42, 1_300.0),
        kernel("ipc-channel", Group::Libraries, 8_700.0, 0.61, 4_100.0),
        thread("crossbeam-bounded", Group::Threads, Some(Wait::Hybrid), 210.0, 0.2, 70.0),
        shm("shm-mailbox", Wait::Spin, Substrate::Memfd, 108.0, 110.0),
        shm("shm-mailbox", Wait::Hybrid, Substrate::Memfd, 131.0, 140.0),
        shm("shm-mailbox", Wait::Park, Substrate::Memfd, 5_100.0, 5_000.0),
        shm("shm-spsc", Wait::Spin, Substrate::Memfd, 101.0, 14.0),
        shm("shm-spsc", Wait::Spin, Substrate::PosixShm, 102.0, 14.3),
        shm("shm-spsc", Wait::Hybrid, Substrate::Memfd, 126.0, 19.0),
        shm("shm-spsc", Wait::Park, Substrate::Memfd, 5_000.0, 260.0),
    ]
}

/// Case of a variant.
pub fn case(one: &Variant, measure: Measure, placement: Placement, bytes: u64) -> Case {
    Case {
        group: Some(one.group),
        isolation: one.isolation,
        wait: one.wait,
        placement,
        ..Case::new("transport", one.mechanism, measure)
    }
    .with(|p| {
        p.substrate = one.substrate;
        p.message_bytes = Some(bytes);
        p.depth = Some(64);
        p.connections = Some(2);
    })
}

/// Whole run: every variant, size and measure on two CPUs and on one, and a sentinel with ten more repetitions.
pub fn quick_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for repetition in 0..repetitions {
        for one in variants() {
            for placement in [Placement::SameL3, Placement::SameCpu] {
                for (bytes, measure) in SIZES.into_iter().flat_map(|s| [(s, Measure::RoundTrip), (s, Measure::Stream)])
                {
                    records.extend(trial(&one, case(&one, measure, placement, bytes), repetition, &mut random));
                }
            }
            records.push(seen(&one, case(&one, Measure::CostModel, Placement::SameL3, SIZES[0]), repetition));
        }
    }
    let sentinel = variants()[1];
    for repetition in repetitions..repetitions + 10 {
        let case = case(&sentinel, Measure::RoundTrip, Placement::SameL3, SIZES[0]);
        records.insert(
            records.len() / 10 * (repetition - repetitions) as usize,
            measured(&sentinel, case, repetition, &mut random),
        );
    }
    for (order, record) in records.iter_mut().enumerate() {
        record.order_in_run = u32::try_from(order).expect("few records");
    }
    records
}

/// Trial as in a plan: a single thread has one CPU, and two polling roles need two.
fn trial(one: &Variant, case: Case, repetition: u32, random: &mut Random) -> Option<Record> {
    match (one.mechanism, case.placement) {
        ("null", Placement::SameL3) => None,
        ("null", _) => Some(Record { cpus: vec![0], ..measured(one, case, repetition, random) }),
        (_, Placement::SameCpu) if one.wait == Some(Wait::Spin) => {
            Some(skipped(case, repetition, "two polling roles need two CPUs"))
        }
        _ => Some(measured(one, case, repetition, random)),
    }
}

/// Record without measurements.
pub fn blank(case: Case, repetition: u32, outcome: Outcome) -> Record {
    Record {
        schema: SCHEMA,
        run_id: "synthetic-run".into(),
        suite: Arc::new(suite()),
        machine: Arc::new(machine()),
        case_key: case.key(),
        case,
        repetition,
        attempt: 0,
        added: false,
        order_in_run: 0,
        started_at: "2000-01-01T00:00:00Z".into(),
        ended_at: "2000-01-01T00:00:01Z".into(),
        cpus: vec![0, 1],
        count: Count { messages: 100_000, chosen_by: "time".into() },
        warm_up_ns: 30_000_000,
        noise: Noise::default(),
        outcome: with_percentiles(outcome),
    }
}

pub fn skipped(case: Case, repetition: u32, why: &str) -> Record {
    blank(case, repetition, Outcome::skipped(why))
}

pub fn failed(case: Case, repetition: u32, why: &str) -> Record {
    blank(case, repetition, Outcome::failed(why))
}

/// Trial by the formula, with noise of its repetition and windows.
pub fn measured(one: &Variant, case: Case, repetition: u32, random: &mut Random) -> Record {
    let bytes = case.params.message_bytes.unwrap_or(0) as f64;
    let one_cpu = case.placement == Placement::SameCpu;
    let repetition_noise = 1.0 + 0.02 * gauss(random);
    let (typical_ns, floor) = match case.measure {
        Measure::RoundTrip => (2.0 * (one.fixed_ns + one.per_byte_ns * bytes), 190.0),
        _ => ((one.stream_ns.powi(2) + (one.per_byte_ns * bytes).powi(2)).sqrt(), 7.0 + 0.1 * bytes),
    };
    let typical_ns = typical_ns * repetition_noise * if one_cpu { 0.8 } else { 1.0 };
    let polls = polls(one);
    let mut metrics = Metrics::new();
    let mut histogram = None;
    if case.measure == Measure::RoundTrip {
        metrics.insert(metric::ROUND_TRIP_NS.into(), typical_ns);
        histogram = Some(latencies(typical_ns, random));
    } else {
        metrics.insert(metric::MESSAGES_PER_S.into(), 1e9 / typical_ns);
        metrics.insert(metric::BYTES_PER_S.into(), bytes * 1e9 / typical_ns);
    }
    metrics.insert(metric::CPU_NS_PER_MESSAGE.into(), typical_ns * if polls { 1.0 } else { 0.6 });
    let windows = (0..8u64).map(|index| Window {
        start_ns: index * 7_000_000,
        elapsed_ns: (5_000.0 * typical_ns * (1.0 + 0.01 * gauss(random))) as u64,
        messages: 5_000,
    });
    let outcome = Outcome {
        status: Status::Measured,
        verdict: Some(Verdict::Stable),
        why: None,
        metrics: Some(metrics),
        windows: Some(windows.collect()),
        histogram,
        floor: (one.mechanism != "null").then(|| PairedFloor {
            name: "two_line_round_trip".into(),
            ns: floor * repetition_noise,
            reference: false,
            line_round_trip_ns: None,
            transfer_serial_ns: None,
            futex_hop_ns: None,
        }),
        roles: Some(roles(polls, typical_ns)),
        cost_model: Some(cost_model(one, bytes)),
        ..Outcome::skipped("")
    };
    blank(case, repetition, outcome)
}

/// Whether it polls, at least for a while.
pub fn polls(one: &Variant) -> bool {
    let busy = matches!(one.wait, Some(Wait::Spin | Wait::SpinYield | Wait::Busy | Wait::Hybrid));
    busy || one.isolation == Isolation::Thread && one.wait.is_none()
}

/// Untimed pass that agrees with the declared counts, except for one extra system call of `ipc-channel`.
pub fn seen(one: &Variant, case: Case, repetition: u32) -> Record {
    let declared = cost_model(one, case.params.message_bytes.unwrap_or(0) as f64);
    let stray = if one.mechanism == "ipc-channel" { 1.0 } else { 0.0 };
    let both = |count: fn(&Counts) -> f64| count(&declared.sender) + count(&declared.receiver);
    let metrics = Metrics::from([
        ("pinger_system_calls".into(), both(|counts| counts.system_calls) + stray),
        ("ponger_system_calls".into(), both(|counts| counts.system_calls) + 0.001),
        ("ponger_context_switches".into(), both(|counts| counts.context_switches)),
    ]);
    let mut record = blank(case, repetition, Outcome::skipped(""));
    record.outcome = Outcome {
        status: Status::Measured,
        verdict: Some(if stray > 0.0 { Verdict::Noisy } else { Verdict::Stable }),
        why: (stray > 0.0).then(|| "the pinger shows 3.00 system calls a message where 2.00 are declared".into()),
        metrics: Some(metrics),
        roles: Some(roles(true, 100.0)),
        cost_model: Some(declared),
        ..record.outcome
    };
    record
}

fn cost_model(one: &Variant, bytes: f64) -> CostModel {
    let moved_bytes = if bytes > 56.0 { bytes } else { 0.0 };
    match (one.mechanism, one.wait) {
        ("null", _) => CostModel::default(),
        _ if polls(one) => CostModel {
            sender: Counts::default(),
            receiver: Counts { line_transfers: 1.0, moved_bytes, ..Counts::default() },
            ..CostModel::default()
        },
        _ if one.group == Group::SharedMemory => CostModel {
            sender: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            receiver: Counts {
                system_calls: 1.0,
                context_switches: 1.0,
                line_transfers: 1.0,
                moved_bytes,
                ..Counts::default()
            },
            ..CostModel::default()
        },
        _ => CostModel {
            sender: Counts { system_calls: 1.0, copied_bytes: bytes, wakes: 1.0, ..Counts::default() },
            receiver: Counts { system_calls: 1.0, copied_bytes: bytes, context_switches: 1.0, ..Counts::default() },
            ..CostModel::default()
        },
    }
}

fn roles(polls: bool, typical_ns: f64) -> Vec<RoleCost> {
    let wall_ns = (typical_ns * 100_000.0) as u64;
    let running_ns = if polls { wall_ns } else { wall_ns * 6 / 10 };
    let ready_ns = if polls { 0 } else { wall_ns / 20 };
    let role = |(index, role): (u32, &str)| RoleCost {
        role: role.into(),
        cpu: Some(index),
        messages: 100_000,
        wall_ns,
        user_ns: running_ns / if polls { 1 } else { 5 },
        system_ns: if polls { 0 } else { running_ns * 4 / 5 },
        voluntary_switches: if polls { 0 } else { 100_000 },
        involuntary_switches: 3,
        minor_faults: 2,
        major_faults: 0,
        running_ns,
        ready_ns,
        blocked_ns: wall_ns - running_ns - ready_ns,
        ..RoleCost::default()
    };
    [(0, "pinger"), (1, "ponger")].into_iter().map(role).collect()
}
