//! Libraries that carry messages between processes. Those behind a cargo feature are listed either way.

#[cfg(not(all(feature = "peer-zeromq", feature = "peer-nng")))]
mod absent;
pub(super) mod iceoryx2;
pub(super) mod ipc_channel;
pub(super) mod ipc_channel_memory;
pub(super) mod ipc_channel_typed;
#[cfg(any(feature = "peer-zeromq", feature = "peer-nng"))]
mod ipc_url;
mod library;
pub(super) mod nng;
mod one_shot;
pub(super) mod zeromq;
