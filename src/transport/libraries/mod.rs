//! Libraries that carry messages between processes.

pub(super) mod ipc_channel;
pub(super) mod ipc_channel_memory;
pub(super) mod ipc_channel_typed;
mod one_shot;
