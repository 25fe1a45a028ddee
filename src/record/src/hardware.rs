//! What the hardware itself counts: events of a role's thread, and energy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metric;

/// Hardware counters of a role's thread between hot start and hot end, and `None` for an event that the processor or the kernel
/// does not count. In measures whose roles begin at an agreed time, the spin just before it is included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Counters {
    pub cycles: Option<u64>,
    pub instructions: Option<u64>,
    /// Misses of the last cache level, as the processor defines them.
    pub cache_misses: Option<u64>,
    pub branch_misses: Option<u64>,
    /// Whether the kernel's part of the work is left out, since its counts are not granted.
    #[serde(default, skip_serializing_if = "crate::is_usual")]
    pub user_only: bool,
}

impl Counters {
    /// Metric of each event, per message, and its count.
    pub const fn named(&self) -> [(&'static str, Option<u64>); 4] {
        [
            (metric::CYCLES_PER_MESSAGE, self.cycles),
            (metric::INSTRUCTIONS_PER_MESSAGE, self.instructions),
            (metric::CACHE_MISSES_PER_MESSAGE, self.cache_misses),
            (metric::BRANCH_MISSES_PER_MESSAGE, self.branch_misses),
        ]
    }
}

/// Counters that a run may read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sensors {
    /// Why hardware counters cannot be read, and what would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters_missing: Option<String>,
    /// Why energy cannot be read, and what would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_missing: Option<String>,
    /// Power of all processor packages just before the run, in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_watts: Option<f64>,
}

impl Sensors {
    /// Name and state of each that is known.
    ///
    /// ```
    /// use ipcmark_record::Sensors;
    /// let sensors = Sensors { idle_watts: Some(41.27), ..Sensors::default() };
    /// assert_eq!(sensors.named(), [("Idle power of the packages", "41.3 W".to_owned())]);
    /// ```
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let not = |why: &Option<String>| why.as_ref().map(|why| format!("not read: {why}"));
        let rows = [
            ("Hardware counters", not(&self.counters_missing)),
            ("Energy", not(&self.energy_missing)),
            ("Idle power of the packages", self.idle_watts.map(|watts| format!("{watts:.1} W"))),
        ];
        rows.into_iter().filter_map(|(name, state)| Some((name, state?))).collect()
    }
}
