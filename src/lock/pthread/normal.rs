//! Plain mutex, which most programs use: the three states of Drepper's futex mutex, with the owner and a count of users
//! beside them. Barging is allowed, so it is quick and unfair. A hand-off to a waiter costs a system call on each side,
//! a wake-up and a context switch. The death of an owner is not detected.
//!
//! Source: POSIX.1-2017, `PTHREAD_MUTEX_NORMAL`; glibc, nptl/pthread_mutex_lock.c.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Normal;

impl Kind for Normal {
    const SUMMARY: &'static str = "pthread mutex, process-shared";
    const ATTRIBUTES: Attributes = Attributes::PLAIN;
}
