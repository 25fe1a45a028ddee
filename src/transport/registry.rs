//! The only list of transports: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::{Visitor, libraries, null, pipes, shared, sockets, threads};
use crate::wait::{Doorbell, Hybrid, Park, Spin, SpinYield};

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
    "shm-mailbox/spin-yield" => shared::mailbox::ShmMailbox<SpinYield>,
    "shm-mailbox/hybrid" => shared::mailbox::ShmMailbox<Hybrid>,
    "shm-mailbox/park" => shared::mailbox::ShmMailbox<Park>,
    "shm-mailbox/eventfd" => shared::mailbox::ShmMailbox<Doorbell>,
    "shm-spsc/spin" => shared::spsc::ShmSpsc<Spin>,
    "shm-spsc/spin-yield" => shared::spsc::ShmSpsc<SpinYield>,
    "shm-spsc/hybrid" => shared::spsc::ShmSpsc<Hybrid>,
    "shm-spsc/park" => shared::spsc::ShmSpsc<Park>,
    "shm-spsc/eventfd" => shared::spsc::ShmSpsc<Doorbell>,
    "shm-bytes/spin" => shared::bytes::ShmBytes<Spin>,
    "shm-bytes/hybrid" => shared::bytes::ShmBytes<Hybrid>,
    "shm-bytes/park" => shared::bytes::ShmBytes<Park>,
    "shm-mpsc/spin" => shared::mpsc::ShmMpsc<Spin>,
    "shm-mpsc/hybrid" => shared::mpsc::ShmMpsc<Hybrid>,
    "shm-mpsc/park" => shared::mpsc::ShmMpsc<Park>,
    "shm-mpmc/spin" => shared::mpmc::ShmMpmc<Spin>,
    "shm-mpmc/hybrid" => shared::mpmc::ShmMpmc<Hybrid>,
    "shm-mpmc/park" => shared::mpmc::ShmMpmc<Park>,
    "shm-broadcast/spin" => shared::broadcast::ShmBroadcast<Spin>,
    "shm-broadcast/hybrid" => shared::broadcast::ShmBroadcast<Hybrid>,
    "shm-broadcast/park" => shared::broadcast::ShmBroadcast<Park>,
    "shm-loan/spin" => shared::loan::ShmLoan<Spin>,
    "shm-loan/hybrid" => shared::loan::ShmLoan<Hybrid>,
    "shm-loan/park" => shared::loan::ShmLoan<Park>,
    "shm-mutex-condvar/block" => shared::mutex_condvar::ShmMutexCondvar,
    "shm-semaphores/block" => shared::semaphores::ShmSemaphores,
    "shm-seqlock/spin" => shared::seqlock::ShmSeqlock<Spin>,

    "ipc-channel/block" => libraries::ipc_channel::IpcChannel,

    "crossbeam-bounded/hybrid" => threads::crossbeam_bounded::CrossbeamBounded,
}
