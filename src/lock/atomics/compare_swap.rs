//! Optimistic update: read, compute, compare and swap, and all over again when somebody else came first. Somebody always
//! succeeds (lock-free); how often the others do not is counted. Source: Herlihy, Wait-Free Synchronization, 1991.

use std::io;

use super::{Unguarded, nowhere};
use crate::address::Address;
use crate::lock::{Cost, Guard, Lock, MEASURES_UNGUARDED, Seat};
use crate::record::{Counts, Group, Measure, Wait};

/// The row.
pub struct CompareSwap;

impl Lock for CompareSwap {
    const SUMMARY: &'static str = "read, compute, compare-and-swap, again if somebody came first";
    const GROUP: Group = Group::Atomics;
    const MEASURES: &'static [Measure] = MEASURES_UNGUARDED;
    const GUARD: Guard = Guard::Retry;
    const WAIT: Option<Wait> = None;
    type Holder = Unguarded;

    fn create(_: u32) -> io::Result<Address> {
        Ok(nowhere())
    }

    fn attach(_: &Address, _: Seat) -> io::Result<Unguarded> {
        Ok(Unguarded)
    }

    fn cost() -> Cost {
        let line = Counts { line_hand_overs: 1.0, ..Counts::default() };
        Cost { alone: Counts { atomics: 1.0, ..Counts::default() }, release: Counts::default(), acquire: line }
    }
}
