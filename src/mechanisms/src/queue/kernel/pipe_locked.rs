//! A pipe, a lock for readers, a lock for writers, and a semaphore with as many permits as the queue may hold items, as
//! in Python's `multiprocessing.Queue`. Items are preceded by their length. Python's feeder thread, which writes on
//! behalf of a producer, is left out, as in its `SimpleQueue`. Cost per item: a write, a poll, two reads, two copies
//! and six semaphore operations; a wake-up and a context switch wherever an endpoint sleeps.
//!
//! An endpoint that waits for an item holds the readers' lock, as in Python: meanwhile another get that does not wait
//! finds nothing, and an endpoint that dies with a lock blocks all others on its side. Source: pipe(7); CPython's
//! `Lib/multiprocessing/queues.py`, `connection.py`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::PollFlags;
use nix::unistd::pipe2;

use super::await_ready;
use super::semaphore::Semaphore;
use crate::address::{Address, Descriptor, Endpoint};
use crate::limits;
use crate::queue::{Got, Handle, Put, Shape, WorkQueue};
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};
use crate::wait::WaitLimit;

/// The file with the largest size of an unprivileged user's pipe.
const PIPE_BYTES_MAX: &str = "/proc/sys/fs/pipe-max-size";
/// Least capacity of a pipe's slot; larger pages only leave more room.
const PAGE_BYTES: usize = 4096;
/// Default size of a pipe.
const LEAST_PIPE_BYTES: usize = 16 * PAGE_BYTES;
/// Bytes of an item's length.
const HEADER_BYTES: usize = size_of::<u32>();
/// Bytes of the three semaphores.
/// The three semaphores, one after the other.
const SEGMENT_BYTES: usize = 3 * size_of::<Semaphore>();

/// The queue.
pub struct PipeLocked;

/// An endpoint, with both ends of the pipe.
pub struct QueueHandle {
    segment: Segment,
    depth: u32,
    read: File,
    write: File,
    /// Buffer for an item and its length.
    room: Vec<u8>,
}

/// Size of a pipe into which `depth` items of `message_bytes` always fit. A write that does not fit into the last page
/// begins a new one, and a partly read page still occupies its slot.
fn pipe_bytes(depth: u32, message_bytes: usize) -> usize {
    let (depth, each) = (depth as usize, message_bytes.saturating_add(HEADER_BYTES));
    let pages = if each <= PAGE_BYTES {
        depth.div_ceil(PAGE_BYTES / each)
    } else {
        depth.saturating_mul(each.div_ceil(PAGE_BYTES))
    };
    pages.saturating_add(1).saturating_mul(PAGE_BYTES).max(LEAST_PIPE_BYTES)
}

/// The depth of the shape. By default the usual one, or the largest power of two below it that fits a pipe.
fn depth(shape: &Shape) -> Result<u32, String> {
    let mut depth = shape.depth_or_default();
    let most = limits::read(PIPE_BYTES_MAX)?;
    while shape.depth == 0 && depth > 1 && pipe_bytes(depth, shape.message_bytes) > most {
        depth /= 2;
    }
    Ok(depth)
}

impl WorkQueue for PipeLocked {
    const SUMMARY: &'static str = "a pipe, a lock on each side and a bounding semaphore, as Python's Queue";
    const WAIT: Wait = Wait::Block;
    type Handle = QueueHandle;

    fn supports(shape: &Shape) -> Result<(), String> {
        let (depth, bytes) = (depth(shape)?, shape.message_bytes);
        let (wanted, most) = (pipe_bytes(depth, bytes), limits::read(PIPE_BYTES_MAX)?);
        if wanted > most {
            return Err(format!(
                "{depth} items of {bytes} bytes need a pipe of {wanted} bytes; the limit is {most} (fs.pipe-max-size)"
            ));
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        depth(shape).ok()
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let depth = depth(shape).map_err(io::Error::other)?;
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        let wanted = pipe_bytes(depth, shape.message_bytes);
        let asked = i32::try_from(wanted).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // The kernel rounds up. It refuses a user with too many pipe pages.
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(asked)).map_err(|e| {
            io::Error::other(format!("a pipe of {wanted} bytes: {e}; pipe-user-pages-soft limits them"))
        })?;
        let memory = shm::create(Substrate::Memfd, SEGMENT_BYTES)?;
        let segment = Segment::attach(&memory, Endpoint::Sender, SEGMENT_BYTES)?;
        room_of(&segment).make(depth)?;
        readers_of(&segment).make(1)?;
        writers_of(&segment).make(1)?;
        let memory = memory.descriptor(Endpoint::Sender)?.clone();
        Ok(Address::Inherited { sender: vec![memory, Descriptor::new(read), Descriptor::new(write)], receiver: vec![] })
    }

    fn attach(address: &Address, shape: &Shape) -> io::Result<QueueHandle> {
        let [_, read, write] = address.descriptors(Endpoint::Sender)? else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the address needs a segment and both ends of a pipe",
            ));
        };
        Ok(QueueHandle {
            segment: Segment::attach(address, Endpoint::Sender, SEGMENT_BYTES)?,
            depth: depth(shape).map_err(io::Error::other)?,
            read: read.duplicate()?.into(),
            write: write.duplicate()?.into(),
            room: vec![0; HEADER_BYTES + shape.message_bytes],
        })
    }
}

/// Has one permit per free item.
fn room_of(segment: &Segment) -> &Semaphore {
    segment.view(0)
}

fn readers_of(segment: &Segment) -> &Semaphore {
    segment.view(size_of::<Semaphore>())
}

fn writers_of(segment: &Segment) -> &Semaphore {
    segment.view(2 * size_of::<Semaphore>())
}

impl QueueHandle {
    /// Reads an item; the caller holds the readers' lock. Returns `None` if none arrives within `wait_limit`.
    fn read_one(&mut self, wait_limit: WaitLimit) -> io::Result<Option<usize>> {
        let read = &mut self.read;
        let arrived = wait_limit.retry(|limit| {
            let ready = await_ready(read.as_fd(), PollFlags::POLLIN, limit.unwrap_or_default())?;
            Ok(ready.then_some(()))
        })?;
        if arrived.is_none() {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        read.read_exact(&mut header)?;
        let len = u32::from_ne_bytes(header) as usize;
        let longest = self.room.len() - HEADER_BYTES;
        if len > longest {
            let why = format!("an item has {len} bytes, but at most {longest} were agreed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        read.read_exact(&mut self.room[HEADER_BYTES..HEADER_BYTES + len])?;
        Ok(Some(len))
    }
}

impl Handle for QueueHandle {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        Shape::check_length(self.room.len() - HEADER_BYTES, len)?;
        if !room_of(&self.segment).take(wait_limit)? {
            return Ok(Put::Full);
        }
        let (header, payload) = self.room.split_at_mut(HEADER_BYTES);
        header.copy_from_slice(&(len as u32).to_ne_bytes());
        fill(&mut payload[..len]);
        // There is room for the item, so the current writer does not block.
        writers_of(&self.segment).take(WaitLimit::Forever)?;
        let written = self.write.write_all(&self.room[..HEADER_BYTES + len]);
        writers_of(&self.segment).give()?;
        written.map(|()| Put::Taken)
    }

    #[inline]
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        if !readers_of(&self.segment).take(wait_limit)? {
            return Ok(Got::Empty);
        }
        let found = self.read_one(wait_limit);
        readers_of(&self.segment).give()?;
        let Some(len) = found? else { return Ok(Got::Empty) };
        room_of(&self.segment).give()?;
        Ok(Got::Item(read(&self.room[HEADER_BYTES..HEADER_BYTES + len])))
    }

    /// Also what Python's `qsize` returns: the permits in use.
    fn items(&self) -> io::Result<Option<u64>> {
        Ok(Some(u64::from(self.depth.saturating_sub(room_of(&self.segment).value()?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If the pipe were too small, a put with a permit would block while it holds the writers' lock.
    #[test]
    fn as_many_items_fit_as_there_are_permits_after_any_reads() {
        for message_bytes in [8, 64, 1000, 2044, 2049, 4092, 4096, 6001, 20_000] {
            let shape = Shape { message_bytes, depth: 0 };
            let address = PipeLocked::create(&shape).expect("a pipe");
            let mut side = PipeLocked::attach(&address, &shape).expect("a side");
            let depth = PipeLocked::depth(&shape).expect("items are counted");
            let (mut put, mut got) = (0u8, 0u8);
            for turn in 0..5 {
                while side.put(message_bytes, WaitLimit::Never, |room| room.fill(put)).expect("room") == Put::Taken {
                    put = put.wrapping_add(1);
                }
                assert_eq!(side.items().expect("a count"), Some(u64::from(depth)), "{message_bytes} bytes");
                for _ in 0..depth - turn % depth {
                    let item = side.get(WaitLimit::Never, <[u8]>::to_vec).expect("an item");
                    assert_eq!(item, Got::Item(vec![got; message_bytes]));
                    got = got.wrapping_add(1);
                }
            }
        }
    }
}
