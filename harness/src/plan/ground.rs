//! Capabilities of a machine for plans: variants, pairs of CPUs, and limits.
//!
//! Plain data, so that the expansion of plans can be tested for other machines.

use std::collections::{BTreeMap, BTreeSet};

use ipcmark::family::{self, Variant};
use ipcmark::machine::placement::Topology;
use ipcmark::record::{Case, Placement};

use crate::participants::Participants;

/// Capabilities of a machine for plans.
pub struct Ground {
    /// Every way a mechanism can be run.
    pub variants: Vec<Variant>,
    /// The CPUs of each placement class, or why this machine has none.
    pub pairs: BTreeMap<Placement, Result<Vec<u32>, String>>,
    /// The closest two cores; `same_cpu` where there is only one CPU.
    pub nearest: Placement,
    /// CPUs this process may use.
    pub cpus_allowed: usize,
    /// Whether a case can run, from its family.
    pub supports: fn(&Case) -> Result<(), String>,
    /// Whether the depth of a case's mechanism can be chosen, from its family.
    pub has_depth: fn(&Case) -> bool,
    /// Number of roles of a case that run at the same time, from its family.
    pub roles: fn(&Case) -> u32,
}

impl Ground {
    /// Describes this machine, with the built-in participants.
    pub fn here() -> Self {
        Self::with(&Participants::embedded())
    }

    /// The same with other participants.
    pub fn with(participants: &Participants) -> Self {
        let topology = Topology::discover();
        Self {
            variants: participants.all_variants(),
            pairs: Placement::ALL.iter().map(|&placement| (placement, topology.pair(placement))).collect(),
            nearest: topology.nearest_pair().unwrap_or(Placement::SameCpu),
            cpus_allowed: topology.allowed().len(),
            supports: family::supports,
            has_depth: |case| family::resolved(case).params.depth.is_some(),
            roles: family::roles,
        }
    }

    /// The CPUs of `placement`: empty when the scheduler decides.
    ///
    /// Errors: why this machine has no such pair.
    pub fn cpus(&self, placement: Placement) -> Result<Vec<u32>, String> {
        self.pairs.get(&placement).cloned().unwrap_or_else(|| Err(format!("this machine has no `{placement}` pair")))
    }

    /// How many different CPUs the roles of a trial get under `placement`.
    pub fn cpus_for_roles(&self, placement: Placement) -> usize {
        match self.cpus(placement) {
            Ok(cpus) if cpus.is_empty() => self.cpus_allowed,
            Ok(cpus) => cpus.iter().collect::<BTreeSet<_>>().len(),
            Err(_) => 0,
        }
    }
}
