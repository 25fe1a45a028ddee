//! Mutex with both: its owner inherits the priority of the waiters, and the next owner learns of its death. Under
//! contention the kernel hands it over in one call; fair among equals.
//!
//! Source: POSIX.1-2017, `pthread_mutexattr_setrobust`, `PTHREAD_PRIO_INHERIT`; `FUTEX_LOCK_PI` in futex(2).

use super::inheriting_cost;
use super::mutex::{Attributes, Kind};
use crate::lock::Cost;

/// The kind.
pub struct RobustPi;

impl Kind for RobustPi {
    const SUMMARY: &'static str = "pthread mutex, robust, whose owner inherits priority";
    const ATTRIBUTES: Attributes = Attributes { robust: true, inherits: true, ..Attributes::PLAIN };
    const WAKES: bool = false;

    fn cost() -> Cost {
        inheriting_cost()
    }
}
