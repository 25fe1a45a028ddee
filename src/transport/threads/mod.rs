//! Channels that exist between the threads of one process only: what the process wall is compared with.

pub(super) mod crossbeam_bounded;
