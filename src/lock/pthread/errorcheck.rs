//! The mutex that refuses mistakes: taken twice by one thread, or let go by one who does not have it. The price is a look
//! at the owner each way; beyond that it costs what the plain one costs, hand-overs included. Unfair.
//!
//! Source: POSIX.1-2017, `PTHREAD_MUTEX_ERRORCHECK`.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Errorcheck;

impl Kind for Errorcheck {
    const SUMMARY: &'static str = "pthread mutex that checks who owns it";
    const ATTRIBUTES: Attributes = Attributes { kind: libc::PTHREAD_MUTEX_ERRORCHECK, ..Attributes::PLAIN };
}
