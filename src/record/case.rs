//! What is asked: one cell of the matrix.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, Isolation, Measure, Placement, Substrate, Touch, Wait};

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
            producers: None,
            consumers: None,
            depth: None,
            connections: None,
            touch: None,
            delay_ns: None,
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
        add("depth", self.depth.map(|d| d.to_string()));
        add("delay", self.delay_ns.map(|d| d.to_string()));
        add("inject", self.inject.map(|i| i.to_string()));
        key
    }
}
