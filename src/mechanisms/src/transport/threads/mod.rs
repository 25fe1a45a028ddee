//! Channels between threads of one process, for comparison with those between processes.

pub(super) mod array_queue;
pub(super) mod channels;
mod owned;
pub(super) mod rtrb;
