//! The words every stage speaks: case, outcome, record, machine. Plain data, no behaviour beyond naming and the check
//! that the numbers of a trial can be true.
//!
//! A record is one trial: one set of processes, one case. [`mod@line`] says how `records.jsonl` holds it. Times are integer
//! nanoseconds where they were measured as such, and `f64` nanoseconds where they are a quotient.

pub mod answer;
mod case;
mod contradiction;
mod core_to_core;
mod facts;
mod hardware;
pub mod line;
mod machine;
mod measures;
pub mod metric;
mod operation;
mod outcome;
mod params;
pub mod percentile;
mod units;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use answer::{AnswerPart, Finding, Waiting};
pub use case::{Case, Pattern};
pub use core_to_core::{CoreToCore, CpuPlace, PairTime};
pub use facts::{Fact, Part};
pub use hardware::{Counters, Sensors};
pub use machine::{Cache, Facts, Floors, GroupLimits, HugePages, IdleNoise, Machine, SizedFloor};
pub use measures::{Kind, MainMetric, Measure, MeasureRow};
pub use operation::{Operation, PAGE_BYTES};
pub use outcome::{
    ContenderShare, Contest, CostModel, Counts, Fairness, Metrics, Outcome, PairedFloor, Role, RoleCost, SpinBudget,
    Window,
};
pub use params::{LINES_MAX, MESSAGE_BYTES_MAX, PARAMETERS, Parameter, Params, ROLES_MAX, Values};
pub use units::Unit;
pub use words::{
    Arrivals, Call, Chunk, Ending, Group, Isolation, KillPoint, Placement, Service, Spacing, Status, Stock, Substrate,
    Touch, Verdict, Wait,
};

/// Version of the record's form. A reader refuses records of a later one.
pub const SCHEMA: u32 = 3;

/// One trial, with everything that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// The run this trial belongs to.
    pub run_id: String,
    /// What ran: the suite's own identity and the plan.
    pub suite: Arc<Suite>,
    /// Where it ran.
    pub machine: Arc<Machine>,
    /// What was asked.
    pub case: Case,
    /// The case as a path, stable between runs: see [`Case::key`].
    pub case_key: String,
    /// Which repetition, each with fresh processes, from 0.
    pub repetition: u32,
    /// Which attempt at this repetition, from 0. A disturbed trial is tried again at the end of the run; the last
    /// attempt that was not disturbed counts, else the last one.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub attempt: u32,
    /// Added to the plan's repetitions, because the interval of the case was wide.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub added: bool,
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
    /// Result.
    pub outcome: Outcome,
}

impl Record {
    /// Step of the clock that stamped single events, if known: that of the trial, else that of the machine.
    pub fn clock_step_ns(&self) -> Option<f64> {
        let of_trial = self.outcome.metric(metric::CLOCK_STEP_NS);
        of_trial.or_else(|| self.machine.clock_step_ns())
    }
}

/// Whether a field has its default, which records leave out.
fn is_usual<T: Default + PartialEq>(field: &T) -> bool {
    *field == T::default()
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
    /// What its answer is made of; empty in older records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<AnswerPart>,
    /// Hash of the plan as run: equal hashes mean equal cases and times.
    pub plan_hash: String,
    /// Seed of the schedule's shuffle.
    pub seed: u64,
    /// Versions of the libraries in it, and of participants in the plan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
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

/// How many messages the hot phase carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// Messages, or round trips.
    pub messages: u64,
    /// `time`: derived from the pilot to fill the plan's hot time, as it is where this is absent; `fixed`: given by the plan.
    #[serde(default = "by_time", skip_serializing_if = "is_by_time")]
    pub chosen_by: String,
}

fn by_time() -> String {
    "time".into()
}

fn is_by_time(chosen_by: &String) -> bool {
    *chosen_by == by_time()
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
    /// Time that the hypervisor ran other guests, summed over CPUs since boot.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub steal_ms: u64,
    /// One-minute load average.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub load: f64,
    /// Throttling by the CPU quota of the own control group or a parent, since the groups were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling: Option<Throttling>,
}

/// Counters of control groups with a CPU quota, summed over the own group and its parents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Throttling {
    /// Periods in which a quota was enforced.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub periods: u64,
    /// Periods in which the quota was used up, so that the group had to wait.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub throttled_periods: u64,
    /// Time that the group had to wait, summed over CPUs.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub throttled_us: u64,
}
