//! Mutex that its owner may acquire again: owner and depth are kept and compared each way. Here it is acquired once
//! only, so the row shows the cost of the book-keeping alone. Hand-offs cost the same as with the plain mutex. Unfair.
//!
//! Source: POSIX.1-2017, `PTHREAD_MUTEX_RECURSIVE`.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Recursive;

impl Kind for Recursive {
    const SUMMARY: &'static str = "pthread mutex that its owner may take again";
    const ATTRIBUTES: Attributes = Attributes { kind: libc::PTHREAD_MUTEX_RECURSIVE, ..Attributes::PLAIN };
}
