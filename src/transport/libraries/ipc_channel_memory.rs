//! `ipc-channel`'s `IpcSharedMemory` between two processes: each message is a fresh memfd, mapped, filled by copying, and
//! passed as a descriptor; the receiver maps it, reads it in place and lets it go. Only the descriptor goes through the
//! socket, so large messages pass no packet limit. Cost: ten system calls to send (serialising makes a second descriptor
//! and a second mapping), six to receive, a page fault for every page written and, where the kernel maps sixteen around
//! a read fault, for every sixteenth page read. Source: the crate's documentation, unix back end.

use std::io;

use ipc_channel::ipc::{self, IpcReceiver, IpcSender, IpcSharedMemory};

use super::one_shot;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};

/// What the kernel maps at once around a read fault: fault_around_bytes in debugfs.
const FAULT_AROUND_BYTES: f64 = 65_536.0;
/// What it brings in for a write.
const PAGE_BYTES: f64 = 4096.0;

/// The transport.
pub struct IpcChannelMemory;

/// The sending end, and the buffer a message is built in: to write in place needs a promise about other readers.
pub struct MemorySender {
    channel: IpcSender<IpcSharedMemory>,
    buffer: Vec<u8>,
}

/// The receiving end.
pub struct MemoryReceiver(IpcReceiver<IpcSharedMemory>);

impl Transport for IpcChannelMemory {
    const SUMMARY: &'static str = "ipc-channel passing a fresh shared memory object per message, blocking";
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
        one_shot::offer::<IpcReceiver<IpcSharedMemory>>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<MemorySender> {
        let (channel, receiver) = ipc::channel::<IpcSharedMemory>()?;
        one_shot::bring(receiver, peers)?;
        Ok(MemorySender { channel, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(_: &Address, peers: Peers, _: &Shape) -> io::Result<MemoryReceiver> {
        one_shot::accept(peers).map(MemoryReceiver)
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        let [sender, receiver] = one_shot::carried(0.0, shape.closed_loop());
        // An empty message has no memory.
        let object = if shape.message_bytes == 0 { 0.0 } else { 1.0 };
        Anatomy {
            sender: Counts {
                // memfd_create, ftruncate, mmap; dup, mmap; two times munmap and close.
                system_calls: sender.system_calls + 9.0 * object,
                // The kernel zeroes the pages, then the message is copied there.
                copied_bytes: 2.0 * bytes,
                page_faults: (bytes / PAGE_BYTES).ceil(),
                ..sender
            },
            receiver: Counts {
                // Two times fstat, mmap; munmap, close.
                system_calls: receiver.system_calls + 5.0 * object,
                moved_bytes: bytes,
                page_faults: (bytes / FAULT_AROUND_BYTES).ceil(),
                ..receiver
            },
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
        let message = self.0.recv().map_err(|error| one_shot::broken(&error))?;
        Ok(read(&message))
    }
}
