//! What came of a trial: numbers with their verdict, their cost, and what they should have cost.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use super::{CoreToCore, Counters, Operation, PAGE_BYTES, Status, Verdict};

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Measured, failed or skipped.
    pub status: Status,
    /// How far to trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why it failed, was skipped, is noisy, disturbed or invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Numbers by name; the names and their units are in `metric`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// The hot phase in slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<Window>>,
    /// Latency distribution: HDR V2 deflate, base64, nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
    /// Distributions beside it, by name, in the same form: stages of a start, `submit_to_start` and `finish_to_visible` of
    /// a task, and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub distributions: BTreeMap<String, String>,
    /// The machine's floor, measured by the same processes on the same CPUs next to the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<PairedFloor>,
    /// What each role used between hot start and hot end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<RoleCost>>,
    /// What the mechanism declares one message to cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_model: Option<CostModel>,
    /// What several holders made of one lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contest: Option<Contest>,
    /// Round trips between the CPUs of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_to_core: Option<Box<CoreToCore>>,
}

impl Outcome {
    /// A trial that broke.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::without_numbers(Status::Failed, Verdict::Invalid, why.into())
    }

    /// A trial that cannot run here.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self::without_numbers(Status::Skipped, Verdict::Skipped, why.into())
    }

    /// Value of a metric, if the trial has it.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metrics.as_ref()?.get(name).copied()
    }

    fn without_numbers(status: Status, verdict: Verdict, why: String) -> Self {
        Self {
            status,
            verdict: Some(verdict),
            why: Some(why),
            metrics: None,
            windows: None,
            histogram: None,
            distributions: BTreeMap::new(),
            floor: None,
            roles: None,
            cost_model: None,
            contest: None,
            core_to_core: None,
        }
    }
}

/// Numbers by name.
pub type Metrics = BTreeMap<String, f64>;

/// A slice of the hot phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// From hot start.
    pub start_ns: u64,
    /// Length.
    pub elapsed_ns: u64,
    /// Messages, or round trips, completed in it.
    pub messages: u64,
}

const FLOOR: &str = "floor";
const REFERENCE: &str = "reference";

/// A floor, or a reference that is no lower bound, measured next to its case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedFloor {
    /// Which: `two_line_round_trip`, `turns_round_trip`, `switch_round_trip_one_cpu`, `transfer_stream`, `touch_one_cpu`.
    pub name: String,
    /// In the case's own unit: nanoseconds a round trip, or nanoseconds a message.
    pub ns: f64,
    /// True if the case may be faster: its roles are not pinned, its payload is not touched in full, or a lock's holder may
    /// acquire it again without a transfer.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub reference: bool,
    /// Prices of this moment for the cost model of a round trip: two lines bounced out and back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_round_trip_ns: Option<f64>,
    /// One message of the case's size handed over in turns, one way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_serial_ns: Option<f64>,
    /// From ringing a futex on one CPU to the sleeper being awake on the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub futex_hop_ns: Option<f64>,
}

impl PairedFloor {
    /// Its name in plain words, with its kind: `floor: two line round trip`, `reference: transfer stream`.
    pub fn label(&self) -> String {
        format!("{}: {}", if self.reference { REFERENCE } else { FLOOR }, self.name.replace('_', " "))
    }
}

words! {
    /// What a process or thread does in a trial. The word is also its process's second argument, so `ps` shows it.
    Role {
        /// Sends the first message of each round trip.
        Pinger = "pinger",
        /// Answers each message of a round trip.
        Ponger = "ponger",
        /// Sends a stream.
        Sender = "sender",
        /// Receives and verifies a stream.
        Receiver = "receiver",
        /// Sends and receives, in one thread.
        Solo = "solo",
        /// Runs all roles of a trial in one process, most often as a thread each.
        Host = "host",
        /// Contends for a lock.
        Contender = "contender",
        /// Starts the processes that contend for a lock and are killed.
        Warden = "warden",
        /// Reads and writes shared state.
        Accessor = "accessor",
        /// Keeps shared state and answers requests.
        Manager = "manager",
        /// Puts into a work queue.
        Producer = "producer",
        /// Gets from a work queue.
        Consumer = "consumer",
        /// The first of two equal roles; it leads.
        First = "first",
        /// The second of two equal roles.
        Second = "second",
        /// Starts and times the clients of a server.
        Clients = "clients",
        /// Runs the server.
        Server = "server",
        /// Starts processes or threads and waits for their end.
        Parent = "parent",
        /// Writes memory that another process or thread may see.
        Writer = "writer",
        /// Hands out the tasks of a pool.
        Dispatcher = "dispatcher",
        /// Works on the tasks of a pool.
        Worker = "worker",
        /// Only burns CPU time beside the trial.
        Hog = "hog",
    }
}

/// What a role used between hot start and hot end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct RoleCost {
    /// A [`Role`]'s word; a participant may call its roles otherwise.
    pub role: String,
    pub cpu: Option<u32>,
    pub messages: u64,
    pub wall_ns: u64,
    pub user_ns: u64,
    pub system_ns: u64,
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// On a CPU, waiting for one, and neither: the three process states.
    pub running_ns: u64,
    pub ready_ns: u64,
    pub blocked_ns: u64,
    pub migrations: u64,
    /// CPU time of the process's other threads that are bound to the same CPU, such as those of a library.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub own_threads_ns: u64,
    /// Time of one step of a chain of dependent instructions, at the start and at the end: it changes with the core's clock
    /// frequency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_step_ns: Option<[f64; 2]>,
    /// Price of one pause hint, measured before the trial by the process that reports the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ns: Option<f64>,
    /// Times to spin that this process used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spin_budgets: Vec<SpinBudget>,
    /// Hardware counters, where they are granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
    /// Energy that all processor packages used meanwhile, in microjoules; of the leader only, since roles share packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_energy_uj: Option<u64>,
}

/// Time that a waiter spins before it sleeps, yields the CPU or polls again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpinBudget {
    /// What it is for: `before_sleep`, `before_yield`, `gather`, `first_poll`, `mutex_poll`, `backoff_first`,
    /// `backoff_longest`, `per_ticket`.
    pub name: String,
    /// Time asked for.
    pub ns: u64,
    /// The same as a number of pause hints, from their price.
    pub hints: u32,
}

/// Declared cost of one message, by endpoint. In a closed loop the two add up; in a stream on two CPUs the slower one
/// sets the pace.
///
/// For a lock it is one hand-off: the sender is the holder that releases it, the receiver the waiter that acquires it. The
/// cost of an uncontended acquisition is all on the sender.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostModel {
    /// Cost of the sender.
    pub sender: Counts,
    /// Cost of the receiver.
    pub receiver: Counts,
    /// Why the measured time may differ from the priced counts by more than the report accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<String>,
}

/// Counts for one message at one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Entries into the kernel.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub system_calls: f64,
    /// Those of `system_calls` that only a waiter that sleeps, or its wake-up, needs (hand-off of a lock).
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub calls_to_sleep: f64,
    /// Bytes copied by kernel or library, beyond the payload's one write and one read.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub copied_bytes: f64,
    /// Dependent transfers of one cache line from another core.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub line_transfers: f64,
    /// Payload bytes that come from another core's cache in bulk (overlapping transfers).
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub moved_bytes: f64,
    /// Wake-ups of a sleeping process on another CPU.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub wakes: f64,
    /// Context switches of this endpoint.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub context_switches: f64,
    /// Page faults.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub page_faults: f64,
    /// Delay by design, in nanoseconds.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub delay_ns: f64,
    /// Atomic read-modify-write instructions on a line that this core owns already.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub atomics: f64,
    /// Operations with a price of their own. Their system calls and page faults are declared above as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub operations: BTreeMap<Operation, f64>,
}

impl Counts {
    /// Adds an operation, `times` for each message.
    #[must_use]
    pub fn with(mut self, operation: Operation, times: f64) -> Self {
        if times > 0.0 {
            *self.operations.entry(operation).or_default() += times;
        }
        self
    }

    /// Adds an operation that carries `bytes` of each message, `times` for each message.
    #[must_use]
    pub fn carrying(self, operation: Operation, times: f64, bytes: f64) -> Self {
        let counts = self.with(operation, times);
        match operation.for_each_page() {
            Some(page) if times > 0.0 => counts.with(page, bytes / PAGE_BYTES),
            _ => counts,
        }
    }
}

/// Shares of the contenders of one lock, in the window in which all of them ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contest {
    /// In order of slot.
    pub contenders: Vec<ContenderShare>,
    /// `hand_offs[from][to]`: how often `to` took the lock that `from` had held last.
    pub hand_offs: Vec<Vec<u64>>,
    /// How even the shares were, by length of window, the shortest first.
    pub fairness: Vec<Fairness>,
    /// Distributions beside the wait, which is the record's `histogram`: `hold`, `hand_off` (from the release until a
    /// waiter has the lock), `again` (the wait of the contender that had it last), `read_wait`, `write_wait`. HDR V2 deflate,
    /// base64, nanoseconds.
    pub histograms: BTreeMap<String, String>,
}

/// Share of one contender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContenderShare {
    /// Acquisitions in the window in which all ran.
    pub acquisitions: u64,
    /// Longest time without an acquisition.
    pub starved_ns: u64,
    /// Most consecutive acquisitions.
    pub longest_run: u64,
}

/// Fairness over windows of one length: Jain's index, 1 for equal shares, 1/n if one contender of n got all. Source: Jain,
/// Chiu, Hawe 1984.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fairness {
    /// Length of a window.
    pub window_ns: u64,
    /// Windows with at least one acquisition.
    pub windows: u64,
    /// Mean of the index over windows.
    pub jain_mean: f64,
    /// The lowest.
    pub jain_min: f64,
    /// Share of all pairs of contender and window without an acquisition.
    pub starved_share: f64,
}
