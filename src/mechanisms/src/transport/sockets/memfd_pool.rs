//! Memory passed instead of copied, from a pool of memfds that are mapped once at both endpoints and used in turn.
//! Messages are written and read in place; a unix socket carries the length, and the descriptor at the first use of a
//! buffer. The receiver returns buffers by credits, half a pool at a time. Intended for large messages.
//!
//! Cost: one system call to send and one to receive, and two more for each half of a pool; a wake and a context switch
//! if the receiver sleeps; the payload's lines come from the sender's cache. Source: memfd_create(2), fcntl(2) on
//! seals, unix(7).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{SealFlags, fcntl_add_seals};

use super::descriptors;
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Operation, Wait};
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};

/// Default number of buffers: one being written, one being read, and two for a sender that runs ahead.
const DEFAULT_BUFFERS: u32 = 4;
/// Maximum number of buffers; each needs a descriptor and a mapping at both endpoints.
const BUFFERS_MAX: u32 = 256;
/// Maximum memory of a pool.
const POOL_BYTES_MAX: u64 = 2 << 30;

/// Transport over a pool of memfds.
pub struct MemfdPool;

/// Sender. It uses the buffers in turn, so a count gives the free ones.
pub struct PoolSender {
    socket: OwnedFd,
    agreed_bytes: usize,
    buffers: Vec<Buffer>,
    /// Buffer of the next message.
    turn: usize,
    /// Free buffers from `turn` on.
    free: usize,
}

/// Receiver.
pub struct PoolReceiver {
    socket: OwnedFd,
    agreed_bytes: usize,
    options: MmapOptions,
    /// Buffers mapped so far, in the order of their first use.
    buffers: Vec<MmapRaw>,
    /// Buffer of the next message.
    turn: usize,
    /// Messages read since buffers were last returned.
    read: usize,
    pool: usize,
}

/// Buffer of the sender.
struct Buffer {
    map: MmapRaw,
    /// Descriptor, until the first use passes it.
    memory: Option<OwnedFd>,
}

fn buffers(shape: &Shape) -> u32 {
    if shape.depth > 0 { shape.depth } else { DEFAULT_BUFFERS }
}

/// Messages read before their buffers are returned.
fn batch(pool: usize) -> usize {
    (pool / 2).max(1)
}

fn options(shape: &Shape) -> MmapOptions {
    let mut options = MmapOptions::new();
    options.len(shape.message_bytes);
    if shape.prefault {
        options.populate();
    }
    options
}

impl Transport for MemfdPool {
    const SUMMARY: &'static str = "memfds mapped once at both ends, lent and returned over a unix socket";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = PoolSender;
    type Receiver = PoolReceiver;

    fn supports(shape: &Shape) -> Result<(), String> {
        let (bytes, buffers) = (shape.message_bytes, buffers(shape));
        if bytes == 0 {
            return Err("an empty message has no memory to pass".into());
        }
        if buffers > BUFFERS_MAX {
            return Err(format!("a pool has at most {BUFFERS_MAX} buffers, not {buffers}"));
        }
        let all = u64::from(buffers).saturating_mul(bytes as u64);
        if all > POOL_BYTES_MAX {
            return Err(format!("a pool of {buffers} times {bytes} bytes exceeds the limit of {POOL_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        Some(buffers(shape))
    }

    fn create(_: &Shape) -> io::Result<Address> {
        descriptors::pair()
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<PoolSender> {
        let socket = address.descriptor(Endpoint::Sender)?.duplicate()?;
        let options = options(shape);
        let buffers = (0..buffers(shape)).map(|_| Buffer::new(&options, shape.message_bytes));
        let buffers = buffers.collect::<io::Result<Vec<_>>>()?;
        Ok(PoolSender { socket, agreed_bytes: shape.message_bytes, turn: 0, free: buffers.len(), buffers })
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<PoolReceiver> {
        Ok(PoolReceiver {
            socket: address.descriptor(Endpoint::Receiver)?.duplicate()?,
            agreed_bytes: shape.message_bytes,
            options: options(shape),
            buffers: vec![],
            turn: 0,
            read: 0,
            pool: buffers(shape) as usize,
        })
    }

    /// The sender does not sleep in a closed loop, since credits arrive early.
    fn cost_model(shape: &Shape) -> CostModel {
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        let credits = 1.0 / batch(buffers(shape) as usize) as f64;
        let system_calls = 1.0 + credits;
        CostModel {
            sender: Counts { system_calls, ..Counts::default() }
                .with(Operation::UnixSend, 1.0)
                .with(Operation::UnixReceive, credits),
            receiver: Counts {
                system_calls,
                moved_bytes: shape.message_bytes as f64,
                wakes: sleeps,
                context_switches: sleeps,
                ..Counts::default()
            }
            .with(Operation::UnixReceive, 1.0)
            .with(Operation::UnixSend, credits),
            unexplained: Some(shape.sleepers_reason().into()),
        }
    }
}

impl Sender for PoolSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.agreed_bytes {
            return Err(too_long(io::ErrorKind::InvalidInput, len, self.agreed_bytes));
        }
        while self.free == 0 {
            self.await_credits()?;
        }
        let buffer = &mut self.buffers[self.turn];
        // SAFETY: the mapping has `agreed_bytes` writable bytes, at least `len`, and outlives the call. The buffer is
        // free (`free` counts those from `turn` on): either it had no message yet, or the receiver returned it after
        // its last access, which happened before, since a message of the socket carried the credit.
        let room = unsafe { std::slice::from_raw_parts_mut(buffer.map.as_mut_ptr(), len) };
        fill(room);
        let memory = buffer.memory.take();
        descriptors::send(&self.socket, len as u64, memory.as_ref().map(AsFd::as_fd))?;
        self.free -= 1;
        self.turn = (self.turn + 1) % self.buffers.len();
        Ok(())
    }
}

impl PoolSender {
    /// Waits until the receiver returns buffers.
    #[cold]
    fn await_credits(&mut self) -> io::Result<()> {
        let (given, _) = descriptors::receive(&self.socket)?;
        let given = usize::try_from(given).unwrap_or(usize::MAX);
        if given > self.buffers.len() - self.free {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more buffers were returned than lent"));
        }
        self.free += given;
        Ok(())
    }
}

impl Receiver for PoolReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (len, memory) = descriptors::receive(&self.socket)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > self.agreed_bytes {
            return Err(too_long(io::ErrorKind::InvalidData, len, self.agreed_bytes));
        }
        if let Some(memory) = memory {
            if self.turn != self.buffers.len() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "received memory for a buffer that has some"));
            }
            descriptors::check_size(&memory, self.agreed_bytes)?;
            self.buffers.push(self.options.map_raw_read_only(&memory)?);
        }
        let buffer =
            self.buffers.get(self.turn).ok_or_else(|| io::Error::other("a message came without its memory"))?;
        // SAFETY: the mapping has `agreed_bytes` bytes, at least `len`, of memory that cannot shrink (`check_size`),
        // and outlives the call. The sender sent it after its last write, and writes again only after `return_buffers`,
        // below.
        let message = unsafe { std::slice::from_raw_parts(buffer.as_ptr(), len) };
        let result = read(message);
        self.turn = (self.turn + 1) % self.pool;
        self.read += 1;
        if self.read == batch(self.pool) {
            self.return_buffers()?;
        }
        Ok(result)
    }
}

impl PoolReceiver {
    /// Returns the buffers read since the last call.
    fn return_buffers(&mut self) -> io::Result<()> {
        let given = std::mem::take(&mut self.read) as u64;
        match descriptors::send(&self.socket, given, None) {
            // A sender that has closed after its last message needs no buffers.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

impl Buffer {
    /// Creates memory that cannot be resized or mapped for writing again.
    fn new(options: &MmapOptions, bytes: usize) -> io::Result<Self> {
        let memory = descriptors::memory(bytes)?;
        let map = options.map_raw(&memory)?;
        fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL)?;
        Ok(Self { map, memory: Some(memory) })
    }
}

#[cold]
fn too_long(kind: io::ErrorKind, len: usize, agreed: usize) -> io::Error {
    io::Error::new(kind, format!("a message of {len} bytes, where at most {agreed} were agreed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Measure, Substrate};

    fn ends(depth: u32) -> (PoolSender, PoolReceiver) {
        let shape = Shape {
            message_bytes: 5000,
            depth,
            substrate: Substrate::Memfd,
            measure: Measure::Stream,
            producers: 1,
            consumers: 1,
            prefault: true,
            delay_ns: 0,
        };
        let address = MemfdPool::create(&shape).expect("a pair");
        let sender = MemfdPool::attach_sender(&address, Peers::default(), &shape).expect("a sender");
        (sender, MemfdPool::attach_receiver(&address, Peers::default(), &shape).expect("a receiver"))
    }

    #[test]
    fn buffers_are_reused_in_pools_of_any_size() {
        for depth in 1..=5 {
            let (mut sender, mut receiver) = ends(depth);
            for message in 0..23_u8 {
                sender.send(5000, |room| room.fill(message)).expect("sent");
                let seen = receiver.receive(|seen| seen.len() == 5000 && seen.iter().all(|byte| *byte == message));
                assert!(seen.expect("received"), "message {message} of a pool of {depth}");
            }
            assert_eq!(receiver.buffers.len(), depth as usize);
        }
    }

    #[test]
    fn credits_without_a_loan_and_messages_without_memory_are_refused() {
        let (mut sender, receiver) = ends(2);
        descriptors::send(&receiver.socket, 1, None).expect("sent");
        assert_eq!(sender.await_credits().expect_err("no buffer was lent").kind(), io::ErrorKind::InvalidData);

        let (sender, mut receiver) = ends(2);
        descriptors::send(&sender.socket, 8, None).expect("sent");
        assert!(receiver.receive(|_| ()).is_err(), "a message without memory");
        let unsealed = descriptors::memory(5000).expect("memory");
        descriptors::send(&sender.socket, 8, Some(unsealed.as_fd())).expect("sent");
        assert_eq!(receiver.receive(|_| ()).expect_err("it could shrink").kind(), io::ErrorKind::InvalidData);
        descriptors::send(&sender.socket, 5001, None).expect("sent");
        assert_eq!(receiver.receive(|_| ()).expect_err("too long").kind(), io::ErrorKind::InvalidData);
    }
}
