//! Shared state and work queues.

use ipcmark_record::{Case, Group, Isolation, Measure, Pattern, Placement, Record, Wait, metric};
use ipcmark_reports::analyse::statistics::Random;

use super::{One, finish, noise, trial, with_waits};

pub const STATES: &[One] = &[
    state("manager", Group::SharedState, Wait::Block, Isolation::Process, 19_000.0),
    state("manager-epoll", Group::SharedState, Wait::Block, Isolation::Process, 15_000.0),
    state("shm-map-mutex", Group::SharedState, Wait::Park, Isolation::Process, 160.0),
    state("shm-map-rwlock", Group::SharedState, Wait::Hybrid, Isolation::Process, 140.0),
    state("shm-map-spin", Group::SharedState, Wait::Spin, Isolation::Process, 120.0),
    state("seqlock-cells", Group::SharedState, Wait::Spin, Isolation::Process, 31.0),
    state("shards", Group::SharedState, Wait::Spin, Isolation::Process, 26.0),
    state("mutex-map", Group::Threads, Wait::Hybrid, Isolation::Thread, 110.0),
    state("dashmap", Group::Threads, Wait::Hybrid, Isolation::Thread, 70.0),
    state("python-manager-dict", Group::Python, Wait::Block, Isolation::Process, 120_000.0),
];

pub const QUEUES: &[One] = &[
    queue("shm-mpmc", Group::WorkQueues, Wait::Park, Isolation::Process, 5_400.0),
    queue("shm-mpmc", Group::WorkQueues, Wait::Hybrid, Isolation::Process, 480.0),
    queue("pipe-locked", Group::WorkQueues, Wait::Block, Isolation::Process, 9_400.0),
    queue("posix-mq", Group::WorkQueues, Wait::Block, Isolation::Process, 7_200.0),
    queue("sysv-msg", Group::WorkQueues, Wait::Block, Isolation::Process, 7_000.0),
    queue("unix-seqpacket", Group::WorkQueues, Wait::Block, Isolation::Process, 8_800.0),
    queue("crossbeam-bounded", Group::Threads, Wait::Hybrid, Isolation::Thread, 420.0),
    queue("python-joinable-queue", Group::Python, Wait::Block, Isolation::Process, 96_000.0),
];

const fn state(mechanism: &'static str, group: Group, wait: Wait, isolation: Isolation, cost: f64) -> One {
    One { family: "shared_state", mechanism, group, wait: Some(wait), isolation, cost }
}

const fn queue(mechanism: &'static str, group: Group, wait: Wait, isolation: Isolation, cost: f64) -> One {
    One { family: "queue", ..state(mechanism, group, wait, isolation, cost) }
}

/// Trial with several users of one state.
pub fn access(one: &One, contenders: u32, reads_percent: u32, repetition: u32, random: &mut Random) -> Record {
    let case = Case { placement: Placement::Spread, ..one.case(Measure::Access) }.with(|p| {
        p.contenders = Some(contenders);
        p.reads_percent = Some(reads_percent);
        p.keys = Some(1024);
        p.message_bytes = Some(64);
    });
    let writes = 1.0 - f64::from(reads_percent) / 100.0;
    let ns = one.cost * (1.0 + 2.0 * writes) * noise(random);
    let mut metrics = vec![
        (metric::ACCESSES_PER_S, 1e9 / ns * f64::from(contenders).powf(0.3)),
        (metric::READ_P50_NS, ns),
        (metric::READ_P99_NS, ns * 6.0),
    ];
    if reads_percent < 100 {
        metrics.extend([(metric::WRITE_P50_NS, ns * 1.4), (metric::WRITE_P99_NS, ns * 9.0)]);
    }
    trial(case, repetition, &metrics)
}

/// Trial with producers and consumers of one queue.
pub fn drain(one: &One, sides: (u32, u32), repetition: u32, random: &mut Random) -> Record {
    let case = Case { placement: Placement::Spread, ..one.case(Measure::Drain) }.with(|p| {
        p.pattern = Some(Pattern { senders: sides.0, receivers: sides.1 });
        p.message_bytes = Some(64);
    });
    let ns = one.cost * noise(random);
    let mut metrics = vec![
        (metric::DRAIN_NS, ns * 3.0),
        (metric::MESSAGES_PER_S, 1e9 / ns),
        (metric::PUT_NS, ns * 0.3),
        (metric::GET_NS, ns * 0.4),
        (metric::PUT_FULL_NS, 40.0),
        (metric::GET_EMPTY_NS, 30.0),
    ];
    if one.mechanism != "sysv-msg" {
        metrics.push((metric::TIME_OUT_LATE_NS, 61_000.0));
    }
    with_waits(trial(case, repetition, &metrics), ns * 3.0, random)
}

/// All cases of shared state.
pub fn state_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| STATES.iter().map(move |one| (repetition, one))) {
        for (contenders, reads) in [1, 2, 4].into_iter().flat_map(|n| [0, 50, 90, 99, 100].map(|reads| (n, reads))) {
            records.push(access(one, contenders, reads, repetition, &mut random));
        }
    }
    finish(records, "How should processes of a made-up machine share state?")
}

/// All cases of work queues.
pub fn queue_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let each = (0..repetitions).flat_map(|repetition| QUEUES.iter().map(move |one| (repetition, one)));
    let records = each.flat_map(|(repetition, one)| {
        [(1, 1), (2, 2), (3, 1), (1, 3)].map(|sides| drain(one, sides, repetition, &mut random))
    });
    finish(records.collect(), "Through which queue should work go on a made-up machine?")
}
