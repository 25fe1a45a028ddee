//! Channels that exist between the threads of one process only: what the process wall is compared with.

pub(super) mod array_queue;
pub(super) mod crossbeam_channel;
pub(super) mod flume;
pub(super) mod kanal;
mod owned;
pub(super) mod rtrb;
pub(super) mod std_mpsc;
