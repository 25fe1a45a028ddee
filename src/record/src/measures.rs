//! Measures: one table. Titles, main metrics, the time a trial may take, and `docs/measures.md` follow from it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use super::{Case, Ending, metric};

/// What a slow moment does to a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nanoseconds for one unit of work: a slow moment makes it larger.
    Cost,
    /// Units of work a second: a slow moment makes it smaller.
    Rate,
}

/// The number that answers a measure's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainMetric {
    /// Cost or rate; gives the unit.
    pub kind: Kind,
    /// Its name in [`metric`].
    pub name: &'static str,
}

impl MainMetric {
    /// Whether more is better.
    pub const fn is_rate(self) -> bool {
        matches!(self.kind, Kind::Rate)
    }

    /// Nanoseconds for one unit of work.
    pub fn cost_ns(self, value: f64) -> f64 {
        if self.is_rate() { 1e9 / value } else { value }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct MeasureRow {
    /// Its name in titles.
    pub title: &'static str,
    /// What the main metric counts.
    pub counts: &'static str,
    /// Families that it can be taken of.
    pub families: &'static [&'static str],
    /// The number that answers its question; `None` if it times nothing.
    pub main: Option<MainMetric>,
    /// Whether a trial's value is the median of its windows, instead of the whole hot phase.
    pub median_of_windows: bool,
    /// Least time that a trial may take before it counts as hung, in seconds.
    pub patience_s: u64,
}

const fn row(title: &'static str, counts: &'static str, families: &'static [&'static str]) -> MeasureRow {
    MeasureRow { title, counts, families, main: None, median_of_windows: false, patience_s: 5 }
}

impl MeasureRow {
    const fn cost(mut self, name: &'static str) -> Self {
        self.main = Some(MainMetric { kind: Kind::Cost, name });
        self
    }

    const fn rate(mut self, name: &'static str) -> Self {
        self.main = Some(MainMetric { kind: Kind::Rate, name });
        self
    }

    const fn median_of_windows(mut self) -> Self {
        self.median_of_windows = true;
        self
    }

    const fn patience_s(mut self, seconds: u64) -> Self {
        self.patience_s = seconds;
        self
    }
}

/// Declares [`Measure`] and its rows together: a question, a word, and what follows from them.
macro_rules! measures {
    ($(#[doc = $question:literal] $name:ident = $word:literal => $row:expr,)*) => {
        words! {
            /// The question asked of a mechanism.
            Measure { $(#[doc = $question] $name = $word,)* }
        }

        impl Measure {
            /// Its row in the table of measures.
            pub const fn row(self) -> MeasureRow {
                match self { $(Self::$name => $row),* }
            }
        }
    };
}

measures! {
    /// What does a message out and back cost? Closed loop, one outstanding.
    RoundTrip = "round_trip" => row("Round trip", "a message out and back", &["transport"])
        .cost(metric::ROUND_TRIP_NS)
        .median_of_windows(),
    /// How many messages get through? The clock stops when the receiver has verified the last one.
    Stream = "stream" => row("Stream", "verified messages, from 4 KiB on bytes", &["transport"]).rate(metric::MESSAGES_PER_S),
    /// What is the latency at a given rate? Open loop: messages are due by the clock, whether or not earlier ones are answered.
    Paced = "paced" => row("Paced", "from due to verified, median", &["transport", "pool", "server"])
        .cost(metric::LATENCY_NS),
    /// What does the first message after a pause cost?
    Wake = "wake" => row("Wake", "the first message after a pause, median", &["transport"]).cost(metric::WAKE_NS),
    /// What does it cost to set a mechanism up? Create, attach, first message, tear-down.
    SetUp = "set_up" => row("Set-up", "create, attach, first message, tear-down", &["transport", "pool"])
        .cost(metric::SET_UP_NS)
        // Hundreds of processes may have to be started.
        .patience_s(30),
    /// What does an uncontended lock cost? Warm, and after another core held it.
    Acquire = "acquire" => row("Acquire", "uncontended acquire and release", &["lock"])
        .cost(metric::ACQUIRE_NS)
        .median_of_windows(),
    /// What happens when several contend for one lock? A fixed window of calibrated critical sections and think times.
    Contention = "contention" => row("Contention", "acquisitions of all contenders", &["lock"]).rate(metric::ACQUISITIONS_PER_S),
    /// What do readers and writers of one state cost each other?
    ReadMostly = "read_mostly" => row("Read-mostly", "reads of all readers", &["lock"]).rate(metric::READS_PER_S),
    /// How long does a sale take when several processes sell from one stock, and is more sold than there is?
    Tickets = "tickets" => row("Tickets", "time per sale", &["lock"]).cost(metric::SALE_NS).patience_s(30),
    /// What happens when the owner or a waiter is killed: the next owner, the delay, and whether the death is reported?
    Recover = "recover" => row("Recover", "from the death to the next owner", &["lock", "pool"])
        .cost(metric::RECOVERY_NS)
        // The next in line may wait in vain, and then a newcomer.
        .patience_s(20),
    /// What does a worker cost? From the call that starts it to its first message, a useful message, its exit, and reaping.
    StartUp = "start_up" => row("Start-up", "from the call to the first message", &["launch"])
        .cost(metric::START_UP_NS)
        .patience_s(30),
    /// How long until a parent knows that its child has ended?
    Watch = "watch" => row("Watch", "from the end until it is known", &["launch"]).cost(metric::NOTICE_NS).patience_s(30),
    /// What does the first write to a page cost that another process shares, and which processes see it?
    FirstWrite = "first_write" => row("First write", "to a page that another shares", &["isolation"])
        .cost(metric::FIRST_WRITE_NS),
    /// What does handing out a task cost?
    Dispatch = "dispatch" => row("Dispatch", "time per task", &["pool"]).cost(metric::TASK_NS),
    /// What does an idle pool cost?
    Idle = "idle" => row("Idle", "CPU time a second without work", &["pool"]).cost(metric::IDLE_CPU_NS_PER_S),
    /// What do put, get and join of a work queue cost, and when is all work done?
    Drain = "drain" => row("Drain", "from the last put until all is done", &["queue"]).cost(metric::DRAIN_NS).patience_s(30),
    /// What do reads and writes of shared state cost?
    Access = "access" => row("Access", "reads and writes of all together", &["shared_state"]).rate(metric::ACCESSES_PER_S),
    /// How many requests does one server answer, for 1 to 1,000 clients?
    Serve = "serve" => row("Serve", "requests answered", &["server"]).rate(metric::REQUESTS_PER_S).patience_s(30),
    /// Is it parallel, or merely concurrent? The same work of two on one CPU and on two.
    Parallel = "parallel" => row("Parallel", "the work of two", &["concurrency"]).cost(metric::WORK_NS),
    /// How far apart are the CPUs? Two cache lines bounced between every pair.
    CoreToCore = "core_to_core" => row("Core to core", "two lines out and back, median over all pairs of CPUs", &["machine"])
        .cost(metric::LINE_ROUND_TRIP_NS)
        // One trial measures every pair.
        .patience_s(300),
    /// Does one message, or one acquisition, cost what was declared? Untimed, system calls traced.
    CostModel = "cost_model" => row("Cost model", "system calls, switches and faults", &["transport", "lock"]).patience_s(30),
    /// Does the mechanism keep its promises? Untimed.
    Conformance = "conformance" => row(
        "Conformance",
        "promises checked",
        &["transport", "lock", "pool", "queue", "shared_state", "server", "launch"],
    )
    .patience_s(120),
    /// What can this machine do at all?
    Floors = "floors" => row("Floors", "lower bounds set by hardware and kernel", &["machine"]).patience_s(180),
}

impl Case {
    /// The number that answers the case's question. Of a child that ended long ago it is the time to reap it.
    pub fn main_metric(&self) -> Option<MainMetric> {
        if self.params.ending == Some(Ending::Zombie) {
            return Some(MainMetric { kind: Kind::Cost, name: metric::REAP_NS });
        }
        self.measure.row().main
    }
}
