//! Mutex whose owner inherits the priority of its waiters. The word holds the owner's thread id, which tells the kernel
//! which thread to boost; without waiters it is acquired and released in user space. With waiters the kernel releases
//! the mutex and hands it to the most urgent waiter in one call, without barging. A waiter polls inside the kernel
//! while the owner runs, so a hand-off between two CPUs seldom takes a context switch. Fair among equals, and slow when
//! contended. The death of an owner is not reported, and later acquisitions never return.
//!
//! Source: POSIX.1-2017, `PTHREAD_PRIO_INHERIT`; `FUTEX_LOCK_PI` in futex(2); Linux,
//! Documentation/locking/pi-futex.rst.

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
