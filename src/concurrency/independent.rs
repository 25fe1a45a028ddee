//! Two halves of work that have nothing to do with each other: on two CPUs they are done in parallel, in half the time; on one
//! they are concurrent only, and take turns as the scheduler sees fit, each ready while the other runs.

use std::io;

use super::{Company, Partner};
use crate::address::{Address, Endpoint};

/// Nobody needs anybody.
pub struct Independent;

/// One of the two.
pub struct Loner;

impl Company for Independent {
    const SUMMARY: &'static str = "two halves of work that do not need each other";
    type Partner = Loner;

    fn create() -> io::Result<Option<Address>> {
        Ok(None)
    }

    fn attach(_: Option<&Address>, _: Endpoint) -> io::Result<Loner> {
        Ok(Loner)
    }
}

impl Partner for Loner {
    #[inline]
    fn step(&mut self, _: u64, work: impl FnOnce()) -> io::Result<()> {
        work();
        Ok(())
    }
}
