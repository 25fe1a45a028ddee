//! Map of round trips between CPUs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Round trips over two cache lines between pairs of CPUs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoreToCore {
    /// CPUs of the map, ordered by locality.
    pub cpus: Vec<CpuPlace>,
    /// Whether only a sample of all pairs was measured: one CPU per group of CPUs that share a cache, with each other and with
    /// the CPUs of their groups.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub sampled: bool,
    /// Lines per pair and direction, each on a fresh page.
    pub lines: u32,
    /// Pairs in both directions.
    pub pairs: Vec<PairTime>,
}

/// CPU and what it shares with others. A core or cache is identified by the lowest CPU that shares it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CpuPlace {
    /// Number of the CPU.
    pub cpu: u32,
    /// Physical core.
    pub core: u32,
    /// Level-2 cache, if the system lists one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_2: Option<u32>,
    /// Level-3 cache, if the system lists one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_3: Option<u32>,
    /// Memory node.
    pub node: u32,
    /// Whether it is an efficiency core of a machine with two kinds of cores.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub efficient: bool,
}

/// Pair of CPUs in one direction; in a record the five numbers in this order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Row", into = "Row")]
#[schemars(with = "Row")]
pub struct PairTime {
    /// CPU that starts the round trips; the lines lie on its memory node.
    pub from: u32,
    /// CPU that answers.
    pub to: u32,
    /// Median over the lines.
    pub median_ns: f64,
    /// The fastest line.
    pub low_ns: f64,
    /// The slowest line.
    pub high_ns: f64,
}

/// Pair as in a record.
type Row = (u32, u32, f64, f64, f64);

impl From<Row> for PairTime {
    fn from((from, to, median_ns, low_ns, high_ns): Row) -> Self {
        Self { from, to, median_ns, low_ns, high_ns }
    }
}

impl From<PairTime> for Row {
    fn from(pair: PairTime) -> Self {
        (pair.from, pair.to, pair.median_ns, pair.low_ns, pair.high_ns)
    }
}

impl CoreToCore {
    /// Pair with unknown CPUs or impossible times.
    pub(crate) fn contradiction(&self) -> Option<String> {
        let known = |cpu: u32| self.cpus.iter().any(|place| place.cpu == cpu);
        let possible = |pair: &PairTime| {
            let PairTime { from, to, median_ns, low_ns, high_ns } = *pair;
            let ordered = 0.0 < low_ns && low_ns <= median_ns && median_ns <= high_ns && high_ns.is_finite();
            from != to && known(from) && known(to) && ordered
        };
        let wrong = self.pairs.iter().find(|pair| !possible(pair))?;
        Some(format!("its pair of CPUs {} and {} is unknown or has impossible times", wrong.from, wrong.to))
    }
}
