//! The mutex that its owner may take again: owner and depth are kept and compared each way. Here it is taken once only, so
//! this is what the book-keeping alone costs. Hand-overs cost what those of the plain one cost. Unfair.
//!
//! Source: POSIX.1-2017, `PTHREAD_MUTEX_RECURSIVE`.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Recursive;

impl Kind for Recursive {
    const SUMMARY: &'static str = "pthread mutex that its owner may take again";
    const ATTRIBUTES: Attributes = Attributes { kind: libc::PTHREAD_MUTEX_RECURSIVE, ..Attributes::PLAIN };
}
