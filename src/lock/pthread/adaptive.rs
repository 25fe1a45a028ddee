//! The mutex that polls before it sleeps: up to twice as long as its last waits took, and a hundred looks at most. Unfair
//! like the plain one. When the owner is done before that, a hand-over is one to read the line and one to write it, with
//! no system call on either side; else it costs what the plain one costs, and the polls.
//!
//! Source: glibc, `PTHREAD_MUTEX_ADAPTIVE_NP`, nptl/pthread_mutex_lock.c; its tunable glibc.pthread.mutex_spin_count.

use std::ffi::c_int;

use super::mutex::{Attributes, Kind};
use crate::record::Wait;

/// From pthread.h of glibc; the libc crate leaves it out.
const PTHREAD_MUTEX_ADAPTIVE_NP: c_int = 3;

/// The kind.
pub struct Adaptive;

impl Kind for Adaptive {
    const SUMMARY: &'static str = "pthread mutex that polls before it sleeps";
    const ATTRIBUTES: Attributes = Attributes { kind: PTHREAD_MUTEX_ADAPTIVE_NP, ..Attributes::PLAIN };
    const WAIT: Wait = Wait::Hybrid;
}
