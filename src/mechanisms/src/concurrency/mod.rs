//! Parallel and merely concurrent work: two partners share work that is independent or alternating. `registry.rs` lists
//! the rows.

mod partners;
mod registry;

use std::io;

use crate::address::{Address, Endpoint};
use crate::record::Case;

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "concurrency";

/// How two partners share work.
pub trait Pairing: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// A partner's handle.
    type Partner: Partner;

    /// Creates what the partners need between them, if anything. The first has its sending end, the second the
    /// receiving one.
    fn create() -> io::Result<Option<Address>>;
    /// Attaches a partner. Runs in its worker, before the clock starts.
    fn attach(address: Option<&Address>, end: Endpoint) -> io::Result<Self::Partner>;
}

/// A partner.
pub trait Partner {
    /// Runs `work` as step `number`, counted from 0, and waits for the other partner as the pairing requires.
    ///
    /// Errors: `InvalidData` when the other partner is at another step.
    fn step(&mut self, number: u64, work: impl FnOnce()) -> io::Result<()>;
}

/// Work between two steps, where the case leaves it open: a scheduler's time slice is many of these, and a wake-up a few
/// hundredths of one.
const STEP_NS: u64 = 100_000;

/// The calibrated length of one step.
pub fn step_ns(case: &Case) -> u64 {
    case.params.grain_ns.unwrap_or(STEP_NS)
}
