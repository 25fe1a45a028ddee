//! What is asked: one cell of the matrix.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Arrivals, Call, Chunk, Death, Ending, Fault, Group, Isolation, Measure, Placement, Service, Spacing, Stock,
    Substrate, Touch, Wait,
};

/// One cell of the matrix: what is measured, how, where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// `transport`, `lock`, later `pool`, ...
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
    /// What kind of thing the mechanism is; follows from it, so it is no part of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Sending sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producers: Option<u32>,
    /// Receiving sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<u32>,
    /// Independent channels of one sender and one receiver each, at work at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<u32>,
    /// Processes that only burn CPU time beside the trial's own roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hogs: Option<u32>,
    /// Messages the mechanism holds before a sender waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// Channels a round trip uses: 1 when one connection carries both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// What both ends do with the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub touch: Option<Touch>,
    /// Messages a second that an open loop offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<u64>,
    /// When the messages of an open loop are due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<Arrivals>,
    /// Messages that are due at once, where they come in bursts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// The pause before each message of a wake measure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_ns: Option<u64>,
    /// Whether the pages of shared memory are brought in when it is attached, instead of when they are first touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefault: Option<bool>,
    /// Known delay of the null transport, per message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ns: Option<u64>,
    /// Processes (or threads) that want the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holders: Option<u32>,
    /// Calibrated work under the lock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside_ns: Option<u64>,
    /// Calibrated work between two acquisitions, in the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_ns: Option<u64>,
    /// How that work is spread around its mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// Cache lines under the lock that each holder changes, the first of them the check's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// Of a hundred accesses, how many only read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_percent: Option<u32>,
    /// Where the stock of a ticket sale is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<Stock>,
    /// When a process is killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub death: Option<Death>,
    /// The program that plays all roles, where it is not this one: a participant of `participants.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Workers of a pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// How tasks are handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// How many tasks go over at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk: Option<Chunk>,
    /// Calibrated work of one task, or of one request to a server that computes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grain_ns: Option<u64>,
    /// Processes that are started at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// Memory of the parent that is in use when it starts a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// How a child comes to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Entries of shared state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<u32>,
    /// Client processes of a server, one connection each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clients: Option<u32>,
    /// What a server does for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// A fault put in on purpose, to see it caught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject: Option<Fault>,
}

impl Case {
    /// A case of two processes wherever the scheduler puts them, with everything that is optional left open.
    pub fn new(family: &str, mechanism: &str, measure: Measure) -> Self {
        Self {
            family: family.to_owned(),
            mechanism: mechanism.to_owned(),
            measure,
            isolation: Isolation::Process,
            wait: None,
            substrate: None,
            placement: Placement::Unpinned,
            message_bytes: None,
            group: None,
            producers: None,
            consumers: None,
            pairs: None,
            hogs: None,
            depth: None,
            connections: None,
            touch: None,
            rate_per_s: None,
            arrivals: None,
            burst: None,
            gap_ns: None,
            prefault: None,
            delay_ns: None,
            holders: None,
            inside_ns: None,
            outside_ns: None,
            spacing: None,
            lines: None,
            reads_percent: None,
            stock: None,
            death: None,
            program: None,
            workers: None,
            call: None,
            chunk: None,
            grain_ns: None,
            at_once: None,
            resident_bytes: None,
            ending: None,
            keys: None,
            clients: None,
            service: None,
            inject: None,
        }
    }

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
        let shape = (self.producers.unwrap_or(1), self.consumers.unwrap_or(1));
        add("topology", (shape != (1, 1)).then(|| format!("{}:{}", shape.0, shape.1)));
        add("pairs", self.pairs.map(|p| p.to_string()));
        add("hogs", self.hogs.map(|h| h.to_string()));
        add("depth", self.depth.map(|d| d.to_string()));
        add("touch", self.touch.filter(|touch| *touch != Touch::All).map(|t| t.to_string()));
        add("rate", self.rate_per_s.map(|r| r.to_string()));
        add("arrivals", self.arrivals.map(|a| a.to_string()));
        add("burst", self.burst.map(|b| b.to_string()));
        add("gap", self.gap_ns.map(|g| g.to_string()));
        add("prefault", self.prefault.map(|p| p.to_string()));
        add("delay", self.delay_ns.map(|d| d.to_string()));
        add("holders", self.holders.map(|h| h.to_string()));
        add("inside", self.inside_ns.map(|ns| ns.to_string()));
        add("outside", self.outside_ns.map(|ns| ns.to_string()));
        add("spacing", self.spacing.map(|s| s.to_string()));
        add("lines", self.lines.map(|l| l.to_string()));
        add("reads", self.reads_percent.map(|r| r.to_string()));
        add("stock", self.stock.map(|s| s.to_string()));
        add("death", self.death.map(|d| d.to_string()));
        add("workers", self.workers.map(|it| it.to_string()));
        add("call", self.call.map(|it| it.to_string()));
        add("chunk", self.chunk.map(|it| it.to_string()));
        add("grain", self.grain_ns.map(|it| it.to_string()));
        add("at-once", self.at_once.map(|it| it.to_string()));
        add("resident", self.resident_bytes.map(|it| it.to_string()));
        add("ending", self.ending.map(|it| it.to_string()));
        add("keys", self.keys.map(|it| it.to_string()));
        add("clients", self.clients.map(|it| it.to_string()));
        add("service", self.service.map(|it| it.to_string()));
        add("inject", self.inject.map(|i| i.to_string()));
        key
    }
}
