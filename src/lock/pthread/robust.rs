//! Mutex that reports the death of its owner. Each thread keeps a list of the mutexes it holds where the kernel can
//! find it; when the thread ends, for any reason, the kernel marks them and wakes a waiter, whose call returns
//! `EOWNERDEAD`. The new owner marks the mutex consistent before it continues. The list costs a few plain stores each
//! way, on lines of the owner; a hand-off costs the same as with the plain mutex. Unfair.
//!
//! Source: POSIX.1-2017, `pthread_mutexattr_setrobust`; get_robust_list(2); Linux,
//! Documentation/locking/robust-futexes.rst.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Robust;

impl Kind for Robust {
    const SUMMARY: &'static str = "pthread mutex that tells the next owner when one died";
    const ATTRIBUTES: Attributes = Attributes { robust: true, ..Attributes::PLAIN };
}
