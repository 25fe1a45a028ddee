//! What the answer to a plan's question is made of: plain data that the plan states and a report evaluates.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use super::{Case, Measure, Parameter, Placement, is_usual, metric};

words! {
    /// What one part of an answer states.
    Finding {
        /// The mechanism with the best value, and those statistically tied with it.
        Best = "best",
        /// How many mechanisms ran with all checks passed, failed and were skipped.
        Ran = "ran",
        /// The highest offered rate that was sustained, and by which mechanisms.
        Sustained = "sustained",
        /// The locks that can be acquired again after their owner was killed.
        Survivors = "survivors",
        /// How many pairs of equivalent mechanisms gave equal numbers.
        EqualPairs = "equal-pairs",
        /// The speed-up over Python.
        SpeedUpOverPython = "speed-up-over-python",
        /// The nearest and the farthest pair of CPUs.
        CpuDistances = "cpu-distances",
    }
}

#[expect(clippy::derivable_impls, reason = "`words!` has no attributes of variants")]
impl Default for Finding {
    fn default() -> Self {
        Self::Best
    }
}

words! {
    /// Mechanisms that compete in one part of an answer, by what an endpoint does while it waits.
    Waiting {
        /// It polls and keeps its CPU busy.
        Polls = "polls",
        /// It sleeps in the end, perhaps after polling.
        Sleeps = "sleeps",
        /// It sleeps at once.
        Blocks = "blocks",
    }
}

/// Word for the smallest value of a parameter that was measured.
pub const LEAST: &str = "least";
/// Word for the largest value of a parameter that was measured.
pub const MOST: &str = "most";

/// Metric of an answer that no record has: share of a CPU that all roles but the first used, from the CPU time of the roles.
pub const RECEIVING_CPU_SHARE: &str = "receiving_cpu_share";

/// One part of the answer to a plan's question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnswerPart {
    /// Words before the result: `Lowest round trip`.
    pub label: String,
    /// What it states.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub finding: Finding,
    /// Family of the cases that compete, where a measure has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Measure of the cases that compete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// Metric that decides; the main metric of the measure unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// How mechanisms that compete wait; in any way unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waiting>,
    /// Whether only locks compete that can be acquired again after their owner was killed.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub survives: bool,
    /// Placement of the cases that compete; that with the most mechanisms unless it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Parameters of the cases that compete, as in a case key, or `least` or `most`.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub params: BTreeMap<String, String>,
}

impl AnswerPart {
    /// A part that names the best mechanism by the main metric of `measure`.
    pub fn best(label: &str, measure: Measure) -> Self {
        Self { label: label.to_owned(), measure: Some(measure), ..Self::default() }
    }

    /// A part that takes no measure.
    pub fn finding(label: &str, finding: Finding) -> Self {
        Self { label: label.to_owned(), finding, ..Self::default() }
    }

    /// The same among cases with this value of a parameter.
    #[must_use]
    pub fn with(mut self, parameter: &str, value: &str) -> Self {
        self.params.insert(parameter.to_owned(), value.to_owned());
        self
    }

    /// Whether it is about a case, by family, measure and parameters. Of a parameter with [`LEAST`] or [`MOST`] it is about all
    /// values.
    pub fn means(&self, case: &Case) -> bool {
        let equal = |(name, value): (&String, &String)| {
            matches!(value.as_str(), LEAST | MOST)
                || Parameter::find(name).and_then(|row| row.value(&case.params)).as_ref() == Some(value)
        };
        self.measure.is_none_or(|measure| case.measure == measure)
            && self.family.as_ref().is_none_or(|family| case.family == *family)
            && self.params.iter().all(equal)
    }

    /// Whether more of its metric is better.
    pub fn more_is_better(&self) -> bool {
        match &self.metric {
            None => self.measure.and_then(|measure| measure.row().main).is_some_and(super::MainMetric::is_rate),
            Some(name) => {
                matches!(metric::unit(name), "1/s" | "B/s")
                    || [metric::SPEED_UP, metric::EFFICIENCY, metric::JAIN, metric::RECOVERED_SHARE]
                        .contains(&name.as_str())
            }
        }
    }

    /// Names of the metrics that a part may take.
    pub fn metrics() -> impl Iterator<Item = &'static str> {
        metric::ALL.iter().map(|row| row.name).chain([RECEIVING_CPU_SHARE])
    }
}
