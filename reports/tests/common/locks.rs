//! Synthetic records of locks: rates after the universal scalability law, waits of a queue with one server.

use std::sync::Arc;

use hdrhistogram::Histogram;
use ipcmark_record::{
    Case, ContenderShare, Contest, CostModel, Counts, Fairness, Group, Isolation, KillPoint, Measure, Metrics, Outcome,
    Placement, Record, Spacing, Status, Stock, Verdict, Wait, Window, metric,
};
use ipcmark_reports::analyse::statistics::Random;

use super::{blank, encode, gauss, uniform};

/// Lock with the parameters of its formulas.
#[derive(Clone, Copy)]
pub struct Lock {
    pub group: Group,
    pub mechanism: &'static str,
    pub wait: Option<Wait>,
    pub isolation: Isolation,
    /// Uncontended acquire.
    pub free_ns: f64,
    /// Contention and coherence.
    pub sigma: f64,
    pub kappa: f64,
    /// Share of acquisitions by the previous holder.
    pub same: f64,
    /// Factor on the rate for each doubling of contenders beyond the CPUs.
    pub crowded: f64,
    /// Recovery time and whether the death is reported; `None` if it never recovers.
    pub recovers: Option<(f64, bool)>,
}

pub const LOCKS: &[Lock] = &[
    lock(Group::Atomics, "no-lock", None, 0.5, [0.1, 0.0], 0.9, 1.0, None),
    lock(Group::Atomics, "fetch-add", None, 4.5, [1.4, 0.01], 0.5, 1.0, None),
    lock(Group::Atomics, "compare-swap", None, 4.6, [1.6, 0.05], 0.5, 0.9, None),
    lock(Group::SpinLocks, "ttas", Some(Wait::Spin), 5.4, [2.0, 0.5], 0.93, 0.4, None),
    lock(Group::SpinLocks, "ticket", Some(Wait::Spin), 5.6, [3.0, 0.9], 0.02, 0.01, None),
    lock(Group::SpinLocks, "mcs", Some(Wait::Spin), 9.1, [2.6, 0.02], 0.02, 0.01, None),
    lock(Group::FutexLocks, "futex-mutex", Some(Wait::Park), 9.6, [2.4, 0.1], 0.9, 0.95, None),
    lock(Group::FutexLocks, "futex-adaptive", Some(Wait::Hybrid), 9.7, [2.1, 0.08], 0.88, 0.9, None),
    lock(Group::FutexLocks, "futex-fair", Some(Wait::Park), 11.0, [40.0, 0.4], 0.05, 0.8, None),
    lock(Group::PthreadLocks, "pthread-normal", Some(Wait::Park), 12.0, [2.7, 0.1], 0.91, 0.95, None),
    lock(Group::PthreadLocks, "pthread-robust", Some(Wait::Park), 19.0, [3.1, 0.1], 0.9, 0.95, Some((62_000.0, true))),
    lock(Group::Semaphores, "sem-sysv-undo", Some(Wait::Block), 190.0, [1.5, 0.2], 0.5, 0.9, Some((48_000.0, false))),
    lock(Group::FileLocks, "flock", Some(Wait::Block), 420.0, [1.2, 0.3], 0.4, 0.9, Some((55_000.0, false))),
    lock(Group::ReadMostly, "seqlock", Some(Wait::Spin), 6.0, [1.2, 0.01], 0.7, 0.4, None),
    lock(Group::Threads, "std-mutex", Some(Wait::Park), 8.8, [2.2, 0.1], 0.9, 0.95, None),
];

#[allow(clippy::too_many_arguments)] // a row of a table
const fn lock(
    group: Group,
    mechanism: &'static str,
    wait: Option<Wait>,
    free_ns: f64,
    [sigma, kappa]: [f64; 2],
    same: f64,
    crowded: f64,
    recovers: Option<(f64, bool)>,
) -> Lock {
    let isolation = if matches!(group, Group::Threads) { Isolation::Thread } else { Isolation::Process };
    Lock { group, mechanism, wait, isolation, free_ns, sigma, kappa, same, crowded, recovers }
}

impl Lock {
    pub fn case(&self, measure: Measure, placement: Placement) -> Case {
        Case {
            group: Some(self.group),
            wait: self.wait,
            isolation: self.isolation,
            placement,
            ..Case::new("lock", self.mechanism, measure)
        }
    }

    pub fn is_lock(&self) -> bool {
        self.wait.is_some()
    }

    /// Acquisitions a second of `n` contenders on two CPUs.
    pub fn rate(&self, n: u32, critical_section_ns: u64, think_time_ns: u64) -> f64 {
        let n = f64::from(n);
        let alone = 1e9 / (self.free_ns + 4.0 + (critical_section_ns + think_time_ns) as f64);
        let law = alone * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0));
        if n > 2.0 { law * self.crowded.powf((n / 2.0).log2()) } else { law }
    }

    fn cost_model(&self, measure: Measure) -> CostModel {
        if measure == Measure::Acquire {
            return CostModel { sender: Counts { atomics: 2.0, ..Counts::default() }, ..CostModel::default() };
        }
        let sleeps = matches!(self.wait, Some(Wait::Park | Wait::Block));
        let calls = if sleeps { 1.0 } else { 0.0 };
        let only = if self.wait == Some(Wait::Block) { 0.0 } else { calls };
        let each = Counts { system_calls: calls, calls_to_sleep: only, ..Counts::default() };
        CostModel {
            sender: Counts { wakes: calls, ..each.clone() },
            receiver: Counts { context_switches: calls, line_transfers: 2.0, ..each },
            ..CostModel::default()
        }
    }
}

/// Lock with this name.
pub fn named(mechanism: &str) -> Lock {
    LOCKS.iter().copied().find(|lock| lock.mechanism == mechanism).expect("in the table")
}

fn outcome(lock: &Lock, measure: Measure, metrics: &[(&str, f64)]) -> Outcome {
    Outcome {
        status: Status::Measured,
        verdict: Some(Verdict::Stable),
        metrics: Some(metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect::<Metrics>()),
        cost_model: Some(lock.cost_model(measure)),
        why: None,
        ..Outcome::skipped("")
    }
}

fn noise(random: &mut Random) -> f64 {
    1.0 + 0.02 * gauss(random)
}

/// Uncontended trial on two CPUs.
pub fn acquire(lock: &Lock, repetition: u32, random: &mut Random) -> Record {
    let ns = lock.free_ns * noise(random);
    let remote = if lock.mechanism == "mcs" { -3.0 } else { ns + 60.0 };
    let metrics = [(metric::ACQUIRE_NS, ns), (metric::ACQUIRE_REMOTE_NS, remote), (metric::TRY_LOCK_NS, ns * 0.97)];
    blank(lock.case(Measure::Acquire, Placement::SameL3), repetition, outcome(lock, Measure::Acquire, &metrics))
}

/// Parameters of a contention trial.
#[derive(Clone, Copy)]
pub struct Asked {
    pub contenders: u32,
    pub critical_section_ns: u64,
    pub think_time_ns: u64,
    pub hogs: u32,
}

/// Contended trial.
pub fn contention(lock: &Lock, asked: Asked, repetition: u32, random: &mut Random) -> Record {
    let Asked { contenders, critical_section_ns, think_time_ns, hogs } = asked;
    let case = lock.case(Measure::Contention, Placement::Spread).with(|p| {
        p.contenders = Some(contenders);
        p.critical_section_ns = (critical_section_ns > 0).then_some(critical_section_ns);
        p.think_time_ns = (think_time_ns > 0).then_some(think_time_ns);
        p.spacing = (think_time_ns > 0).then_some(Spacing::Exponential);
        p.hogs = (hogs > 0).then_some(hogs);
    });
    let beside = if hogs > 0 { 0.55 * lock.crowded } else { 1.0 };
    let rate = lock.rate(contenders, critical_section_ns, think_time_ns) * beside * noise(random);
    let rho =
        f64::from(contenders) * (critical_section_ns + 8) as f64 / (critical_section_ns + 8 + think_time_ns) as f64;
    let wait_ns = (critical_section_ns as f64 + 90.0) * (0.1 + rho.min(0.97) / (1.0 - rho.min(0.97)));
    let even = 1.0 - 0.5 * lock.same.powi(2);
    let mut metrics = vec![
        (metric::ACQUISITIONS_PER_S, rate),
        (metric::HOLD_NS, (critical_section_ns + 8) as f64),
        (metric::HAND_OFF_NS, 190.0 * noise(random)),
        (metric::HANDED_OFF_SHARE, 1.0 - lock.same),
        (metric::JAIN, 1.0 - 0.1 * lock.same),
        (metric::STARVED_NS, 2_000.0 * f64::from(contenders) * (1.0 + 400.0 * lock.same)),
        (metric::LONGEST_RUN, 1.0 + 900.0 * lock.same),
        (metric::CPU_NS_PER_ACQUISITION, 1e9 / rate * 1.8),
        (metric::SWITCHES_PER_ACQUISITION, 0.0002),
    ];
    if lock.mechanism == "no-lock" {
        metrics.push((metric::LOST_UPDATES, 1_000.0 + f64::from(repetition)));
    }
    let fairness = [1, 10, 100].map(|ms: u64| Fairness {
        window_ns: ms * 1_000_000,
        windows: 120 / ms,
        jain_mean: even.powf(1.0 / ms as f64),
        jain_min: even.powf(2.0 / ms as f64),
        starved_share: lock.same / (4 * ms) as f64,
    });
    let contest = Contest {
        contenders: vec![ContenderShare { acquisitions: rate as u64 / 10, starved_ns: 9_000, longest_run: 9 }; 2],
        hand_offs: hand_offs(contenders as usize, lock.same),
        fairness: fairness.to_vec(),
        ..Contest::default()
    };
    let windows = (0..12u64).map(|at| Window {
        start_ns: at * 10_000_000,
        elapsed_ns: 10_000_000,
        messages: (rate / 100.0) as u64,
    });
    let mut outcome = Outcome {
        windows: Some(windows.collect()),
        histogram: Some(waits(wait_ns, random)),
        contest: Some(contest),
        ..outcome(lock, Measure::Contention, &metrics)
    };
    if lock.mechanism == "no-lock" && contenders > 1 {
        outcome.verdict = Some(Verdict::Caught);
        outcome.why = Some(format!("without a lock {} updates were lost, and the check saw it", 1_000 + repetition));
    }
    blank(case, repetition, outcome)
}

/// Round robin, except for the share of the same holder.
fn hand_offs(n: usize, same: f64) -> Vec<Vec<u64>> {
    let share = |from: usize, to: usize| {
        let next = if to == (from + 1) % n { 0.8 } else { 0.2 / (n.max(3) - 2) as f64 };
        if from == to { same } else { (1.0 - same) * next }
    };
    (0..n).map(|from| (0..n).map(|to| (share(from, to) * 100_000.0) as u64).collect()).collect()
}

fn waits(typical_ns: f64, random: &mut Random) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 2).expect("constant bounds");
    for _ in 0..11_000 {
        histogram.saturating_record((typical_ns * -uniform(random).ln()) as u64);
    }
    encode(&histogram)
}

/// Ticket sale, which oversells without a lock.
pub fn tickets(lock: &Lock, stock: Stock, contenders: u32, repetition: u32, random: &mut Random) -> Record {
    let case = lock.case(Measure::Tickets, Placement::Spread).with(|p| {
        p.contenders = Some(contenders);
        p.stock = Some(stock);
    });
    let work = if stock == Stock::JsonFile { 14_000.0 } else { 5.0 };
    let ns = (1e9 / lock.rate(contenders, 0, 0) + work) * noise(random);
    let mut outcome = outcome(lock, Measure::Tickets, &[(metric::SALE_NS, ns)]);
    if lock.mechanism == "no-lock" {
        outcome.metrics.as_mut().expect("measured").insert(metric::OVERSOLD.into(), 271.0);
        outcome.verdict = Some(Verdict::Caught);
        outcome.why = Some("without a lock 271 tickets were sold that were not there, and the check saw it".into());
    }
    blank(case, repetition, outcome)
}

/// Read-mostly trial on two CPUs.
pub fn read_mostly(lock: &Lock, reads_percent: u32, repetition: u32, random: &mut Random) -> Record {
    let case = lock.case(Measure::ReadMostly, Placement::Spread).with(|p| {
        p.contenders = Some(2);
        p.reads_percent = Some(reads_percent);
    });
    let (reads, writes) = (f64::from(reads_percent) / 100.0, 1.0 - f64::from(reads_percent) / 100.0);
    let gain = if lock.group == Group::ReadMostly { 1.0 + 9.0 * reads.powi(6) } else { 1.0 };
    let rate = lock.rate(2, 0, 0) * gain * noise(random);
    let mut metrics = vec![
        (metric::READS_PER_S, rate * reads),
        (metric::WRITES_PER_S, rate * writes),
        (metric::RETRIES_PER_READ, 0.3 * writes),
        (metric::READ_P50_NS, 40.0),
        (metric::READ_P99_NS, 900.0 / gain),
    ];
    if reads_percent < 100 {
        metrics.extend([(metric::WRITE_P50_NS, 80.0), (metric::WRITE_P99_NS, 900.0 * gain)]);
    }
    blank(case, repetition, outcome(lock, Measure::ReadMostly, &metrics))
}

/// Recovery trial.
pub fn recover(lock: &Lock, death: KillPoint, repetition: u32, random: &mut Random) -> Record {
    let case = lock.case(Measure::Recover, Placement::Unpinned).with(|p| p.kill_point = Some(death));
    let mut metrics = vec![];
    let mut why = None;
    let forgotten = lock.group == Group::FutexLocks && death == KillPoint::Releasing;
    let recovers = if death == KillPoint::Waiting { Some((9_000.0, false)) } else { lock.recovers };
    if let Some((ns, text)) = recovers {
        metrics.extend([
            (metric::RECOVERED_SHARE, 1.0),
            (metric::TOLD_SHARE, if text && death == KillPoint::Holding { 1.0 } else { 0.0 }),
            (metric::RECOVERY_NS, ns * noise(random)),
        ]);
    } else {
        metrics.extend([(metric::RECOVERED_SHARE, 0.0), (metric::TOLD_SHARE, 0.0)]);
        let later = if forgotten { "but one who came later did" } else { "and neither did one who came later" };
        why = Some(format!("never: the next in line did not get the lock within 300 ms, {later}"));
    }
    if forgotten {
        metrics.push((metric::NEWCOMER_NS, 5_000.0));
    }
    blank(case, repetition, Outcome { why, ..outcome(lock, Measure::Recover, &metrics) })
}

/// All cases of locks.
pub fn lock_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, lock) in (0..repetitions).flat_map(|repetition| LOCKS.iter().map(move |lock| (repetition, lock))) {
        records.push(acquire(lock, repetition, &mut random));
        let mut contend = |contenders, critical_section_ns, think_time_ns, hogs| {
            contention(lock, Asked { contenders, critical_section_ns, think_time_ns, hogs }, repetition, &mut random)
        };
        records.extend([1, 2, 4, 8].map(|contenders| contend(contenders, 0, 0, 0)));
        records.push(contend(2, 0, 0, 1));
        if lock.is_lock() {
            records.extend([1_000, 3_000, 9_000, 19_000].map(|think_time_ns| contend(2, 1_000, think_time_ns, 0)));
            if lock.isolation == Isolation::Process {
                records.extend(KillPoint::ALL.iter().map(|&death| recover(lock, death, repetition, &mut random)));
            }
            records.extend([50, 90, 99, 100].map(|reads| read_mostly(lock, reads, repetition, &mut random)));
        }
        records.push(tickets(lock, Stock::Memory, 2, repetition, &mut random));
        if matches!(lock.group, Group::FileLocks) || lock.mechanism == "no-lock" {
            records.push(tickets(lock, Stock::JsonFile, 2, repetition, &mut random));
        }
    }
    for (order, record) in records.iter_mut().enumerate() {
        record.order_in_run = u32::try_from(order).expect("few records");
        Arc::make_mut(&mut record.suite).question = "Which lock should processes of a made-up machine share?".into();
    }
    records
}
