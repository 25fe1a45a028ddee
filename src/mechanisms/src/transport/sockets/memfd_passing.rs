//! Memory passed instead of copied, new for each message: the sender writes the message into a new memfd, seals it and
//! passes its descriptor over a unix socket; the receiver checks the seals, maps it, reads in place and unmaps it. A
//! sent message cannot change, so programs that do not trust each other can pass large messages this way.
//!
//! Cost: seven system calls to send and six to receive; each page is allocated, cleared, mapped twice and freed, which
//! may cost more than the copies of a pipe. Source: memfd_create(2), fcntl(2) on seals, unix(7).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use memmap2::{Mmap, MmapOptions, MmapRaw};
use nix::unistd::{SysconfVar, sysconf};
use rustix::fs::{SealFlags, fcntl_add_seals};

use super::descriptors::{self, UNDER_WAY_MAX};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Operation, Wait};
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};

/// Maximum memory of all messages in flight.
const MEMORY_BYTES_MAX: usize = 2 << 30;

/// Transport over a new memfd per message.
pub struct MemfdPassing;

/// Sender.
pub struct MemfdSender {
    socket: OwnedFd,
    agreed_bytes: usize,
}

/// Receiver.
pub struct MemfdReceiver {
    socket: OwnedFd,
    agreed_bytes: usize,
}

impl Transport for MemfdPassing {
    const SUMMARY: &'static str = "new sealed memfd for each message, passed over a unix socket and mapped";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = MemfdSender;
    type Receiver = MemfdReceiver;

    fn unavailable() -> Option<String> {
        let tried = Draft::new(1).and_then(Draft::seal).and_then(|fd| sealed(&fd, 1));
        tried.err().map(|e| format!("sealed memory cannot be mapped here: {e}; a shared mapping of it needs Linux 6.7"))
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        let most = MEMORY_BYTES_MAX / UNDER_WAY_MAX;
        match shape.message_bytes {
            0 => Err("an empty message has no memory to pass".into()),
            bytes if bytes > most => Err(format!(
                "up to {UNDER_WAY_MAX} messages are in flight, each in its own memory: at most {most} bytes, not {bytes}"
            )),
            _ => Ok(()),
        }
    }

    fn create(_: &Shape) -> io::Result<Address> {
        descriptors::pair()
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<MemfdSender> {
        Ok(MemfdSender {
            socket: address.descriptor(Endpoint::Sender)?.duplicate()?,
            agreed_bytes: shape.message_bytes,
        })
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<MemfdReceiver> {
        Ok(MemfdReceiver {
            socket: address.descriptor(Endpoint::Receiver)?.duplicate()?,
            agreed_bytes: shape.message_bytes,
        })
    }

    fn attach_both(
        address: &Address,
        end: Endpoint,
        _: Peers,
        shape: &Shape,
    ) -> io::Result<(MemfdSender, MemfdReceiver)> {
        let (own, agreed_bytes) = (address.descriptor(end)?, shape.message_bytes);
        let sender = MemfdSender { socket: own.duplicate()?, agreed_bytes };
        Ok((sender, MemfdReceiver { socket: own.duplicate()?, agreed_bytes }))
    }

    /// System calls of the sender: memfd_create, ftruncate, mmap, munmap, fcntl, sendmsg, close; of the receiver:
    /// recvmsg, statx, fcntl, mmap, close, munmap. A mapping adds all its pages at once, which the kernel counts as
    /// page faults without a trap: one per page at the sender, which allocates and clears it, and one per 16 pages at
    /// the receiver.
    fn cost_model(shape: &Shape) -> CostModel {
        let bytes = shape.message_bytes as f64;
        let pages = shape.message_bytes.div_ceil(page_bytes()) as f64;
        let sleeps = if shape.closed_loop() { 1.0 } else { 0.0 };
        CostModel {
            sender: Counts { system_calls: 7.0, page_faults: pages, ..Counts::default() }
                .with(Operation::UnixSend, 1.0)
                .with(Operation::Memfd, 1.0)
                .with(Operation::MapPage, 1.0),
            receiver: Counts {
                system_calls: 6.0,
                moved_bytes: bytes,
                wakes: sleeps,
                context_switches: sleeps,
                page_faults: 1.0 + (pages - 1.0) / PAGES_AROUND,
                ..Counts::default()
            }
            .with(Operation::UnixReceive, 1.0)
            .with(Operation::MapPage, 1.0),
            unexplained: Some(shape.sleepers_reason().into()),
        }
    }
}

/// Present pages mapped by one read fault: the kernel's `fault_around_bytes`, 64 KiB.
const PAGES_AROUND: f64 = 16.0;

fn page_bytes() -> usize {
    sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|bytes| bytes.try_into().ok()).unwrap_or(4096)
}

impl Sender for MemfdSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if !(1..=self.agreed_bytes).contains(&len) {
            return Err(other_size(io::ErrorKind::InvalidInput, len, self.agreed_bytes));
        }
        let mut draft = Draft::new(len)?;
        fill(draft.room());
        let message = draft.seal()?;
        descriptors::send(&self.socket, len as u64, Some(message.as_fd()))?;
        close(message)
    }
}

impl Receiver for MemfdReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (len, descriptor) = descriptors::receive(&self.socket)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if !(1..=self.agreed_bytes).contains(&len) {
            return Err(other_size(io::ErrorKind::InvalidData, len, self.agreed_bytes));
        }
        let descriptor = descriptor.ok_or_else(|| io::Error::other("a message came without its memory"))?;
        let message = sealed(&descriptor, len)?;
        close(descriptor)?;
        Ok(read(&message))
    }
}

/// Closes by the plain call, so that a message costs the same in every build: with debug assertions, `OwnedFd` also
/// checks that the descriptor is open.
fn close(descriptor: OwnedFd) -> io::Result<()> {
    Ok(nix::unistd::close(descriptor)?)
}

#[cold]
fn other_size(kind: io::ErrorKind, len: usize, agreed: usize) -> io::Error {
    io::Error::new(kind, format!("a message of {len} bytes, where 1 to {agreed} were agreed"))
}

/// Message while it is written.
struct Draft {
    memory: OwnedFd,
    map: MmapRaw,
}

impl Draft {
    fn new(bytes: usize) -> io::Result<Self> {
        let memory = descriptors::memory(bytes)?;
        let map = MmapOptions::new().len(bytes).populate().map_raw(&memory)?;
        Ok(Self { memory, map })
    }

    fn room(&mut self) -> &mut [u8] {
        // SAFETY: the mapping has `len` readable and writable bytes and lives as long as the borrow of `self`. `new`
        // made the memory, and its descriptor leaves `self` only in `seal`, which consumes `self`, so there is no other
        // access.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr(), self.map.len()) }
    }

    /// Prevents any further change of the content or size.
    fn seal(self) -> io::Result<OwnedFd> {
        // Memory with a writable mapping cannot be sealed against writing.
        drop(self.map);
        fcntl_add_seals(&self.memory, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(self.memory)
    }
}

/// Maps a received message after verifying that it cannot be changed any more.
fn sealed(memory: &OwnedFd, bytes: usize) -> io::Result<Mmap> {
    MmapOptions::new().len(bytes).populate().map_if_safe(memory).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_its_sender_could_still_change_is_refused() {
        let draft = Draft::new(64).expect("memory");
        let refused = sealed(&draft.memory, 64).expect_err("not sealed");
        assert!(refused.to_string().contains("not safe"), "{refused}");
        let memory = draft.seal().expect("sealed");
        assert!(sealed(&memory, 65).is_err(), "smaller than announced");
        assert_eq!(sealed(&memory, 64).expect("mapped").len(), 64);
        assert!(MmapOptions::new().len(64).map_raw(&memory).is_err(), "sealed against writing");
    }
}
