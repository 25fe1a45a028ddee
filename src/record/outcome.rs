//! What came of a trial: numbers with their verdict, their cost, and what they should have cost.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Contest, Status, Verdict};

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
    /// What several holders made of one lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contest: Option<Contest>,
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
            contest: None,
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
    /// Paced: from when a message was due until it was verified, median.
    pub const LATENCY_NS: &str = "latency_ns";
    /// Paced: messages a second that were due. [`MESSAGES_PER_S`] is what was achieved of them.
    pub const OFFERED_PER_S: &str = "offered_per_s";
    /// Lossy: share of the messages sent that never arrived.
    pub const LOST_SHARE: &str = "lost_share";
    /// Wake: from just before the send until the message was verified, median.
    pub const WAKE_NS: &str = "wake_ns";
    /// Set-up: all of it, from nothing to the first verified message and back to nothing, median.
    pub const SET_UP_NS: &str = "set_up_ns";
    /// Set-up: making the object.
    pub const CREATE_NS: &str = "create_ns";
    /// Set-up: both ends.
    pub const ATTACH_NS: &str = "attach_ns";
    /// Set-up: the first message, page faults included.
    pub const FIRST_MESSAGE_NS: &str = "first_message_ns";
    /// Set-up: a later message, for comparison.
    pub const LATER_MESSAGE_NS: &str = "later_message_ns";
    /// Set-up: closing and removing.
    pub const TEAR_DOWN_NS: &str = "tear_down_ns";
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
    /// Acquire: taking a free lock and letting it go again, typical.
    pub const ACQUIRE_NS: &str = "acquire_ns";
    /// Acquire: the same when another core held it last.
    pub const ACQUIRE_REMOTE_NS: &str = "acquire_remote_ns";
    /// Acquire: the same by a try that never waits.
    pub const TRY_LOCK_NS: &str = "try_lock_ns";
    /// Contention: acquisitions a second of all holders together.
    pub const ACQUISITIONS_PER_S: &str = "acquisitions_per_s";
    /// Contention: how long the lock was held, median.
    pub const HOLD_NS: &str = "hold_ns";
    /// Contention: from the release until another, who waited, has the lock, median.
    pub const HAND_OVER_NS: &str = "hand_over_ns";
    /// Contention: share of acquisitions by another than the last holder.
    pub const HANDED_OVER_SHARE: &str = "handed_over_share";
    /// Contention: Jain's index over the whole window.
    pub const JAIN: &str = "jain";
    /// Contention: the longest time any holder went without the lock.
    pub const STARVED_NS: &str = "starved_ns";
    /// Contention: the most acquisitions of one holder with nobody else between.
    pub const LONGEST_RUN: &str = "longest_run_acquisitions";
    /// Contention: user and system time of all holders, per acquisition.
    pub const CPU_NS_PER_ACQUISITION: &str = "cpu_ns_per_acquisition";
    /// Contention: voluntary and involuntary switches of all holders, per acquisition.
    pub const SWITCHES_PER_ACQUISITION: &str = "switches_per_acquisition";
    /// Contention: acquisitions for each one that was stamped.
    pub const SAMPLED_EVERY: &str = "sampled_every_acquisitions";
    /// Contention and tickets: updates of the protected counter that vanished.
    pub const LOST_UPDATES: &str = "lost_updates";
    /// Contention: attempts in vain for each update that succeeded.
    pub const RETRIES_PER_UPDATE: &str = "retries_per_update";
    /// Read-mostly: reads a second of all together.
    pub const READS_PER_S: &str = "reads_per_s";
    /// Read-mostly: writes a second of all together.
    pub const WRITES_PER_S: &str = "writes_per_s";
    /// Read-mostly: attempts in vain for each read that succeeded.
    pub const RETRIES_PER_READ: &str = "retries_per_read";
    /// Read-mostly: from asking for a read until the look that was accepted began, median.
    pub const READ_P50_NS: &str = "read_p50_ns";
    /// The same, 99th percentile.
    pub const READ_P99_NS: &str = "read_p99_ns";
    /// Read-mostly: the longest that a read, of those looked at, had to wait.
    pub const READ_STARVED_NS: &str = "read_starved_ns";
    /// Read-mostly: from asking for a write until it began, median.
    pub const WRITE_P50_NS: &str = "write_p50_ns";
    /// The same, 99th percentile.
    pub const WRITE_P99_NS: &str = "write_p99_ns";
    /// Read-mostly: the longest that a write, of those looked at, had to wait.
    pub const WRITE_STARVED_NS: &str = "write_starved_ns";
    /// Tickets: time the whole sale took, over tickets sold.
    pub const SALE_NS: &str = "sale_ns";
    /// Tickets: sold beyond the stock.
    pub const OVERSOLD: &str = "oversold_tickets";
    /// Recover: from the death, or the last release after it, until the next holder has the lock, median.
    pub const RECOVERY_NS: &str = "recovery_ns";
    /// Recover: share of deaths after which the next in line got the lock within the patience of the trial.
    pub const RECOVERED_SHARE: &str = "recovered_share";
    /// Recover: share of deaths of which the next holder was told.
    pub const TOLD_SHARE: &str = "told_share";
    /// Recover: until somebody who comes later has the lock, where the next in line did not get it, median.
    pub const NEWCOMER_NS: &str = "newcomer_ns";
    /// User and system time of all roles together, per message (a round trip is two messages). Paced and wake: of the
    /// receiver alone, since the sender keeps its CPU busy between messages whatever the mechanism.
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
    /// Which: `two_line_round_trip`, `turns_round_trip`, `futex_round_trip_one_cpu`, `hand_over_stream`, `touch_one_cpu`.
    pub name: String,
    /// In the case's own unit: nanoseconds a round trip, or nanoseconds a message.
    pub ns: f64,
    /// Prices of this moment for the cost anatomy of a round trip: two lines bounced out and back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_round_trip_ns: Option<f64>,
    /// One message of the case's size handed over in turns, one way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_over_serial_ns: Option<f64>,
    /// From ringing a futex on one CPU to the sleeper being awake on the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub futex_hop_ns: Option<f64>,
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
///
/// Of a lock it is one hand-over, what the holder pays that lets it go and what the next one pays who waited for it; with
/// nobody else about, all of it stands on the sending side.
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
    /// Atomic read-modify-write instructions on a line that this core owns already.
    #[serde(default)]
    pub atomics: f64,
}
