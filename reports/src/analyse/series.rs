//! Series: one way of running one mechanism, over all sizes, measures and placements.
//!
//! A series is the line in a chart and the row of the table. Its label says everything in which two series of one
//! report can differ, so that polling and blocking, processes and threads, are never mixed unnamed.

use std::collections::HashMap;
use std::fmt::Write as _;

use ipcmark_record::{Case, CostModel, Counts, Group, Isolation, Record, Substrate, Touch, Wait};

use super::families::{POOL, SERIAL, is_python};

/// The family of cases about locks.
pub const LOCKS: &str = "lock";

/// What a side does while it has nothing to do, in the words of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manner {
    /// Keeps its CPU busy.
    Polls,
    /// Polls for a while, then sleeps.
    PollsThenBlocks,
    /// Gives its CPU away.
    Blocks,
    /// Never waits: one thread plays both sides.
    Alone,
    /// Never waits, though others are about: the update itself is one instruction, or nothing stops it.
    NeverWaits,
}

impl Manner {
    /// Every manner, in the order of panels and tables.
    pub const ALL: [Self; 5] = [Self::Polls, Self::PollsThenBlocks, Self::Blocks, Self::Alone, Self::NeverWaits];

    /// A word or three for labels and headings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Polls => "polls",
            Self::PollsThenBlocks => "polls, then blocks",
            Self::Blocks => "blocks",
            Self::Alone => "one thread",
            Self::NeverWaits => "never waits",
        }
    }

    /// From the wait strategy where the mechanism has a choice. A lock without one is none: nothing waits. Of channels
    /// the declared costs decide: one that enters the kernel or gives up the CPU blocks, one that moves nothing between cores is
    /// alone, and the rest work in user space and spin before they sleep.
    pub fn of(case: &Case, cost_model: Option<&CostModel>) -> Self {
        match case.wait {
            Some(Wait::Spin | Wait::SpinYield | Wait::Busy) => Self::Polls,
            Some(Wait::Hybrid) => Self::PollsThenBlocks,
            Some(Wait::Park | Wait::Eventfd | Wait::Block | Wait::Epoll) => Self::Blocks,
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

/// One way of running one mechanism.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// How it waits; first, so that sorting groups by it.
    pub manner: Manner,
    /// What kind of thing the mechanism is, where the records say it.
    pub group: Option<Group>,
    /// The mechanism.
    pub mechanism: String,
    /// Its wait strategy, where it has a choice.
    pub wait: Option<Wait>,
    /// Processes or threads.
    pub isolation: Isolation,
    /// What its shared memory is made of, where there is any.
    pub substrate: Option<Substrate>,
    /// Whether the pages of its shared memory are brought in before they are used.
    pub prefault: bool,
    /// Known delay of the null transport.
    pub delay_ns: Option<u64>,
    /// What both ends do with the payload, when it is not everything.
    pub touch: Option<Touch>,
    /// Depth, only when the recording holds the same case at several depths and this is not its usual one.
    pub depth: Option<u32>,
}

impl Series {
    /// The registry row: `mechanism` or `mechanism/wait`.
    pub fn row(&self) -> String {
        self.wait.map_or_else(|| self.mechanism.clone(), |wait| format!("{}/{wait}", self.mechanism))
    }

    /// The row and whatever sets it apart from the usual: `shm-spsc/spin posix-shm`, `crossbeam-bounded threads`.
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
        // Some say it by their name.
        if self.isolation == Isolation::Thread && self.manner != Manner::Alone && !self.mechanism.contains("thread") {
            add(&"threads");
        }
        label
    }

    /// [`Self::label`] between back quotes, as sentences name it.
    pub fn quoted(&self) -> String {
        format!("`{}`", self.label())
    }

    /// Its kind in a word or two; empty where the records do not say.
    pub fn group_word(&self) -> &'static str {
        self.group.map_or("", group_word)
    }

    /// The same variant touching every byte at its usual depth: what the sweeps over those two are variants of.
    #[must_use]
    pub fn usual(&self) -> Self {
        Self { touch: None, depth: None, ..self.clone() }
    }

    /// Touches every byte, at its usual depth.
    pub fn is_usual(&self) -> bool {
        self.touch.is_none() && self.depth.is_none()
    }

    /// True for a variant that crosses from one process to another: the others are references.
    pub fn between_processes(&self) -> bool {
        self.isolation == Isolation::Process && self.manner != Manner::Alone
    }
}

/// A kind of mechanism as people write it.
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
        Group::Instrument => "instrument",
    }
}

/// A mechanism as it runs, as far as its declaration goes.
type Way = (String, String, Option<Wait>, Isolation);

/// Facts about series that only the whole recording shows.
pub struct Known<'a> {
    /// Skipped and failed cases carry no cost model of their own; how they wait is known from their measured siblings.
    declared: HashMap<Way, &'a CostModel>,
    /// By family and mechanism: a thread is one thing to start and another to write beside.
    groups: HashMap<(&'a str, &'a str), Group>,
    /// The usual depth of each case that ran at several, the depth left out of the key.
    usual_depths: HashMap<Case, u32>,
}

impl<'a> Known<'a> {
    /// Gathers it.
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

    /// The series of a case.
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

/// The usual depth of each case that the recording holds at several depths: the one that the plan left to the mechanism,
/// which the key does not name; where there is none, the one that most records of its mechanism share.
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
