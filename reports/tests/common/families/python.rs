//! Python and its counterparts in one run.

use ipcmark_record::{Call, Group, Isolation, Measure, Placement, Record, Service, Wait};
use ipcmark_reports::analyse::statistics::Random;

use super::{finish, pools, processes, servers, states};
use crate::common::locks::{Asked, acquire, contention, named};
use crate::common::{Variant, case, measured};

/// Channel with this cost per message.
fn channel(mechanism: &'static str, group: Group, wait: Wait, fixed_ns: f64) -> Variant {
    Variant {
        mechanism,
        group,
        wait: Some(wait),
        isolation: Isolation::Process,
        substrate: None,
        fixed_ns,
        per_byte_ns: 0.1,
        stream_ns: fixed_ns * 0.4,
    }
}

/// All cases of Python and its counterparts.
pub fn python_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let random = &mut random;
    let mut records = Vec::new();
    let channels = [
        channel("pipe", Group::Pipes, Wait::Block, 4_800.0),
        channel("shm-mpmc", Group::SharedMemory, Wait::Hybrid, 140.0),
        channel("shm-spsc", Group::SharedMemory, Wait::Hybrid, 120.0),
        channel("python-pipe", Group::Python, Wait::Block, 11_000.0),
        channel("python-queue", Group::Python, Wait::Block, 34_000.0),
        channel("python-shared-memory", Group::Python, Wait::Block, 29_000.0),
    ];
    for repetition in 0..repetitions {
        for (one, measure, bytes) in channels.iter().flat_map(|one| {
            [Measure::RoundTrip, Measure::Stream].into_iter().flat_map(move |it| [(one, it, 64), (one, it, 65_536)])
        }) {
            records.push(measured(one, case(one, measure, Placement::SameL3, bytes), repetition, random));
        }
        for mechanism in ["futex-mutex", "pthread-normal"] {
            records.push(acquire(&named(mechanism), repetition, random));
            let asked = Asked { contenders: 2, critical_section_ns: 0, think_time_ns: 0, hogs: 0 };
            records.push(contention(&named(mechanism), asked, repetition, random));
            let mut slow = [
                acquire(&named(mechanism), repetition, random),
                contention(&named(mechanism), asked, repetition, random),
            ];
            for record in slow.iter_mut().filter(|_| mechanism == "futex-mutex") {
                record.case.mechanism = "python-lock".into();
                record.case.group = Some(Group::Python);
                record.case.program = Some("python".into());
                record.case_key = record.case.key();
                for (name, value) in record.outcome.metrics.iter_mut().flatten() {
                    *value *= if name.ends_with("per_s") { 0.02 } else { 50.0 };
                }
                records.push(record.clone());
            }
        }
        for row in [
            "shm-queue/hybrid",
            "pipe-shared/block",
            "crossbeam-threads/hybrid",
            "python-pool/block",
            "python-thread-pool/block",
        ] {
            for call in [Call::Apply, Call::ApplyAsync, Call::Map] {
                records.push(pools::dispatch(&pools::named(row), call, 0, None, repetition, random));
            }
        }
        records.extend(states::STATES.iter().map(|one| states::access(one, 2, 90, repetition, random)));
        records.extend(states::QUEUES.iter().map(|one| states::drain(one, (1, 1), repetition, random)));
        records.extend(processes::WAYS.iter().map(|one| processes::start_up(one, 0, None, repetition, random)));
        records.extend(servers::SERVERS.iter().map(|one| servers::serve(one, 8, Service::Echo, repetition, random)));
    }
    finish(records, "What would I gain over Python's multiprocessing on a made-up machine?")
}
