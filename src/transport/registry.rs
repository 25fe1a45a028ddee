//! The only list of transports: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::{Visitor, libraries, null, pipes, shared, sockets, threads};
use crate::wait::{Hybrid, Park, Spin};

macro_rules! registry {
    ($($name:literal => $transport:ty),* $(,)?) => {
        /// Every row's name.
        pub const ROWS: &[&str] = &[$($name),*];

        /// Calls `visitor` with the type behind `row`; nothing when there is no such row.
        pub fn visit<V: Visitor>(row: &str, visitor: V) -> Option<V::Output> {
            match row {
                $($name => Some(visitor.visit::<$transport>()),)*
                _ => None,
            }
        }
    };
}

registry! {
    "null" => null::Null,

    "pipe/block" => pipes::pipe::Pipe,

    "unix-stream/block" => sockets::unix_stream::UnixStreamPair,

    "shm-mailbox/spin" => shared::mailbox::ShmMailbox<Spin>,
    "shm-mailbox/hybrid" => shared::mailbox::ShmMailbox<Hybrid>,
    "shm-mailbox/park" => shared::mailbox::ShmMailbox<Park>,
    "shm-spsc/spin" => shared::spsc::ShmSpsc<Spin>,
    "shm-spsc/hybrid" => shared::spsc::ShmSpsc<Hybrid>,
    "shm-spsc/park" => shared::spsc::ShmSpsc<Park>,

    "ipc-channel/block" => libraries::ipc_channel::IpcChannel,
    "ipc-channel-typed/block" => libraries::ipc_channel_typed::IpcChannelTyped,
    "ipc-channel-memory/block" => libraries::ipc_channel_memory::IpcChannelMemory,
    "iceoryx2/spin" => libraries::iceoryx2::Iceoryx2,
    "iceoryx2-event/block" => libraries::iceoryx2::Iceoryx2Event,
    "zeromq/block" => libraries::zeromq::ZeroMq,
    "nng/block" => libraries::nng::Nng,

    "std-mpsc-bounded/park" => threads::std_mpsc::StdMpscBounded,
    "std-mpsc-unbounded/park" => threads::std_mpsc::StdMpscUnbounded,
    "crossbeam-zero/park" => threads::crossbeam_channel::CrossbeamZero,
    "crossbeam-bounded/hybrid" => threads::crossbeam_channel::CrossbeamBounded,
    "crossbeam-unbounded/hybrid" => threads::crossbeam_channel::CrossbeamUnbounded,
    "crossbeam-array-queue/spin" => threads::array_queue::ArrayQueue,
    "flume-bounded/park" => threads::flume::FlumeBounded,
    "kanal-bounded/hybrid" => threads::kanal::KanalBounded,
    "rtrb/spin" => threads::rtrb::Rtrb,
}
