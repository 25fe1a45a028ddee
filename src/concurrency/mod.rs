//! Parallel against merely concurrent: two who share work, by whether each needs the other, one file each; `registry.rs` is the
//! only list.

mod alternating;
mod independent;
pub mod prepare;
mod registry;

use std::io;

use crate::address::{Address, Endpoint};

pub use prepare::{prepare, supports, variants};
pub use registry::{ROWS, visit};

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

/// Work to be done with a row's type.
pub trait Visitor {
    /// What the work gives.
    type Output;
    /// The work.
    fn visit<C: Company>(self) -> Self::Output;
}
