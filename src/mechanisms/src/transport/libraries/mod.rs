//! Libraries that carry messages between processes; optional ones are listed even if not built in.

#[cfg(not(all(feature = "peer-zeromq", feature = "peer-nng")))]
mod absent;
pub(super) mod iceoryx2;
pub(super) mod ipc_channel;
pub(super) mod ipc_channel_memory;
pub(super) mod ipc_channel_typed;
mod library;
#[cfg(feature = "peer-nng")]
mod nng;
#[cfg(feature = "peer-zeromq")]
mod zeromq;

#[cfg(feature = "peer-nng")]
pub use nng::Nng;
#[cfg(feature = "peer-zeromq")]
pub use zeromq::ZeroMq;

/// Row of nng if it is not built in.
#[cfg(not(feature = "peer-nng"))]
pub type Nng = absent::Absent<library::AboutNng>;
/// Row of ZeroMQ if it is not built in.
#[cfg(not(feature = "peer-zeromq"))]
pub type ZeroMq = absent::Absent<library::AboutZeroMq>;
