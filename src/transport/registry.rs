//! The only list of transports: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::{Visitor, kernel_copies, kernel_queues, libraries, notify, null, pipes, shared, sockets, threads};
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

    "mq-posix/block" => kernel_queues::mq_posix::MqPosix,
    "mq-sysv/block" => kernel_queues::mq_sysv::MqSysv,

    "shm-mailbox/spin" => shared::mailbox::ShmMailbox<Spin>,
    "shm-mailbox/hybrid" => shared::mailbox::ShmMailbox<Hybrid>,
    "shm-mailbox/park" => shared::mailbox::ShmMailbox<Park>,
    "shm-spsc/spin" => shared::spsc::ShmSpsc<Spin>,
    "shm-spsc/hybrid" => shared::spsc::ShmSpsc<Hybrid>,
    "shm-spsc/park" => shared::spsc::ShmSpsc<Park>,

    "notify-futex/park" => notify::futex::NotifyFutex,
    "notify-eventfd/block" => notify::eventfd::NotifyEventfd,
    "notify-posix-sem/block" => notify::posix_sem::NotifyPosixSem,
    "notify-sysv-sem/block" => notify::sysv_sem::NotifySysvSem,
    "notify-condvar/block" => notify::condvar::NotifyCondvar,
    "notify-signal/block" => notify::signal::NotifySignal,
    "notify-signalfd/block" => notify::signalfd::NotifySignalfd,
    "notify-rt-signal/block" => notify::rt_signal::NotifyRtSignal,
    "notify-uring-msg/block" => notify::uring_msg::NotifyUringMsg,
    "notify-uring-futex/block" => notify::uring_futex::NotifyUringFutex,

    "process-vm-readv/hybrid" => kernel_copies::readv::ProcessVmReadv,
    "process-vm-writev/hybrid" => kernel_copies::writev::ProcessVmWritev,

    "ipc-channel/block" => libraries::ipc_channel::IpcChannel,

    "crossbeam-bounded/hybrid" => threads::crossbeam_bounded::CrossbeamBounded,
}
