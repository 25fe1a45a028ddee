//! Memory that a dispatcher maps before it forks, so that all of its workers see the same.

use std::io;

use crate::address::Endpoint;
use crate::record::Substrate;
use crate::shm::{self, Segment};

/// `bytes` of zeros, shared with whoever is forked from now on.
pub(super) fn shared(bytes: usize) -> io::Result<Segment> {
    Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)
}
