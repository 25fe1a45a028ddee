//! Pools with a known cost per task, so that break-even and METG are known too.

use ipcmark_record::{
    Arrivals, Call, Case, Chunk, Group, Isolation, KillPoint, Measure, Placement, Record, Verdict, Wait, metric,
};
use ipcmark_reports::analyse::statistics::Random;

use super::{One, finish, noise, trial, with_waits};

pub const POOLS: &[One] = &[
    pool("serial", Group::Threads, None, Isolation::Thread, 3.0),
    pool("shm-queue", Group::Pools, Some(Wait::Spin), Isolation::Process, 210.0),
    pool("shm-queue", Group::Pools, Some(Wait::Hybrid), Isolation::Process, 260.0),
    pool("shm-queue", Group::Pools, Some(Wait::Park), Isolation::Process, 5_100.0),
    pool("shm-spsc", Group::Pools, Some(Wait::Hybrid), Isolation::Process, 240.0),
    pool("pipe-shared", Group::Pools, Some(Wait::Block), Isolation::Process, 9_800.0),
    pool("pipe-each", Group::Pools, Some(Wait::Block), Isolation::Process, 8_300.0),
    pool("seqpacket-each", Group::Pools, Some(Wait::Block), Isolation::Process, 9_000.0),
    pool("ipc-channel", Group::Pools, Some(Wait::Block), Isolation::Process, 21_000.0),
    pool("ipc-channel-router", Group::Pools, Some(Wait::Block), Isolation::Process, 39_000.0),
    pool("spawn-per-task", Group::Pools, Some(Wait::Block), Isolation::Process, 410_000.0),
    pool("crossbeam-threads", Group::Threads, Some(Wait::Hybrid), Isolation::Thread, 320.0),
    pool("rayon", Group::Threads, Some(Wait::Park), Isolation::Thread, 350.0),
    pool("thread-per-task", Group::Threads, Some(Wait::Block), Isolation::Thread, 24_000.0),
    pool("python-pool", Group::Python, Some(Wait::Block), Isolation::Process, 95_000.0),
    pool("python-thread-pool", Group::Python, Some(Wait::Block), Isolation::Thread, 61_000.0),
];

pub const GRAINS: [u64; 7] = [0, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

const fn pool(mechanism: &'static str, group: Group, wait: Option<Wait>, isolation: Isolation, cost: f64) -> One {
    One { family: "pool", mechanism, group, wait, isolation, cost }
}

/// Pool of a row.
pub fn named(row: &str) -> One {
    POOLS.iter().copied().find(|one| one.case(Measure::Dispatch).row() == row).expect("in the table")
}

/// Trial with two workers, with an overhead of `cost` per task at any grain.
pub fn dispatch(
    one: &One,
    call: Call,
    grain_ns: u64,
    chunk: Option<Chunk>,
    repetition: u32,
    random: &mut Random,
) -> Record {
    let case = Case { placement: Placement::Spread, ..one.case(Measure::Dispatch) }.with(|p| {
        p.workers = Some(2);
        p.call = Some(call);
        p.chunk = chunk;
        p.grain_ns = (grain_ns > 0).then_some(grain_ns);
        p.message_bytes = Some(64);
    });
    let at_once = match (call, chunk) {
        (Call::Apply, _) => 1.6,
        (Call::Map, Some(Chunk::Sixteen)) => 0.1,
        (Call::Map, Some(Chunk::Python | Chunk::Guided)) => 0.06,
        _ => 0.5,
    };
    let (grain, overhead) = (grain_ns as f64, one.cost * at_once * noise(random));
    let serial = one.mechanism == "serial";
    let workers = if serial || call == Call::Apply { 1.0 } else { 2.0 };
    // All workers run in parallel, each with the overhead beside its work.
    let worker_ns = overhead * workers + grain;
    let task_ns = worker_ns / workers;
    let efficiency = grain / if serial { task_ns } else { 2.0 * task_ns };
    let metrics = [
        (metric::TASK_NS, task_ns),
        (metric::TASKS_PER_S, 1e9 / task_ns),
        (metric::TASK_OVERHEAD_NS, 2.0 * task_ns - grain),
        (metric::EFFICIENCY, efficiency),
        (metric::SUBMIT_TO_START_NS, overhead * 0.52),
        (metric::FINISH_TO_VISIBLE_NS, overhead * 0.37),
    ];
    let record = trial(case, repetition, &metrics);
    if call == Call::Apply { with_waits(record, task_ns, random) } else { record }
}

fn about_the_pool(one: &One, repetition: u32, random: &mut Random) -> Vec<Record> {
    let case = |measure| Case { placement: Placement::Spread, ..one.case(measure) }.with(|p| p.workers = Some(2));
    let start = if one.isolation == Isolation::Process { 900_000.0 } else { 60_000.0 } * noise(random);
    let busy = if matches!(one.wait, Some(Wait::Spin)) { 2e9 } else { 80_000.0 };
    let set_up = [
        (metric::SET_UP_NS, start + one.cost),
        (metric::TEAR_DOWN_NS, start * 0.3),
        (metric::TERMINATE_NS, start * 0.2),
        (metric::PSS_BYTES_PER_WORKER, 1.3e6),
    ];
    let mut records = vec![
        trial(case(Measure::SetUp), repetition, &set_up),
        trial(case(Measure::Idle), repetition, &[(metric::IDLE_CPU_NS_PER_S, busy * noise(random))]),
    ];
    if one.isolation == Isolation::Process {
        let killed = [
            (metric::RECOVERY_NS, 240_000.0 * noise(random)),
            (metric::RECOVERED_SHARE, 1.0),
            (metric::TASKS_LOST, 1.0),
            (metric::TASKS_RETRIED, 0.0),
        ];
        records.push(trial(
            case(Measure::Recover).with(|p| p.kill_point = Some(KillPoint::Holding)),
            repetition,
            &killed,
        ));
    }
    for rate in [1_000u64, 10_000, 100_000] {
        let paced = case(Measure::Paced).with(|p| {
            p.rate_per_s = Some(rate);
            p.arrivals = Some(Arrivals::Poisson);
            p.message_bytes = Some(64);
        });
        let mut record =
            trial(paced, repetition, &[(metric::LATENCY_NS, one.cost * 1.8), (metric::MESSAGES_PER_S, rate as f64)]);
        if rate as f64 > 1e9 / one.cost {
            record.outcome.verdict = Some(Verdict::Overloaded);
        }
        records.push(record);
    }
    records
}

/// All cases of pools.
pub fn pool_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| POOLS.iter().map(move |one| (repetition, one))) {
        for call in [Call::Apply, Call::ApplyAsync, Call::Map] {
            records.push(dispatch(one, call, 0, None, repetition, &mut random));
        }
        for grain_ns in &GRAINS[1..] {
            records.push(dispatch(one, Call::ApplyAsync, *grain_ns, None, repetition, &mut random));
        }
        if one.mechanism == "serial" {
            continue;
        }
        for chunk in [Chunk::Sixteen, Chunk::Python, Chunk::Guided] {
            records.push(dispatch(one, Call::Map, 0, Some(chunk), repetition, &mut random));
        }
        records.extend(about_the_pool(one, repetition, &mut random));
    }
    finish(records, "Which pool should share out the tasks of a made-up machine?")
}
