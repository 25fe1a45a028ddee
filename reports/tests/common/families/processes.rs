//! Start, supervision and end of processes, isolation of memory, and parallel work.

use ipcmark_record::{Case, Ending, Group, Isolation, Measure, Outcome, Placement, Record, RoleCost, metric};
use ipcmark_reports::analyse::statistics::Random;

use super::{One, finish, noise, trial, with_waits};

pub const WAYS: &[One] = &[
    way("thread", Group::Processes, Isolation::Thread, 21_000.0),
    way("fork", Group::Processes, Isolation::Process, 130_000.0),
    way("clone3", Group::Processes, Isolation::Process, 125_000.0),
    way("zygote", Group::Processes, Isolation::Process, 190_000.0),
    way("fork-exec", Group::Processes, Isolation::Process, 720_000.0),
    way("vfork-exec", Group::Processes, Isolation::Process, 560_000.0),
    way("posix-spawn", Group::Processes, Isolation::Process, 580_000.0),
    way("command", Group::Processes, Isolation::Process, 640_000.0),
    way("posix-spawn-bare", Group::Processes, Isolation::Process, 575_000.0),
    way("python-fork", Group::Python, Isolation::Process, 2_600_000.0),
    way("python-spawn", Group::Python, Isolation::Process, 61_000_000.0),
];

const fn way(mechanism: &'static str, group: Group, isolation: Isolation, cost: f64) -> One {
    One { family: "launch", mechanism, group, wait: None, isolation, cost }
}

/// Start-up trial of one variant.
pub fn start_up(one: &One, resident_mib: u64, at_once: Option<u32>, repetition: u32, random: &mut Random) -> Record {
    let case = one.case(Measure::StartUp).with(|p| {
        p.parent_rss_bytes = Some(resident_mib << 20);
        p.batch = at_once;
    });
    let copies = matches!(one.mechanism, "fork" | "fork-exec" | "clone3" | "python-fork");
    let tables = if copies { resident_mib as f64 * 9_000.0 } else { 0.0 };
    let word = (one.cost + tables) * noise(random);
    let metrics = [
        (metric::CALL_NS, if one.mechanism.contains("vfork") { word * 1.02 } else { word * 0.3 + tables }),
        (metric::START_UP_NS, word),
        (metric::MESSAGE_NS, word + 14_000.0),
        (metric::EXIT_NS, one.cost * 0.4),
        (metric::REAP_NS, if one.isolation == Isolation::Process { 9_000.0 } else { 0.0 }),
        (metric::LIFE_NS, word + one.cost * 0.4 + 23_000.0),
        (metric::STARTS_PER_S, 1e9 / (word * 1.4) * f64::from(at_once.unwrap_or(1)).powf(0.4)),
    ];
    with_waits(trial(case, repetition, &metrics), word, random)
}

fn watch(repetition: u32, random: &mut Random) -> Vec<Record> {
    let ways = [("waitpid", 22_000.0), ("waitpid-timeout", 480_000.0), ("signalfd", 31_000.0), ("pidfd", 27_000.0)];
    let endings = [Ending::Exit, Ending::Terminate, Ending::Kill, Ending::Zombie];
    let all = ways.into_iter().flat_map(|way| endings.map(|ending| (way, ending)));
    let ends = all.chain([
        (("join", 12_000.0), Ending::Exit),
        (("pidfd", 60_000.0), Ending::Daemon),
        (("pidfd", 8_000.0), Ending::Orphan),
    ]);
    ends.map(|((mechanism, cost), ending)| {
        let isolation = if mechanism == "join" { Isolation::Thread } else { Isolation::Process };
        let one = One { family: "launch", mechanism, group: Group::Processes, wait: None, isolation, cost };
        let ns = if ending == Ending::Zombie { 2_500.0 } else { cost } * noise(random);
        // A zombie ended long ago, so its detection has no time.
        let known = if ending == Ending::Zombie { metric::REAP_NS } else { metric::NOTICE_NS };
        let metrics = [(known, ns), (metric::ALIVE_NS, 310.0)];
        with_waits(trial(one.case(Measure::Watch).with(|p| p.ending = Some(ending)), repetition, &metrics), ns, random)
    })
    .collect()
}

fn first_write(repetition: u32, random: &mut Random) -> Vec<Record> {
    let memory = [
        ("after-fork", Isolation::Process, 1_150.0, "what the child writes the parent does not see"),
        ("shared-mapping", Isolation::Process, 240.0, "what the child writes the parent sees"),
        ("thread", Isolation::Thread, 14.0, "what one thread writes the other sees"),
    ];
    memory
        .map(|(mechanism, isolation, cost, said)| {
            let one = One { family: "isolation", mechanism, group: Group::Processes, wait: None, isolation, cost };
            let metrics =
                [(metric::FIRST_WRITE_NS, cost * noise(random)), (metric::LATER_WRITE_NS, 2.1 * noise(random))];
            let record = trial(one.case(Measure::FirstWrite), repetition, &metrics);
            Record { outcome: Outcome { why: Some(said.into()), ..record.outcome }, ..record }
        })
        .into()
}

fn parallel(repetition: u32, random: &mut Random) -> Vec<Record> {
    let mut records = Vec::new();
    for (mechanism, isolation, placement) in [Isolation::Process, Isolation::Thread].into_iter().flat_map(|isolation| {
        let both = [Placement::SameCpu, Placement::SameL3];
        both.into_iter().flat_map(move |at| [("independent", isolation, at), ("alternating", isolation, at)])
    }) {
        let one = One { family: "concurrency", mechanism, group: Group::Processes, wait: None, isolation, cost: 0.0 };
        let (apart, alternates) = (placement != Placement::SameCpu, mechanism == "alternating");
        let speed_up = if apart && !alternates { 1.94 } else { 0.96 } * noise(random);
        let case = Case { placement, ..one.case(Measure::Parallel) }.with(|p| p.grain_ns = Some(100_000));
        let metrics = [(metric::WORK_NS, 1e8 / speed_up), (metric::SPEED_UP, speed_up)];
        let shares = match (apart, alternates) {
            (true, false) => [98, 1, 1],
            (false, false) => [49, 50, 1],
            (_, true) => [48, 4, 48],
        };
        let role = |name: &str| RoleCost {
            role: name.into(),
            messages: 1_000,
            running_ns: shares[0] * 1_000_000,
            ready_ns: shares[1] * 1_000_000,
            blocked_ns: shares[2] * 1_000_000,
            ..RoleCost::default()
        };
        let mut record = trial(case, repetition, &metrics);
        record.outcome.roles = Some(vec![role("first"), role("second")]);
        records.push(record);
    }
    records
}

/// All cases of processes.
pub fn process_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for repetition in 0..repetitions {
        for one in WAYS {
            records.extend([0, 100, 1024].map(|mib| start_up(one, mib, None, repetition, &mut random)));
            records.extend([8, 64].map(|n| start_up(one, 0, Some(n), repetition, &mut random)));
        }
        records.extend(watch(repetition, &mut random));
        records.extend(first_write(repetition, &mut random));
        records.extend(parallel(repetition, &mut random));
    }
    finish(records, "What does it cost to start a process on a made-up machine?")
}
