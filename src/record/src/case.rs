//! What is asked: one mechanism, one measure, where it runs, and its parameters.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Group, Isolation, Measure, Params, Placement, ROLES_MAX, Wait};

/// What is measured, how, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// `transport`, `lock`, `pool`, ...
    pub family: String,
    /// The mechanism, without its wait strategy.
    pub mechanism: String,
    /// Kind of mechanism; follows from it, so it is no part of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The participant that plays all roles, unless it is this program: a name in `participants.toml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// How an endpoint without work waits, where that is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The question asked of the mechanism.
    pub measure: Measure,
    /// Processes or threads.
    pub isolation: Isolation,
    /// Where the roles run.
    pub placement: Placement,
    /// What the measure or the mechanism can be given beyond that.
    #[serde(default)]
    pub params: Params,
}

impl Case {
    /// A case of two processes wherever the scheduler puts them, with every parameter as usual.
    pub fn new(family: &str, mechanism: &str, measure: Measure) -> Self {
        Self {
            family: family.to_owned(),
            mechanism: mechanism.to_owned(),
            group: None,
            program: None,
            wait: None,
            measure,
            isolation: Isolation::Process,
            placement: Placement::Unpinned,
            params: Params::default(),
        }
    }

    /// The case with other parameters.
    ///
    /// ```
    /// use ipcmark_record::{Case, Measure};
    /// let case = Case::new("lock", "ticket", Measure::Contention).with(|p| p.contenders = Some(4));
    /// assert_eq!(case.key(), "lock/ticket/contention/process/unpinned/contenders=4");
    /// ```
    #[must_use]
    pub fn with(mut self, set: impl FnOnce(&mut Params)) -> Self {
        set(&mut self.params);
        self
    }

    /// The registry row: `mechanism` or `mechanism/wait`.
    pub fn row(&self) -> String {
        match self.wait {
            Some(wait) => format!("{}/{wait}", self.mechanism),
            None => self.mechanism.clone(),
        }
    }

    /// The case as a path, `family/mechanism/measure/isolation/placement[/name=value]...`, stable between runs and machines.
    /// Parameters follow in the order of their table, unless they are as usual.
    pub fn key(&self) -> String {
        let Self { family, mechanism, measure, isolation, placement, .. } = self;
        let mut key = format!("{family}/{mechanism}/{measure}/{isolation}/{placement}");
        let wait = self.wait.map(|wait| ("wait", wait.to_string()));
        for (name, value) in wait.into_iter().chain(self.params.set_values()) {
            write!(key, "/{name}={value}").expect("a string takes any text");
        }
        key
    }

    /// Senders and receivers of one channel.
    pub fn pattern(&self) -> Pattern {
        self.params.pattern.unwrap_or_default()
    }
}

/// How many send to and receive from one channel, as `senders:receivers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern {
    /// Sending endpoints.
    pub senders: u32,
    /// Receiving endpoints.
    pub receivers: u32,
}

impl Default for Pattern {
    fn default() -> Self {
        Self { senders: 1, receivers: 1 }
    }
}

impl Pattern {
    /// Endpoints on both sides.
    pub const fn roles(self) -> u32 {
        self.senders.saturating_add(self.receivers)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.senders, self.receivers)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text
            .split_once(':')
            .and_then(|(senders, receivers)| Some((senders.parse().ok()?, receivers.parse().ok()?)));
        let (senders, receivers) =
            sides.ok_or_else(|| format!("`{text}` is no pattern; write senders:receivers, like 2:1"))?;
        let pattern = Self { senders, receivers };
        if senders == 0 || receivers == 0 || pattern.roles() > ROLES_MAX {
            return Err(format!("`{text}` is out of range: at least one of each, at most {ROLES_MAX} in all"));
        }
        Ok(pattern)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}
