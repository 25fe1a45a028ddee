//! This computer: what it is, where two roles can run on it, how busy it is.
//!
//! Everything comes from `/proc`, `/sys` and a few system calls, and whatever a system does not tell is absent, never
//! guessed.

mod cpu;
pub mod facts;
pub mod noise;
pub mod placement;
mod tree;

pub use crate::pin;

use crate::record::Machine;

/// This computer as a record shows it, floors not yet measured.
pub fn describe() -> Machine {
    let (facts, topology_trusted) = facts::read();
    Machine { facts, floors: None, topology_trusted }
}
