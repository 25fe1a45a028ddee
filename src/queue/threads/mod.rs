//! Queues of work between threads of one process: an item is a vector that the producer allocates and the consumer frees.

pub(super) mod crossbeam_bounded;
pub(super) mod flume;
pub(super) mod mutex_condvar;
mod owned;
