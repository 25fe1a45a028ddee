//! This computer: facts, CPU placement, noise.
//!
//! All of it comes from `/proc`, `/sys` and a few system calls. What a system does not provide is absent, never
//! guessed.

mod cgroup;
mod container;
mod cpu;
pub mod facts;
#[cfg(test)]
mod fake;
mod identity;
mod kernel;
mod libc_version;
mod memory;
mod mounts;
pub mod noise;
pub mod placement;
mod tree;

pub use self::identity::MACHINE_NAME;
pub use crate::pin;

use crate::record::Machine;

/// This computer as in a record, before its floors are measured.
pub fn describe() -> Machine {
    let (facts, topology_trusted) = facts::read();
    Machine { facts, floors: None, topology_trusted }
}
