//! The words every stage speaks: case, outcome, record, machine. Plain data, no behaviour beyond naming.
//!
//! A record is one trial: one set of processes, one case, one JSON line of `records.jsonl`. Each stands alone, so a
//! file copied to another machine can still be read and compared. Times are integer nanoseconds where they were
//! measured as such, and `f64` nanoseconds where they are a quotient.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the record's form. A reader refuses records of a later one.
pub const SCHEMA: u32 = 1;

/// One line of `records.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// The run this trial belongs to.
    pub run_id: String,
    /// What ran: the suite's own identity and the plan.
    pub suite: Suite,
    /// Where it ran.
    pub machine: Machine,
    /// What was asked.
    pub case: Case,
    /// The case as a path, stable between runs: see [`Case::key`].
    pub case_key: String,
    /// Which fresh set of processes, from 0.
    pub set: u32,
    /// Position of this trial in the shuffled schedule, from 0.
    pub order_in_run: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub ended_at: String,
    /// CPUs the roles were pinned to, in order of role; empty when unpinned.
    pub cpus: Vec<u32>,
    /// How many messages the hot phase carried and who chose that.
    pub count: Count,
    /// Length of the warm-up before the hot phase.
    pub warm_up_ns: u64,
    /// Disturbances seen around the trial.
    pub noise: Noise,
    /// What came of it.
    pub outcome: Outcome,
}

/// The suite's own identity, so that two files can be told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// Version of the suite.
    pub version: String,
    /// Revision of the source it was built from, or `unknown`.
    pub revision: String,
    /// How it was compiled.
    pub build: Build,
    /// Name of the plan.
    pub plan: String,
    /// The question the plan asks.
    pub question: String,
    /// Hash of the plan as run: equal hashes mean equal cases and times.
    pub plan_hash: String,
    /// Seed of the schedule's shuffle.
    pub seed: u64,
}

/// Compiler and flags: part of the measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// `release`, `debug`, ...
    pub profile: String,
    /// Target triple.
    pub target: String,
    /// Compiler version.
    pub rustc: String,
    /// Optimisation level of the profile.
    pub opt_level: String,
    /// Extra compiler flags, or empty.
    pub rustflags: String,
}

/// The computer: facts, floors and whether its topology can be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// What it is.
    pub facts: Facts,
    /// What it can do at all; absent until measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floors: Option<Floors>,
    /// False under a hypervisor, which may present any topology it likes.
    pub topology_trusted: bool,
}

/// Facts that explain why machines differ. `None` where the system does not tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // each name says it all
pub struct Facts {
    pub hostname: String,
    pub cpu_model: String,
    pub architecture: String,
    pub cpus_online: Vec<u32>,
    pub cpus_allowed: Vec<u32>,
    pub caches: Vec<Cache>,
    pub numa_nodes: u32,
    pub memory_bytes: u64,
    pub page_bytes: u64,
    pub kernel: String,
    pub operating_system: String,
    pub hypervisor: Option<String>,
    pub clocksource: Option<String>,
    /// The tick counter, when proven invariant: its frequency in Hz.
    pub ticks_hz: Option<u64>,
    pub governor: Option<String>,
    pub boost: Option<bool>,
    pub smt_active: Option<bool>,
    pub transparent_huge_pages: Option<String>,
    /// `name: state` of each processor vulnerability that is mitigated or open.
    pub mitigations: Vec<String>,
}

/// One level of cache as the first allowed CPU sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Cache {
    pub level: u32,
    /// `Data`, `Instruction` or `Unified`.
    pub kind: String,
    pub bytes: u64,
    pub line_bytes: u32,
    pub shared_by_cpus: Vec<u32>,
}

/// What this machine can do at all. Every price the cost anatomy uses is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Floors {
    /// The pair of CPUs the hand-overs were measured between; one entry when there is only one.
    pub cpus: Vec<u32>,
    /// Placement class of that pair.
    pub placement: Placement,
    /// Round trip over one cache line written by both sides.
    pub line_round_trip_one_ns: Option<f64>,
    /// Round trip over two cache lines, one each way: the floor under every shared-memory round trip.
    pub line_round_trip_two_ns: Option<f64>,
    /// Copy on one core, by size.
    pub copy: Vec<SizedFloor>,
    /// Fill and fold on one core, by size: the work both ends do in every case.
    pub touch: Vec<SizedFloor>,
    /// One core writes, the other reads every byte, both at work at once: nanoseconds per message in a stream.
    pub hand_over_stream: Vec<SizedFloor>,
    /// The same in turns: write, hand over, read; nanoseconds one way.
    pub hand_over_serial: Vec<SizedFloor>,
    /// One trivial system call.
    pub system_call_ns: f64,
    /// From ringing a futex on one CPU to the sleeper being awake on the other.
    pub futex_hop_two_cpus_ns: Option<f64>,
    /// One way of a futex ping-pong between two processes on one CPU.
    pub futex_hop_one_cpu_ns: f64,
    /// What the other process's CPU adds to a hop: two-CPU hop less system calls and switch, at least 0.
    pub wake_ns: Option<f64>,
    /// One-CPU hop less its two system calls.
    pub context_switch_ns: f64,
    /// First touch of a page of fresh shared memory.
    pub page_fault_ns: f64,
    /// One read of the monotonic clock.
    pub clock_read_ns: f64,
    /// Smallest non-zero step of the monotonic clock.
    pub clock_step_ns: f64,
    /// One read of the tick counter.
    pub tick_read_ns: f64,
    /// What an idle CPU does to a chain of tick reads.
    pub idle_noise: IdleNoise,
}

/// A floor at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SizedFloor {
    /// Bytes of one message.
    pub bytes: u64,
    /// Bytes the loop walked over before it came back to the first.
    pub footprint_bytes: u64,
    /// Nanoseconds for one message.
    pub ns: f64,
}

/// Gaps between chained tick reads on a CPU with nothing else to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdleNoise {
    /// How long was listened.
    pub elapsed_ns: u64,
    /// The longest gap.
    pub longest_gap_ns: u64,
    /// Share of the time in gaps over 1 us.
    pub stolen_share: f64,
    /// HDR V2 deflate, base64, nanoseconds.
    pub histogram: String,
}

/// One cell of the matrix: what is measured, how, where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// `transport`, later `lock`, `pool`, ...
    pub family: String,
    /// The mechanism, without its wait strategy.
    pub mechanism: String,
    /// The question asked of it.
    pub measure: Measure,
    /// Processes or threads.
    pub isolation: Isolation,
    /// How a side without work waits, where that is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// What the shared memory is made of, where there is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub substrate: Option<Substrate>,
    /// Where the roles run.
    pub placement: Placement,
    /// Payload of one message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<u64>,
    /// Sending sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producers: Option<u32>,
    /// Receiving sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<u32>,
    /// Messages the mechanism holds before a sender waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Channels a round trip uses: 1 when one connection carries both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// What both ends do with the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch: Option<Touch>,
    /// Known delay of the null transport, per message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ns: Option<u64>,
    /// A fault put in on purpose, to see it caught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<Fault>,
}

impl Case {
    /// The registry row: `mechanism` or `mechanism/wait`.
    pub fn row(&self) -> String {
        match self.wait {
            Some(wait) => format!("{}/{wait}", self.mechanism),
            None => self.mechanism.clone(),
        }
    }

    /// The case as a path: `family/mechanism/measure/isolation/placement/bytes/...`, stable between runs and machines.
    pub fn key(&self) -> String {
        use fmt::Write as _;
        let bytes = self.message_bytes.map_or_else(|| "-".into(), |b| b.to_string());
        let mut key = format!(
            "{}/{}/{}/{}/{}/{bytes}",
            self.family, self.mechanism, self.measure, self.isolation, self.placement
        );
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = write!(key, "/{name}={value}");
            }
        };
        add("wait", self.wait.map(|w| w.to_string()));
        add("substrate", self.substrate.map(|s| s.to_string()));
        add("depth", self.depth.map(|d| d.to_string()));
        add("delay", self.delay_ns.map(|d| d.to_string()));
        add("inject", self.inject.map(|i| i.to_string()));
        key
    }
}

/// Names an enum in lower-case words, the same in JSON, keys, plans and reports.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),* }
        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            /// The word used in records, plans and keys.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.word()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(word: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|v| v.word() == word).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|v| v.word()).collect();
                    format!("unknown {} `{word}`; one of {}", stringify!($name).to_lowercase(), known.join(", "))
                })
            }
        }
    };
}

words! {
    /// The question asked of a mechanism.
    Measure {
        /// What does a message out and back cost? Closed loop, one outstanding.
        RoundTrip = "round_trip",
        /// How much gets through? The clock stops when the receiver has verified the last message.
        Stream = "stream",
        /// Does one message cost what was declared? Untimed, system calls traced.
        Anatomy = "anatomy",
        /// Does the mechanism keep its promises? Untimed.
        Conformance = "conformance",
        /// What can this machine do at all?
        Floors = "floors",
    }
}
words! {
    /// What stands between the two sides.
    Isolation {
        /// Separate processes.
        Process = "process",
        /// Threads of one process.
        Thread = "thread",
    }
}
words! {
    /// What a side does when it has nothing to do.
    Wait {
        /// Polls with the processor's pause hint; never sleeps.
        Spin = "spin",
        /// Polls for a while, then sleeps on a futex.
        Hybrid = "hybrid",
        /// Sleeps on a futex after one look.
        Park = "park",
        /// The kernel blocks the caller inside a read or write.
        Block = "block",
    }
}
words! {
    /// What shared memory is made of.
    Substrate {
        /// `memfd_create`, sealed, inherited.
        Memfd = "memfd",
        /// `shm_open` by name, through the `shared_memory` crate.
        PosixShm = "posix-shm",
    }
}
words! {
    /// Where two roles run, as the caches see it.
    Placement {
        /// Both on one CPU.
        SameCpu = "same_cpu",
        /// Two hardware threads of one core.
        SmtSibling = "smt_sibling",
        /// Two cores under one level-2 cache.
        SameL2 = "same_l2",
        /// Two cores under one level-3 cache, level 2 apart.
        SameL3 = "same_l3",
        /// One memory node, level 3 apart.
        SameNodeOtherL3 = "same_node_other_l3",
        /// Two memory nodes.
        CrossNode = "cross_node",
        /// A performance core and an efficiency core.
        PerformanceEfficiency = "performance_efficiency",
        /// Two efficiency cores.
        EfficiencyEfficiency = "efficiency_efficiency",
        /// The scheduler decides.
        Unpinned = "unpinned",
    }
}
words! {
    /// What both ends do with a payload.
    Touch {
        /// The producer writes and the consumer reads every byte.
        All = "all",
        /// The consumer reads a sample.
        Sample = "sample",
        /// Neither looks: transport only.
        None = "none",
    }
}
words! {
    /// A fault put into a transport on purpose.
    Fault {
        /// One message vanishes.
        Loss = "loss",
        /// One message arrives twice.
        Duplication = "duplication",
        /// Two messages change places.
        Reordering = "reordering",
        /// One bit flips.
        Corruption = "corruption",
        /// The sender reports a count it did not send.
        Lie = "lie",
        /// The sender stops without a word.
        Hang = "hang",
    }
}
words! {
    /// What came of a trial.
    Status {
        /// It ran to its end and was checked.
        Measured = "measured",
        /// It broke; `why` says how.
        Failed = "failed",
        /// It cannot run here; `why` says what is missing.
        Skipped = "skipped",
    }
}
words! {
    /// How far a number can be trusted.
    Verdict {
        /// Nothing disturbed it.
        Stable = "stable",
        /// Something disturbed it; `why` says what.
        Noisy = "noisy",
        /// The offered rate was not reached.
        Overloaded = "overloaded",
        /// A check failed: the number means nothing.
        Invalid = "invalid",
        /// It did not run.
        Skipped = "skipped",
    }
}

/// How many messages the hot phase carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// Messages, or round trips.
    pub messages: u64,
    /// `time`: derived from the pilot to fill the plan's hot time; `fixed`: given by the plan.
    pub chosen_by: String,
}

/// Disturbances around a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// Just before.
    pub before: NoiseReading,
    /// Just after.
    pub after: NoiseReading,
    /// Times a pinned role was found on another CPU, or an unpinned one moved.
    pub migrations: u64,
    /// Another ipcmark ran on this machine at the time.
    pub other_run: bool,
}

/// The system's own view of how busy it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseReading {
    /// Time the hypervisor ran somebody else, summed over CPUs since boot.
    pub steal_ms: u64,
    /// One-minute load average.
    pub load: f64,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Measured, failed or skipped.
    pub status: Status,
    /// How far to trust it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why it failed, was skipped, is noisy or invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Numbers by name; the names and their units are in [`metric`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// The hot phase in slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<Window>>,
    /// Latency distribution: HDR V2 deflate, base64, nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
    /// The machine's floor, measured by the same processes on the same CPUs next to the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<PairedFloor>,
    /// What each role used between hot start and hot end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<RoleCost>>,
    /// What the mechanism declares one message to cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anatomy: Option<Anatomy>,
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

    fn without_numbers(status: Status, verdict: Verdict, why: String) -> Self {
        Self {
            status,
            verdict: Some(verdict),
            why: Some(why),
            metrics: None,
            windows: None,
            histogram: None,
            floor: None,
            roles: None,
            anatomy: None,
        }
    }
}

/// Numbers by name.
pub type Metrics = BTreeMap<String, f64>;

/// Names of metrics. The unit is the last word of the name.
pub mod metric {
    /// Out and back, typical: the median over blocks of elapsed over count.
    pub const ROUND_TRIP_NS: &str = "round_trip_ns";
    /// Verified messages a second.
    pub const MESSAGES_PER_S: &str = "messages_per_s";
    /// Verified payload bytes a second.
    pub const BYTES_PER_S: &str = "bytes_per_s";
    /// Median of the distribution.
    pub const P50_NS: &str = "p50_ns";
    /// 90th percentile.
    pub const P90_NS: &str = "p90_ns";
    /// 99th percentile.
    pub const P99_NS: &str = "p99_ns";
    /// 99.9th percentile.
    pub const P999_NS: &str = "p999_ns";
    /// Largest value seen.
    pub const MAX_NS: &str = "max_ns";
    /// User and system time of all roles together, per message (a round trip is two messages).
    pub const CPU_NS_PER_MESSAGE: &str = "cpu_ns_per_message";
}

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

/// A floor measured next to its case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedFloor {
    /// Which: `two_line_round_trip`, `futex_round_trip_one_cpu`, `hand_over_stream`, ...
    pub name: String,
    /// In the case's own unit: nanoseconds a round trip, or nanoseconds a message.
    pub ns: f64,
}

/// What a role used between hot start and hot end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct RoleCost {
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
}

/// What one message should cost, side by side. In a closed loop the two sides add up; in a stream on two CPUs they
/// work at once, and the slower one sets the pace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anatomy {
    /// Counted on the sending side.
    pub sender: Counts,
    /// Counted on the receiving side.
    pub receiver: Counts,
}

/// Counts for one message on one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Entries into the kernel.
    pub system_calls: f64,
    /// Bytes copied by kernel or library, beyond the payload's one write and one read.
    pub copied_bytes: f64,
    /// Dependent transfers of one cache line from another core.
    pub line_hand_overs: f64,
    /// Payload bytes that come from another core's cache in bulk (overlapping transfers).
    pub moved_bytes: f64,
    /// Wake-ups of a sleeping process on another CPU.
    pub wakes: f64,
    /// Times this side gives up its CPU.
    pub context_switches: f64,
    /// Page faults.
    pub page_faults: f64,
    /// A delay the mechanism adds by design, in nanoseconds.
    pub delay_ns: f64,
}
