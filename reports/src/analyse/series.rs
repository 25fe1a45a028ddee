//! What is compared: one way of running one mechanism, followed over sizes, measures and placements.
//!
//! A series is the line in a chart and the row of the table. Its label says everything in which two series of one
//! report can differ, so that polling and blocking, processes and threads, are never mixed unnamed.

use std::fmt::Write as _;

use ipcmark::record::{Anatomy, Case, Counts, Fault, Isolation, Record, Substrate, Touch, Wait};

/// What a side does while it has nothing to do, in the words of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Manner {
    /// Keeps its CPU busy.
    Polls,
    /// Polls for a while, then sleeps.
    PollsThenBlocks,
    /// Gives its CPU away.
    Blocks,
    /// Never waits for anybody: one thread plays both sides.
    Alone,
}

impl Manner {
    /// Every manner, in the order of panels and tables.
    pub const ALL: [Self; 4] = [Self::Polls, Self::PollsThenBlocks, Self::Blocks, Self::Alone];

    /// A word or three for labels and headings.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Polls => "polls",
            Self::PollsThenBlocks => "polls, then blocks",
            Self::Blocks => "blocks",
            Self::Alone => "one thread",
        }
    }

    /// From the wait strategy where the mechanism has a choice, else from what it declares: who enters the kernel or
    /// gives up the CPU blocks, who moves nothing between cores is alone, and the rest are user-space channels, which
    /// spin before they sleep.
    pub fn of(case: &Case, anatomy: Option<&Anatomy>) -> Self {
        match case.wait {
            Some(Wait::Spin | Wait::SpinYield | Wait::Busy) => Self::Polls,
            Some(Wait::Hybrid) => Self::PollsThenBlocks,
            Some(Wait::Park | Wait::Eventfd | Wait::Block | Wait::Epoll) => Self::Blocks,
            None => anatomy.map_or(Self::Blocks, Self::declared),
        }
    }

    fn declared(anatomy: &Anatomy) -> Self {
        let sides = [&anatomy.sender, &anatomy.receiver];
        let any = |count: fn(&Counts) -> f64| sides.iter().any(|&side| count(side) > 0.0);
        if any(|c| c.system_calls) || any(|c| c.context_switches) || any(|c| c.wakes) {
            Self::Blocks
        } else if any(|c| c.line_hand_overs) || any(|c| c.moved_bytes) {
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
    /// The mechanism, which decides the colour.
    pub mechanism: String,
    /// Its wait strategy, where it has a choice.
    pub wait: Option<Wait>,
    /// Processes or threads.
    pub isolation: Isolation,
    /// What its shared memory is made of, where there is any.
    pub substrate: Option<Substrate>,
    /// Known delay of the null transport.
    pub delay_ns: Option<u64>,
    /// What both ends do with the payload, when it is not everything.
    pub touch: Option<Touch>,
    /// A fault put in on purpose.
    pub inject: Option<Fault>,
    /// Depth, only when the recording holds the same case at several depths.
    pub depth: Option<u32>,
}

impl Series {
    /// The series of a case. `depths_vary` says that depth must be part of it.
    pub fn of(case: &Case, anatomy: Option<&Anatomy>, depths_vary: bool) -> Self {
        Self {
            manner: Manner::of(case, anatomy),
            mechanism: case.mechanism.clone(),
            wait: case.wait,
            isolation: case.isolation,
            substrate: case.substrate,
            delay_ns: case.delay_ns.filter(|&delay| delay > 0),
            touch: case.touch.filter(|&touch| touch != Touch::All),
            inject: case.inject,
            depth: case.depth.filter(|_| depths_vary),
        }
    }

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
        if let Some(delay) = self.delay_ns {
            add(&format_args!("+{}", crate::format::ns(delay as f64)));
        }
        if let Some(touch) = self.touch {
            add(&format_args!("touch={touch}"));
        }
        if let Some(depth) = self.depth {
            add(&format_args!("depth={depth}"));
        }
        if let Some(inject) = self.inject {
            add(&format_args!("inject={inject}"));
        }
        if self.isolation == Isolation::Thread && self.manner != Manner::Alone {
            add(&"threads");
        }
        label
    }
}

/// Whether the recording holds a case at several depths: two records that differ in nothing else.
pub fn depths_vary(records: &[Record]) -> bool {
    let mut seen = std::collections::HashMap::<Case, Option<u32>>::new();
    records.iter().any(|record| {
        let without = Case { depth: None, connections: None, ..record.case.clone() };
        *seen.entry(without).or_insert(record.case.depth) != record.case.depth
    })
}
