//! The only list of transports: one row per contestant, `mechanism/wait` (or `mechanism` where nobody ever waits).

use super::readiness::{Block, Busy, Epoll};
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

    "shm-mailbox/spin" => shared::mailbox::ShmMailbox<Spin>,
    "shm-mailbox/hybrid" => shared::mailbox::ShmMailbox<Hybrid>,
    "shm-mailbox/park" => shared::mailbox::ShmMailbox<Park>,
    "shm-spsc/spin" => shared::spsc::ShmSpsc<Spin>,
    "shm-spsc/hybrid" => shared::spsc::ShmSpsc<Hybrid>,
    "shm-spsc/park" => shared::spsc::ShmSpsc<Park>,

    "ipc-channel/block" => libraries::ipc_channel::IpcChannel,

    "crossbeam-bounded/hybrid" => threads::crossbeam_bounded::CrossbeamBounded,
}
