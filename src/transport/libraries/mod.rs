//! Libraries that carry messages between processes.

pub(super) mod ipc_channel;
