//! One atomic addition: the cost of an update that needs no lock, one line hand-over when another core made the last
//! one.

use super::Update;
use crate::lock::{Cost, Guard};

/// The update.
pub struct FetchAdd;

impl Update for FetchAdd {
    const SUMMARY: &'static str = "one atomic addition instead of a lock";
    const GUARD: Guard = Guard::Atomic;

    fn cost() -> Cost {
        super::one_instruction()
    }
}
