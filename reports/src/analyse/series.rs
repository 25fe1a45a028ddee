//! Series: one mechanism with its wait strategy and isolation, over all sizes, measures and placements.
//!
//! A series is a line in a chart and a row of the table. Its label names everything in which two series of a report can
//! differ.

use std::collections::HashMap;
use std::fmt::Write as _;

use ipcmark_record::{Case, CostModel, Counts, Group, Isolation, Measure, Record, Substrate, Touch, Wait};

use super::families::{MACHINE, POOL, SERIAL, is_python};

/// The family of cases about locks.
pub const LOCKS: &str = "lock";

/// Wait behaviour of an endpoint, in the words of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manner {
    /// Polls and keeps its CPU busy.
    Polls,
    /// Polls for a while, then sleeps.
    PollsThenBlocks,
    /// Blocks and frees its CPU.
    Blocks,
    /// No waiting: one thread has both roles.
    Alone,
    /// No waiting among several contenders: the update is one instruction, or unprotected.
    NeverWaits,
}

impl Manner {
    /// Every manner, in the order of panels and tables.
    pub const ALL: [Self; 5] = [Self::Polls, Self::PollsThenBlocks, Self::Blocks, Self::Alone, Self::NeverWaits];

    /// Name in labels and headings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Polls => "polls",
            Self::PollsThenBlocks => "polls, then blocks",
            Self::Blocks => "blocks",
            Self::Alone => "one thread",
            Self::NeverWaits => "never waits",
        }
    }

    /// Derives the manner from the wait strategy, if there is one. A lock without one never waits. For channels the
    /// cost model decides: kernel entries and context switches mean blocking, no traffic between cores means one
    /// thread, and all others spin before they sleep.
    pub fn of(case: &Case, cost_model: Option<&CostModel>) -> Self {
        match case.wait {
            Some(Wait::Spin | Wait::SpinYield | Wait::Busy) => Self::Polls,
            Some(Wait::Hybrid) => Self::PollsThenBlocks,
            Some(Wait::Park | Wait::Eventfd | Wait::Block | Wait::Epoll) => Self::Blocks,
            None if case.family == MACHINE => Self::Polls,
            None if case.family == LOCKS => Self::NeverWaits,
            None if case.family == POOL && case.mechanism == SERIAL => Self::Alone,
            None => cost_model.map_or(Self::Blocks, Self::declared),
        }
    }

    fn declared(cost_model: &CostModel) -> Self {
        let sides = [&cost_model.sender, &cost_model.receiver];
        let any = |count: fn(&Counts) -> f64| sides.iter().any(|&side| count(side) > 0.0);
        if any(|c| c.system_calls) || any(|c| c.context_switches) || any(|c| c.wakes) {
            Self::Blocks
        } else if any(|c| c.line_transfers) || any(|c| c.moved_bytes) {
            Self::PollsThenBlocks
        } else {
            Self::Alone
        }
    }
}

/// Mechanism with its wait strategy, isolation and other choices.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// Wait behaviour; the first field, so that sorting groups by it.
    pub manner: Manner,
    /// Kind of mechanism, if recorded.
    pub group: Option<Group>,
    /// The mechanism.
    pub mechanism: String,
    /// Wait strategy, if the mechanism has a choice.
    pub wait: Option<Wait>,
    /// Processes or threads.
    pub isolation: Isolation,
    /// Kind of shared memory, if there is any.
    pub substrate: Option<Substrate>,
    /// Whether its shared memory is pre-faulted.
    pub prefault: bool,
    /// Known delay of the null transport.
    pub delay_ns: Option<u64>,
    /// Touch mode of the payload, unless every byte is touched.
    pub touch: Option<Touch>,
    /// Depth, if the recording holds several and this is not the usual one.
    pub depth: Option<u32>,
    /// Mean think time of the answering side of a round trip, if there is any.
    pub think_time_ns: Option<u64>,
}

impl Series {
    /// The registry row: `mechanism` or `mechanism/wait`.
    pub fn row(&self) -> String {
        self.wait.map_or_else(|| self.mechanism.clone(), |wait| format!("{}/{wait}", self.mechanism))
    }

    /// Row and deviations from the default: `shm-spsc/spin posix-shm`, `crossbeam-bounded threads`.
    pub fn label(&self) -> String {
        let mut label = self.row();
        let mut add = |word: &dyn std::fmt::Display| {
            let _ = write!(label, " {word}");
        };
        if let Some(substrate) = self.substrate.filter(|&s| s != Substrate::Memfd) {
            add(&substrate);
        }
        if self.prefault {
            add(&"pre-faulted");
        }
        if let Some(delay) = self.delay_ns {
            add(&format_args!("+{}", crate::format::ns(delay as f64)));
        }
        if let Some(touch) = self.touch {
            add(&format_args!("touch={touch}"));
        }
        if let Some(depth) = self.depth {
            add(&format_args!("depth={depth}"));
        }
        if let Some(think_time_ns) = self.think_time_ns {
            add(&format_args!("think={}", crate::format::ns(think_time_ns as f64)));
        }
        // Some mechanism names already contain "thread".
        if self.isolation == Isolation::Thread && self.manner != Manner::Alone && !self.mechanism.contains("thread") {
            add(&"threads");
        }
        label
    }

    /// [`Self::label`] between back quotes, for sentences.
    pub fn quoted(&self) -> String {
        format!("`{}`", self.label())
    }

    /// Name of its kind; empty if not recorded.
    pub fn group_word(&self) -> &'static str {
        self.group.map_or("", group_word)
    }

    /// The same variant with every byte touched, the usual depth and a partner that answers at once.
    #[must_use]
    pub fn usual(&self) -> Self {
        Self { touch: None, depth: None, think_time_ns: None, ..self.clone() }
    }

    /// Whether it touches every byte at its usual depth, and its partner answers at once.
    pub fn is_usual(&self) -> bool {
        self.touch.is_none() && self.depth.is_none() && self.think_time_ns.is_none()
    }

    /// True for a variant between two processes; all others are references.
    pub fn between_processes(&self) -> bool {
        self.isolation == Isolation::Process && self.manner != Manner::Alone
    }
}

/// Name of a kind of mechanism.
pub const fn group_word(group: Group) -> &'static str {
    match group {
        Group::Pipes => "pipes",
        Group::Sockets => "sockets",
        Group::KernelQueues => "kernel queues",
        Group::SharedMemory => "shared memory",
        Group::Notification => "notification",
        Group::KernelCopies => "kernel copies",
        Group::Libraries => "libraries",
        Group::Threads => "threads",
        Group::Atomics => "atomics",
        Group::SpinLocks => "spin locks",
        Group::FutexLocks => "futex locks",
        Group::PthreadLocks => "pthread locks",
        Group::ReadMostly => "read-mostly",
        Group::Semaphores => "semaphores",
        Group::FileLocks => "file locks",
        Group::Tokens => "tokens",
        Group::Processes => "processes",
        Group::Pools => "pools",
        Group::WorkQueues => "work queues",
        Group::SharedState => "shared state",
        Group::Servers => "servers",
        Group::Python => "Python",
        Group::Machine => "machine",
        Group::Instrument => "instrument",
    }
}

/// Key of a cost model: family, mechanism, wait strategy and isolation.
type Way = (String, String, Option<Wait>, Isolation);

/// Facts about series taken from the whole recording.
pub struct Known<'a> {
    /// Cost models, which skipped and failed cases share with measured ones.
    declared: HashMap<Way, &'a CostModel>,
    /// Groups by family and mechanism; one name may have a different group in each family.
    groups: HashMap<(&'a str, &'a str), Group>,
    /// Usual depth of each case with several depths, keyed without the depth.
    usual_depths: HashMap<Case, u32>,
}

impl<'a> Known<'a> {
    /// Collects the facts from records.
    pub fn of(records: &'a [Record]) -> Self {
        let (mut declared, mut groups) = (HashMap::new(), HashMap::new());
        for record in records {
            if let Some(cost_model) = &record.outcome.cost_model {
                declared.entry(way(&record.case)).or_insert(cost_model);
            }
            if let Some(group) = record.case.group {
                groups.entry((record.case.family.as_str(), record.case.mechanism.as_str())).or_insert(group);
            }
        }
        Self { declared, groups, usual_depths: usual_depths(records) }
    }

    /// Series of a case.
    pub fn series(&self, case: &Case) -> Series {
        Series {
            manner: Manner::of(case, self.declared.get(&way(case)).copied()),
            group: self.group(case),
            mechanism: case.mechanism.clone(),
            wait: case.wait,
            isolation: case.isolation,
            substrate: case.params.substrate,
            prefault: case.params.prefault == Some(true),
            delay_ns: case.params.delay_ns.filter(|&delay| delay > 0),
            touch: case.params.touch.filter(|&touch| touch != Touch::All),
            depth: case
                .params
                .depth
                .filter(|&depth| self.usual_depths.get(&without_depth(case)).is_some_and(|&usual| usual != depth)),
            think_time_ns: case
                .params
                .think_time_ns
                .filter(|&think_time_ns| case.measure == Measure::RoundTrip && think_time_ns > 0),
        }
    }

    fn group(&self, case: &Case) -> Option<Group> {
        let named = self.groups.get(&(case.family.as_str(), case.mechanism.as_str())).copied();
        named.or_else(|| is_python(case).then_some(Group::Python))
    }
}

fn way(case: &Case) -> Way {
    (case.family.clone(), case.mechanism.clone(), case.wait, case.isolation)
}

fn without_depth(case: &Case) -> Case {
    case.clone().with(|p| {
        p.depth = None;
        p.connections = None;
    })
}

/// Usual depth of each case with several depths: the mechanism's default, which the key leaves out, or else the depth
/// of most records of its mechanism.
fn usual_depths(records: &[Record]) -> HashMap<Case, u32> {
    let mut each: HashMap<Case, Vec<u32>> = HashMap::new();
    let mut records_at: HashMap<(&str, u32), usize> = HashMap::new();
    let mut left_open: HashMap<Case, u32> = HashMap::new();
    for record in records {
        let case = &record.case;
        let Some(depth) = case.params.depth else { continue };
        if !record.case_key.contains("/depth=") {
            left_open.insert(without_depth(case), depth);
        }
        let depths = each.entry(without_depth(case)).or_default();
        if !depths.contains(&depth) {
            depths.push(depth);
        }
        *records_at.entry((&case.mechanism, depth)).or_default() += 1;
    }
    each.retain(|_, depths| depths.len() > 1);
    let usual = |case: &Case, depths: &[u32]| {
        let most = |depth: &u32| (records_at.get(&(case.mechanism.as_str(), *depth)).copied(), *depth);
        left_open.get(case).copied().or_else(|| depths.iter().copied().max_by_key(most))
    };
    each.into_iter().filter_map(|(case, depths)| Some((case.clone(), usual(&case, &depths)?))).collect()
}
