//! The mutex whose owner inherits the priority of those who wait. The word holds the owner's thread id, so that the kernel
//! knows whom to lend it to; while nobody waits it is taken and let go in user space. As soon as somebody does, the kernel
//! lets go and hands over to the most urgent waiter in one call: nobody barges in. One who waits for an owner that runs
//! polls inside the kernel, so a hand-over between two CPUs seldom takes a switch. Fair among equals, and slow when
//! contended. Nobody is told when its owner dies, and those who ask then never return.
//!
//! Source: POSIX.1-2017, `PTHREAD_PRIO_INHERIT`; `FUTEX_LOCK_PI` in futex(2); Linux, Documentation/locking/pi-futex.rst.

use super::inheriting_cost;
use super::mutex::{Attributes, Kind};
use crate::lock::Cost;

/// The kind.
pub struct Pi;

impl Kind for Pi {
    const SUMMARY: &'static str = "pthread mutex whose owner inherits priority";
    const ATTRIBUTES: Attributes = Attributes { inherits: true, ..Attributes::PLAIN };
    const WAKES: bool = false;

    fn cost() -> Cost {
        inheriting_cost()
    }
}
