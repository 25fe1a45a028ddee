//! `IpcSharedMemory` of `ipc-channel` between two processes: the sender copies each message into a new memfd and passes
//! its descriptor; the receiver maps it, reads in place and unmaps it. Only the descriptor goes through the socket, so
//! no packet limit applies. Cost: ten system calls to send (serialisation adds a second descriptor and mapping), six to
//! receive, a page fault per written page and one per sixteen read pages, which the kernel maps together. Source: the
//! crate's documentation, unix back end.

use std::io;

use ipc_channel::ipc::{self, IpcReceiver, IpcSender, IpcSharedMemory};

use super::ipc_channel as bytes;
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Operation, PAGE_BYTES, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// Bytes that the kernel maps around a read fault: fault_around_bytes in debugfs.
const FAULT_AROUND_BYTES: f64 = 65_536.0;

/// Transport over a new shared memory object per message.
pub struct IpcChannelMemory;

/// Sender with its message buffer, since a write in place would need a guarantee about other readers.
pub struct MemorySender {
    channel: IpcSender<IpcSharedMemory>,
    buffer: Vec<u8>,
}

/// Receiver.
pub struct MemoryReceiver(IpcReceiver<IpcSharedMemory>);

impl Transport for IpcChannelMemory {
    const SUMMARY: &'static str = "ipc-channel passing a new shared memory object per message, blocking";
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = MemorySender;
    type Receiver = MemoryReceiver;

    fn supports(_: &Shape) -> Result<(), String> {
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        bytes::offer::<IpcReceiver<IpcSharedMemory>>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<MemorySender> {
        let (channel, receiver) = ipc::channel::<IpcSharedMemory>()?;
        bytes::bring(receiver, peers)?;
        Ok(MemorySender { channel, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<MemoryReceiver> {
        bytes::accept(peers).map(MemoryReceiver)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        let [sender, receiver] = bytes::carried(0.0, shape.closed_loop());
        // An empty message has no memory object.
        let object = if shape.message_bytes == 0 { 0.0 } else { 1.0 };
        CostModel {
            sender: Counts {
                // memfd_create, ftruncate, mmap; dup, mmap; twice munmap and close.
                system_calls: sender.system_calls + 9.0 * object,
                // The kernel zeroes the pages, then the message is copied into them.
                copied_bytes: 2.0 * bytes,
                page_faults: (bytes / PAGE_BYTES).ceil(),
                ..sender
            }
            .with(Operation::Memfd, object)
            .with(Operation::MapPage, 2.0 * object),
            receiver: Counts {
                // Twice fstat, mmap; munmap, close.
                system_calls: receiver.system_calls + 5.0 * object,
                moved_bytes: bytes,
                page_faults: (bytes / FAULT_AROUND_BYTES).ceil(),
                ..receiver
            }
            .with(Operation::MapPage, object),
            unexplained: Some(shape.sleepers_reason().into()),
        }
    }
}

impl Sender for MemorySender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.buffer.resize(len, 0);
        fill(&mut self.buffer);
        self.channel.send(IpcSharedMemory::from_bytes(&self.buffer)).map_err(io::Error::other)
    }
}

impl Receiver for MemoryReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let message = self.0.recv().map_err(|error| bytes::broken(&error))?;
        Ok(read(&message))
    }
}
