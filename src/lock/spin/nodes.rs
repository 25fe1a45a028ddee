//! Members of a queue, by number. A pointer would differ in every process.

use std::io;

use crate::lock::MAX_HOLDERS;

/// Largest queue. A model has three contenders, and each atomic adds to its run time.
pub(super) const NODES: usize = if cfg!(loom) { 3 } else { MAX_HOLDERS as usize };

/// Node of the contender with `index`, as another contender's word names it.
///
/// Errors: `InvalidData` when there is no such contender.
#[inline]
pub(super) fn node<N>(nodes: &[N; NODES], index: u64) -> io::Result<&N> {
    usize::try_from(index).ok().and_then(|index| nodes.get(index)).ok_or_else(|| no_such_seat(index))
}

#[cold]
fn no_such_seat(index: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the queue names contender {index}, of {NODES}"))
}
