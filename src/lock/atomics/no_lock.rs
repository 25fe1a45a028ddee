//! No lock. Two contenders read the same value and both write the next one, so one of the two updates is lost. The row
//! shows that the check works: a check that misses this would miss a broken lock.

use super::Update;
use crate::lock::{Cost, Guard};

/// The update.
pub struct NoLock;

impl Update for NoLock {
    const SUMMARY: &'static str = "no lock at all: updates get lost, and the trial must see it";
    const GUARD: Guard = Guard::Nothing;

    fn cost() -> Cost {
        Cost::default()
    }
}
