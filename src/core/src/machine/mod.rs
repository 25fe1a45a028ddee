//! This computer: facts, CPU placement, noise.
//!
//! All of it comes from `/proc`, `/sys` and a few system calls. What a system does not provide is absent, never
//! guessed.

mod cgroup;
mod container;
pub mod counters;
mod cpu;
pub mod energy;
pub mod facts;
#[cfg(test)]
mod fake;
mod identity;
mod kernel;
mod libc_version;
pub mod locality;
mod memory;
mod mounts;
pub mod noise;
pub mod placement;
mod tree;

pub use self::identity::MACHINE_NAME;
pub use crate::pin;

use crate::record::{Machine, Sensors};

/// This computer as in a record, before its floors are measured.
pub fn describe() -> Machine {
    let (facts, topology_trusted) = facts::read();
    let is_virtual = facts.hypervisor.is_some();
    let sensors = Sensors {
        counters_missing: counters::missing(is_virtual),
        energy_missing: energy::missing(is_virtual),
        idle_watts: None,
    };
    Machine { facts, floors: None, topology_trusted, sensors }
}
