//! Operations of the kernel and the allocator that the cost model prices, and what each contains.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;

/// Bytes of an operation for each page.
pub const PAGE_BYTES: f64 = 4096.0;

words! {
    /// Operation of the kernel or the allocator with a price of its own among the floors.
    Operation {
        /// Send of one byte over a pair of Unix stream sockets.
        UnixSend = "unix-send",
        /// Receive of one byte over a pair of Unix stream sockets.
        UnixReceive = "unix-receive",
        /// Send of one byte over a TCP connection of the loopback device.
        TcpSend = "tcp-send",
        /// Receive of one byte over a TCP connection of the loopback device.
        TcpReceive = "tcp-receive",
        /// Send of one byte over UDP and the loopback device.
        UdpSend = "udp-send",
        /// Receive of one byte over UDP and the loopback device.
        UdpReceive = "udp-receive",
        /// Write of one byte to a pipe.
        PipeWrite = "pipe-write",
        /// Read of one byte from a pipe.
        PipeRead = "pipe-read",
        /// Each page of a longer send over a pair of Unix stream sockets.
        UnixSendPage = "unix-send-page",
        /// Each page of a longer receive over a pair of Unix stream sockets.
        UnixReceivePage = "unix-receive-page",
        /// Each page of a longer send over a TCP connection of the loopback device.
        TcpSendPage = "tcp-send-page",
        /// Each page of a longer receive over a TCP connection of the loopback device.
        TcpReceivePage = "tcp-receive-page",
        /// Each page of a longer write to a pipe.
        PipeWritePage = "pipe-write-page",
        /// Each page of a longer read from a pipe.
        PipeReadPage = "pipe-read-page",
        /// Wait in epoll for a descriptor that is ready.
        EpollWait = "epoll-wait",
        /// Copy of one byte by process_vm_readv.
        ProcessCopy = "process-copy",
        /// Each page of a longer copy by process_vm_readv.
        ProcessCopyPage = "process-copy-page",
        /// Anonymous page mapped, first written and unmapped.
        MapPage = "map-page",
        /// Memfd of one page created, sized and closed, without its page.
        Memfd = "memfd",
        /// Allocation of 64 bytes that another thread freed before.
        Allocate = "allocate",
        /// Free of 64 bytes that another thread allocated.
        RemoteFree = "remote-free",
    }
}

impl Operation {
    /// Name in tables.
    pub fn label(self) -> &'static str {
        self.doc().trim().trim_end_matches('.')
    }

    /// System calls that it contains. A cost model declares them on their own, so that its counts can be traced.
    pub const fn system_calls(self) -> f64 {
        match self {
            Self::Allocate | Self::RemoteFree => 0.0,
            page if page.copied_bytes() > 0.0 => 0.0,
            Self::MapPage => 2.0,
            Self::Memfd => 3.0,
            _ => 1.0,
        }
    }

    /// Operation for each page beyond the first byte, if that has a price.
    pub const fn for_each_page(self) -> Option<Self> {
        match self {
            Self::UnixSend => Some(Self::UnixSendPage),
            Self::UnixReceive => Some(Self::UnixReceivePage),
            Self::TcpSend => Some(Self::TcpSendPage),
            Self::TcpReceive => Some(Self::TcpReceivePage),
            Self::PipeWrite => Some(Self::PipeWritePage),
            Self::PipeRead => Some(Self::PipeReadPage),
            Self::ProcessCopy => Some(Self::ProcessCopyPage),
            _ => None,
        }
    }

    /// Bytes that it copies, declared on their own as well.
    pub const fn copied_bytes(self) -> f64 {
        match self {
            Self::UnixSendPage
            | Self::UnixReceivePage
            | Self::TcpSendPage
            | Self::TcpReceivePage
            | Self::PipeWritePage
            | Self::PipeReadPage
            | Self::ProcessCopyPage => PAGE_BYTES,
            _ => 0.0,
        }
    }

    /// Page faults that it contains, declared on their own as well.
    pub const fn page_faults(self) -> f64 {
        match self {
            Self::MapPage => 1.0,
            _ => 0.0,
        }
    }
}
