//! Mutex that detects errors: a second acquisition by the same thread, and a release by a thread that does not hold it.
//! Each call also checks the owner; otherwise it costs the same as the plain mutex, hand-offs included. Unfair.
//!
//! Source: POSIX.1-2017, `PTHREAD_MUTEX_ERRORCHECK`.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Errorcheck;

impl Kind for Errorcheck {
    const SUMMARY: &'static str = "pthread mutex that checks who owns it";
    const ATTRIBUTES: Attributes = Attributes { kind: libc::PTHREAD_MUTEX_ERRORCHECK, ..Attributes::PLAIN };
}
