//! Parallel against merely concurrent: two who share work, by whether each needs the other, one file each; `registry.rs` is the
//! only list.

mod alternating;
mod independent;
mod registry;

use std::io;

use crate::address::{Address, Endpoint};
use crate::record::Case;

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "concurrency";

/// How two who share work go about it.
pub trait Company: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// One of the two.
    type Partner: Partner;

    /// Makes what the two need between them, if anything. The first has the sending end of it, the second the receiving one.
    fn create() -> io::Result<Option<Address>>;
    /// Runs in each one's worker, before the clock starts.
    fn attach(address: Option<&Address>, end: Endpoint) -> io::Result<Self::Partner>;
}

/// One of the two.
pub trait Partner {
    /// Does step `number`, counted from 0, by `work`, with whatever that needs of the other.
    ///
    /// Errors: `InvalidData` when the other is at another step.
    fn step(&mut self, number: u64, work: impl FnOnce()) -> io::Result<()>;
}

/// Work between two steps, where the case leaves it open: a scheduler's time slice is many of these, and a wake-up a few
/// hundredths of one.
const STEP_NS: u64 = 100_000;

/// The calibrated length of one step.
pub fn step_ns(case: &Case) -> u64 {
    case.params.grain_ns.unwrap_or(STEP_NS)
}
