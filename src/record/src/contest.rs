//! What several holders made of one lock: who got it how often, from whom, and how evenly.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What several holders made of one lock, in the window in which all of them ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contest {
    /// In order of slot.
    pub holders: Vec<HolderShare>,
    /// `hand_overs[from][to]`: how often `to` took the lock that `from` had held last.
    pub hand_overs: Vec<Vec<u64>>,
    /// How even the shares were, by length of window, the shortest first.
    pub fairness: Vec<Fairness>,
    /// Distributions beside the wait, which is the record's `histogram`: `hold`, `hand_over` (from the release until a
    /// waiter has the lock), `again` (the wait of a holder that had it last), `read_wait`, `write_wait`. HDR V2 deflate,
    /// base64, nanoseconds.
    pub histograms: BTreeMap<String, String>,
}

/// What one holder got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HolderShare {
    /// Acquisitions in the window in which all ran.
    pub acquisitions: u64,
    /// The longest time without one.
    pub starved_ns: u64,
    /// The most acquisitions in a row with nobody else between.
    pub longest_run: u64,
}

/// How even the holders' shares were over windows of one length: Jain's index, 1 when all got the same, 1/n when one got
/// all. Source: Jain, Chiu, Hawe 1984.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fairness {
    /// Length of a window.
    pub window_ns: u64,
    /// Windows looked at; those in which nobody got the lock are left out.
    pub windows: u64,
    /// Mean of the index over windows.
    pub jain_mean: f64,
    /// The lowest.
    pub jain_min: f64,
    /// Share of holders and windows in which a holder got nothing.
    pub starved_share: f64,
}
