//! Mutex that polls before it sleeps: up to twice as long as its last waits took, and at most a hundred times. Unfair
//! like the plain one. When the owner releases in that time, a hand-off is one transfer of the line to read it and one
//! to write it, with no system call on either side; otherwise it costs the same as the plain mutex, plus the polls.
//!
//! Source: glibc, `PTHREAD_MUTEX_ADAPTIVE_NP`, nptl/pthread_mutex_lock.c; its tunable glibc.pthread.mutex_spin_count.

use std::ffi::c_int;

use super::mutex::{Attributes, Kind};
use crate::record::Wait;

/// From pthread.h of glibc; missing in the libc crate.
const PTHREAD_MUTEX_ADAPTIVE_NP: c_int = 3;

/// The kind.
pub struct Adaptive;

impl Kind for Adaptive {
    const SUMMARY: &'static str = "pthread mutex that polls before it sleeps";
    const ATTRIBUTES: Attributes = Attributes { kind: PTHREAD_MUTEX_ADAPTIVE_NP, ..Attributes::PLAIN };
    const WAIT: Wait = Wait::Hybrid;
}
