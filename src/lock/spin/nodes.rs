//! Members of a queue, by number. A pointer would mean something else in every process.

use std::io;

use crate::lock::MAX_HOLDERS;

/// How many can queue at once. A model has three holders, and each atomic costs it time.
pub(super) const NODES: usize = if cfg!(loom) { 3 } else { MAX_HOLDERS as usize };

/// The node of the holder on seat `index`, as another holder's word names it.
///
/// Errors: `InvalidData` when there is no such seat.
#[inline]
pub(super) fn node<N>(nodes: &[N; NODES], index: u64) -> io::Result<&N> {
    usize::try_from(index).ok().and_then(|index| nodes.get(index)).ok_or_else(|| no_such_seat(index))
}

#[cold]
fn no_such_seat(index: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the queue names seat {index}, of {NODES}"))
}
