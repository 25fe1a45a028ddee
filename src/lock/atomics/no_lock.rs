//! No lock at all. Two holders read the same value and both write the next one, so one of the two updates is gone. The row
//! exists to be caught: a check that misses this would miss a broken lock.

use std::io;

use super::{Unguarded, nowhere};
use crate::address::Address;
use crate::lock::{Cost, Guard, Lock, MEASURES_UNGUARDED, Seat};
use crate::record::{Group, Measure, Wait};

/// The row.
pub struct NoLock;

impl Lock for NoLock {
    const SUMMARY: &'static str = "no lock at all: updates get lost, and the trial must see it";
    const GROUP: Group = Group::Atomics;
    const MEASURES: &'static [Measure] = MEASURES_UNGUARDED;
    const GUARD: Guard = Guard::Nothing;
    const WAIT: Option<Wait> = None;
    type Holder = Unguarded;

    fn create(_: u32) -> io::Result<Address> {
        Ok(nowhere())
    }

    fn attach(_: &Address, _: Seat) -> io::Result<Unguarded> {
        Ok(Unguarded)
    }

    fn cost() -> Cost {
        Cost::default()
    }
}
