//! One atomic addition: what an update costs that needs no lock, one line hand-over when another core made the last.

use std::io;

use super::{Unguarded, nowhere};
use crate::address::Address;
use crate::lock::{Cost, Guard, Lock, MEASURES_UNGUARDED, Seat};
use crate::record::{Counts, Group, Measure, Wait};

/// The row.
pub struct FetchAdd;

impl Lock for FetchAdd {
    const SUMMARY: &'static str = "one atomic addition instead of a lock";
    const GROUP: Group = Group::Atomics;
    const MEASURES: &'static [Measure] = MEASURES_UNGUARDED;
    const GUARD: Guard = Guard::Atomic;
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
