//! The only list of transports: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::readiness::{Block, Busy, Epoll};
use super::{Visitor, kernel_copies, kernel_queues, libraries, notify, null, pipes, shared, sockets, threads};
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
    "pipe/epoll" => pipes::pipe::Pipe<Epoll>,
    "pipe/busy" => pipes::pipe::Pipe<Busy>,
    "pipe-4k/block" => pipes::pipe::Pipe<Block, 4096>,
    "pipe-1m/block" => pipes::pipe::Pipe<Block, 0x10_0000>,
    "pipe-packet/block" => pipes::packet::PipePacket,
    "fifo/block" => pipes::fifo::Fifo,
    "vmsplice/block" => pipes::vmsplice::Vmsplice,

    "unix-stream/block" => sockets::unix_stream::UnixStreamPair,
    "unix-stream/epoll" => sockets::unix_stream::UnixStreamPair<Epoll>,
    "unix-stream/busy" => sockets::unix_stream::UnixStreamPair<Busy>,
    "unix-stream-named/block" => sockets::unix_stream_named::UnixStreamNamed,
    "unix-seqpacket/block" => sockets::unix_seqpacket::UnixSeqpacket,
    "unix-seqpacket/epoll" => sockets::unix_seqpacket::UnixSeqpacket<Epoll>,
    "unix-seqpacket/busy" => sockets::unix_seqpacket::UnixSeqpacket<Busy>,
    "unix-dgram/block" => sockets::unix_dgram::UnixDatagram,
    "unix-dgram/epoll" => sockets::unix_dgram::UnixDatagram<Epoll>,
    "unix-dgram/busy" => sockets::unix_dgram::UnixDatagram<Busy>,
    "tcp/block" => sockets::tcp::Tcp,
    "tcp/epoll" => sockets::tcp::Tcp<Epoll>,
    "tcp/busy" => sockets::tcp::Tcp<Busy>,
    "tcp-nagle/block" => sockets::tcp::Tcp<Block, true>,
    "udp/block" => sockets::udp::Udp,
    "memfd-passing/block" => sockets::memfd_passing::MemfdPassing,
    "memfd-pool-passing/block" => sockets::memfd_pool::MemfdPool,

    "mq-posix/block" => kernel_queues::mq_posix::MqPosix,
    "mq-sysv/block" => kernel_queues::mq_sysv::MqSysv,

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
    "shm-mpmc/spin-yield" => shared::mpmc::ShmMpmc<SpinYield>,
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
    "crossbeam-array-queue/spin" => threads::array_queue::ArrayQueue<Spin>,
    "crossbeam-array-queue/spin-yield" => threads::array_queue::ArrayQueue<SpinYield>,
    "flume-bounded/park" => threads::flume::FlumeBounded,
    "kanal-bounded/hybrid" => threads::kanal::KanalBounded,
    "rtrb/spin" => threads::rtrb::Rtrb,
}
