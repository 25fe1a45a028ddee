//! The plain mutex, which most programs use: the three states of Drepper's futex mutex, with the owner and a count of
//! users kept beside them. Barging is allowed, so it is quick and unfair. A hand-over to one who waits costs a call on each
//! side, a wake and a switch. Nobody notices when its owner dies.
//!
//! Source: POSIX.1-2017, `PTHREAD_MUTEX_NORMAL`; glibc, nptl/pthread_mutex_lock.c.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Normal;

impl Kind for Normal {
    const SUMMARY: &'static str = "pthread mutex, process-shared";
    const ATTRIBUTES: Attributes = Attributes::PLAIN;
}
