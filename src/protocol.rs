//! Protocol between the harness and a worker: one JSON object per line, over the worker's stdin and stdout.
//!
//! ```text
//! harness -> worker   order                     the role, what to measure, where the objects are
//! worker  -> harness  offer                     what only a running worker can make (may be empty)
//! harness -> worker   peers                     the offers of all roles
//! worker  -> harness  ready                     attached; the harness may close its own descriptors
//! harness -> worker   go                        the trial starts once the control page's phase word changes
//! worker  -> harness  done | failed
//! ```
//! A worker's stderr is its log, shown when it fails.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Case, CoreToCore, Floors, Metrics, PairedFloor, Role, RoleCost, Window};

/// Protocol version. A worker refuses an order of another version.
pub const PROTOCOL: u32 = 3;

/// Message of the harness to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToWorker {
    /// First message.
    Order(Box<Order>),
    /// Offers of all roles.
    Peers {
        /// By channel.
        offers: Vec<Offered>,
    },
    /// All roles are ready.
    Go,
}

/// Message of a worker to the harness.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromWorker {
    /// What only a running worker can make.
    Offer {
        /// By channel.
        offers: Vec<Offered>,
    },
    /// All endpoints are attached.
    Ready,
    /// The trial has ended.
    Done(Box<Report>),
    /// The worker gave up.
    Failed {
        /// The reason, as a sentence.
        why: String,
    },
}

/// Something a running worker made: a path, a process id, a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offered {
    /// Number of the channel within the trial.
    pub channel: u32,
    /// Endpoint that made it.
    pub end: Endpoint,
    /// The offer, in the mechanism's own format.
    pub text: String,
}

/// One endpoint of one channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// Number of the channel within the trial.
    pub channel: u32,
    /// Endpoint of this role.
    pub end: Endpoint,
    /// Address of the object, for this endpoint.
    pub address: Address,
}

/// Order to one worker.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Run, for logs.
    pub run_id: String,
    /// What the worker does.
    pub role: Role,
    /// First slot of this role on the control page; a host uses one for each thread.
    pub slot: u32,
    /// Slots in use on the control page. Slot 0 is the leader.
    pub slots: u32,
    /// Case to measure.
    pub case: Case,
    /// Endpoints of this role.
    pub links: Vec<Link>,
    /// Control page.
    pub control: Descriptor,
    /// CPUs for this worker's roles, one each; empty if unpinned.
    pub cpus: Vec<u32>,
    /// CPUs of all roles of the trial; empty if unpinned.
    #[serde(default)]
    pub trial_cpus: Vec<u32>,
    /// CPUs over which a `spread` trial is dealt out; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spread_over: Vec<u32>,
    /// Duration of warm-up and measurement.
    pub timing: Timing,
    /// A fault put in on purpose, to see it caught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

impl Order {
    /// This role's endpoint of a channel.
    ///
    /// Errors: the order has none.
    pub fn link(&self, channel: u32) -> io::Result<&Link> {
        let found = self.links.iter().find(|link| link.channel == channel);
        found.ok_or_else(|| io::Error::other(format!("the order of the {} has no channel {channel}", self.role)))
    }
}

/// A role of a trial, before its process starts.
#[derive(Debug)]
pub struct RoleSpec {
    /// What it does.
    pub role: Role,
    /// The endpoints it holds.
    pub links: Vec<Link>,
    /// Lines on the control page, and CPUs, that this worker uses: 2 for a host of two threads.
    pub slots: u32,
}

impl RoleSpec {
    /// One worker that plays all roles, `slots` of them, and makes what it needs itself.
    pub fn host(slots: u32) -> Self {
        Self { role: Role::Host, links: vec![], slots }
    }
}

/// A fault put in on purpose: only tests ask for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// One message vanishes.
    Loss,
    /// One message arrives twice.
    Duplication,
    /// Two messages change places.
    Reordering,
    /// One bit flips.
    Corruption,
    /// The answering role reports one message more than it handled.
    Lie,
    /// The answering role stops and never answers.
    Hang,
    /// The receiving role stops once for 100 ms in the hot phase.
    Stall,
    /// The receiving role stops for 100 ms after each slice of the hot phase.
    Slow,
    /// A contender enters the critical section without the lock.
    Trespass,
}

/// Duration of a trial, or its number of operations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Length of the warm-up, in which the pilot count doubles.
    pub warm_up_ns: u64,
    /// Length of the measurement; the pilot run determines the count that fills it.
    pub hot_ns: u64,
    /// Time for the paired floor, before and after the measurement in total; 0 for none.
    pub floor_ns: u64,
    /// Number of operations instead of a time; then there is no pilot run.
    pub fixed_count: Option<u64>,
}

/// Result of a worker. The leader fills all fields, the others only their cost and their counts.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Messages (or round trips) that this role completed; a receiver has verified them.
    pub messages: u64,
    /// Origin of the count, `time` or `fixed`.
    pub chosen_by: String,
    /// Length of the warm-up.
    pub warm_up_ns: u64,
    /// Why a check failed; the trial is invalid then.
    pub invalid: Option<String>,
    /// Why this machine cannot run the case; nothing was measured then.
    pub skipped: Option<String>,
    /// Note for the record, beside valid numbers.
    pub remark: Option<String>,
    /// Metrics by name.
    pub metrics: Metrics,
    /// Slices of the timed phase.
    pub windows: Vec<Window>,
    /// Latency distribution in nanoseconds: HDR V2, deflated, base64.
    pub histogram: Option<String>,
    /// Distributions by name, as in a record.
    pub distributions: std::collections::BTreeMap<String, String>,
    /// The paired floor.
    pub floor: Option<PairedFloor>,
    /// One entry for each role of this worker.
    pub roles: Vec<RoleCost>,
    /// Only from a trial of the floors.
    pub floors: Option<Box<Floors>>,
    /// Only from a trial of the map of round trips between CPUs.
    pub core_to_core: Option<Box<CoreToCore>>,
    /// Only from a trial of a contended lock or of shared state: one entry for each role of this worker.
    pub holders: Vec<HolderFinding>,
    /// Only from an open loop over a channel: one entry for each receiver of this worker.
    pub arrivals: Vec<ArrivalFinding>,
}

/// What one receiver of an open loop saw; the result of the trial is computed from those of all receivers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArrivalFinding {
    /// Messages of the timed phase that it verified.
    pub arrived: u64,
    /// Part of the offered pace that it kept: planned time over the time that they took.
    pub pace: f64,
    /// Step of the clock that stamped them.
    pub clock_step_ns: f64,
    /// Their latencies, as in a report.
    pub histogram: String,
}

/// Counts of one contender for a lock; the result of the trial is computed from those of all contenders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderFinding {
    /// Its slot on the control page.
    pub slot: u32,
    /// Start that all contenders agreed on, on the monotonic clock.
    pub agreed_ns: u64,
    /// Time at which it started.
    pub started_ns: u64,
    /// Time at which it stopped.
    pub ended_ns: u64,
    /// Acquisitions of the timed phase.
    pub acquisitions: u64,
    /// The same for each millisecond since the agreed start.
    pub per_ms: Vec<u32>,
    /// Acquisitions with a time stamp.
    pub samples: u64,
    /// Of those, read acquisitions.
    pub read_samples: u64,
    /// Acquisitions by the previous holder's slot; the last entry counts those without a previous holder.
    pub after: Vec<u64>,
    /// Longest time between two acquisitions with a time stamp.
    pub starved_ns: u64,
    /// Most acquisitions in a row without one of another contender between them.
    pub longest_run: u64,
    /// Failed attempts of optimistic updates, which repeat until they succeed.
    pub retries: u64,
    /// Of the acquisitions, those for reading.
    pub reads: u64,
    /// Distributions by name, as in a record's contest; `wait` among them.
    pub histograms: std::collections::BTreeMap<String, String>,
}

/// Writes one line and flushes it.
///
/// ```
/// use ipcmark::protocol::{self, ToWorker};
///
/// # fn main() -> std::io::Result<()> {
/// let mut line = vec![];
/// protocol::send(&mut line, &ToWorker::Go)?;
/// assert_eq!(line, b"{\"type\":\"go\"}\n");
/// let message: ToWorker = protocol::receive(&mut line.as_slice())?;
/// assert!(matches!(message, ToWorker::Go));
/// # Ok(())
/// # }
/// ```
pub fn send<T: Serialize>(out: &mut impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Reads one line.
///
/// Errors: `UnexpectedEof` if the other side closed the connection, `InvalidData` with the line if it cannot be parsed.
pub fn receive<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<T> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other side closed the connection"));
    }
    parse(&line)
}

/// Parses one line.
pub fn parse<T: DeserializeOwned>(line: &str) -> io::Result<T> {
    serde_json::from_str(line).map_err(|e| {
        let shown: String = line.trim_end().chars().take(200).collect();
        io::Error::new(io::ErrorKind::InvalidData, format!("{e} in the line: {shown}"))
    })
}
