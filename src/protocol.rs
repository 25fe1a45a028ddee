//! What the harness and a worker say to each other: one JSON object a line, over the worker's stdin and stdout.
//!
//! ```text
//! harness -> worker   order                     who you are, what to measure, where your objects are
//! worker  -> harness  offer                     what only a live worker can make (may be empty)
//! harness -> worker   peers                     what everybody offered
//! worker  -> harness  ready                     attached; the harness may drop its own descriptors
//! harness -> worker   go                        arms; the control page's phase word starts
//! worker  -> harness  done | failed
//! ```
//! A worker's stderr is its log and is shown when it fails.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::address::{Address, Descriptor, End};
use crate::record::{Case, Floors, Metrics, PairedFloor, RoleCost, Window};

/// Version of the lines. A worker refuses an order of another one.
pub const PROTOCOL: u32 = 3;

/// What the harness says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum ToWorker {
    /// The first line.
    Order(Box<Order>),
    /// What all roles offered.
    Peers {
        /// By channel.
        offers: Vec<Offered>,
    },
    /// Every role is ready.
    Go,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum FromWorker {
    /// What only a live worker can make.
    Offer {
        /// By channel.
        offers: Vec<Offered>,
    },
    /// Attached.
    Ready,
    /// Measured.
    Done(Box<Report>),
    /// Broken, with the reason.
    Failed {
        /// A sentence.
        why: String,
    },
}

/// Something a live worker made: a path, a pid, a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Offered {
    /// Number of the channel within the trial.
    pub channel: u32,
    /// Which end of it made this.
    pub end: End,
    /// What it made, in the mechanism's own words.
    pub text: String,
}

/// One end of one channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// Number of the channel within the trial.
    pub channel: u32,
    /// Which end this role holds.
    pub end: End,
    /// Where the object is, as this end may see it.
    pub address: Address,
}

/// Everything one worker needs to know.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// The run, for logs.
    pub run_id: String,
    /// `pinger`, `ponger`, `sender`, `receiver`, `host`, `solo`, ...
    pub role: String,
    /// This role's first line on the control page; a host with two threads uses two.
    pub slot: u32,
    /// Lines in use on the control page. Slot 0 leads.
    pub slots: u32,
    /// What is measured.
    pub case: Case,
    /// The ends this role holds.
    pub links: Vec<Link>,
    /// The control page.
    pub control: Descriptor,
    /// CPUs for this worker's roles, one each; empty when unpinned.
    pub cpus: Vec<u32>,
    /// How long to warm up and to measure.
    pub timing: Timing,
    /// A fault put in on purpose, to see it caught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
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
    /// A contender enters the critical section without the lock.
    Trespass,
}

/// How long a trial takes, or how much it carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The pilot count doubles until this has passed.
    pub warm_up_ns: u64,
    /// The count is derived to fill this.
    pub hot_ns: u64,
    /// Time for the paired floor, before and after together; 0 for none.
    pub floor_ns: u64,
    /// A count instead of a time: no pilot then.
    pub fixed_count: Option<u64>,
}

/// What a worker found. The leader fills everything; the others their cost and what they verified.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Messages (or round trips) this role completed and, where it reads, verified.
    pub messages: u64,
    /// How the count was chosen, `time` or `fixed`.
    pub chosen_by: String,
    /// Length of the warm-up.
    pub warm_up_ns: u64,
    /// A check that failed: the trial is invalid, and this is why.
    pub invalid: Option<String>,
    /// What this machine does not allow, so that nothing could be measured.
    pub skipped: Option<String>,
    /// What the numbers alone do not say, for the record; no reason to doubt them.
    pub remark: Option<String>,
    /// Numbers by name.
    pub metrics: Metrics,
    /// Slices of the hot phase.
    pub windows: Vec<Window>,
    /// HDR V2 deflate, base64, nanoseconds.
    pub histogram: Option<String>,
    /// Distributions by name, as in a record.
    pub distributions: std::collections::BTreeMap<String, String>,
    /// The paired floor.
    pub floor: Option<PairedFloor>,
    /// One entry per role this worker played.
    pub roles: Vec<RoleCost>,
    /// Only from a floors trial.
    pub floors: Option<Box<Floors>>,
    /// Only from a trial of several holders of one lock, or users of one state: one entry per role this worker played.
    pub holders: Vec<HolderFinding>,
}

/// What one holder of a lock saw. Only all of them together make a result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderFinding {
    /// Its line on the control page.
    pub slot: u32,
    /// The start that all holders agreed on, on the monotonic clock.
    pub agreed_ns: u64,
    /// When it was at work.
    pub started_ns: u64,
    /// When it stopped.
    pub ended_ns: u64,
    /// Acquisitions of the hot phase.
    pub acquisitions: u64,
    /// The same by millisecond from the agreed start.
    pub per_ms: Vec<u32>,
    /// Acquisitions that were stamped.
    pub samples: u64,
    /// Of those, the ones that only read.
    pub read_samples: u64,
    /// By the slot that had the lock before; the last entry counts acquisitions of a lock nobody had had.
    pub after: Vec<u64>,
    /// The longest time between two acquisitions that were looked at.
    pub starved_ns: u64,
    /// The most acquisitions in a row with nobody else between.
    pub longest_run: u64,
    /// Attempts in vain, where updates are tried until they succeed.
    pub retries: u64,
    /// Of the acquisitions, those that only read.
    pub reads: u64,
    /// Distributions by name, as in a record's contest; `wait` among them.
    pub histograms: std::collections::BTreeMap<String, String>,
}

/// Writes one line and flushes it.
pub fn say<T: Serialize>(out: &mut impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Reads one line.
///
/// Errors: `UnexpectedEof` when the other side is gone, `InvalidData` with the line when it is not understood.
pub fn hear<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<T> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the other side closed the conversation"));
    }
    parse(&line)
}

/// Understands one line.
pub fn parse<T: DeserializeOwned>(line: &str) -> io::Result<T> {
    serde_json::from_str(line).map_err(|e| {
        let shown: String = line.trim_end().chars().take(200).collect();
        io::Error::new(io::ErrorKind::InvalidData, format!("{e} in the line: {shown}"))
    })
}
