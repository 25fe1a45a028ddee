//! As Python's multiprocessing builds its `Queue`: a pipe, a lock for those who read, a lock for those who write, and a
//! semaphore of as many permits as the queue may hold items. Items go over with their length before them; Python's feeder
//! thread, which writes on behalf of a producer, is left out, as in its `SimpleQueue`. Cost: a write, a poll, two reads, two
//! copies and six semaphore operations an item, and a wake and a switch wherever a side sleeps.
//!
//! One who waits for an item keeps the readers' lock meanwhile, as in Python: a get that does not wait finds nothing while
//! another waits, and one who dies holding a lock blocks all others of his side.
//! Source: pipe(7); CPython's `Lib/multiprocessing/queues.py`, `connection.py`.

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

/// The file with the most bytes that a user's pipe may hold.
const PIPE_BYTES_MAX: &str = "/proc/sys/fs/pipe-max-size";
/// The least that a slot of a pipe holds; a larger page would only leave more room.
const PAGE_BYTES: usize = 4096;
/// A pipe as it is made.
const LEAST_PIPE_BYTES: usize = 16 * PAGE_BYTES;
/// An item's length.
const HEADER_BYTES: usize = size_of::<u32>();

/// The three semaphores, one after the other.
const SEGMENT_BYTES: usize = 3 * size_of::<Semaphore>();

/// The queue.
pub struct PipeLocked;

/// One side, with both ends of the pipe.
pub struct Side {
    segment: Segment,
    depth: u32,
    read: File,
    write: File,
    /// Where an item is built and read, behind its length.
    room: Vec<u8>,
}

/// Bytes of a pipe into which `depth` items of `message_bytes` always fit. A write that does not fit behind the last one begins
/// a page of its own, and a page of which something was read still takes its slot.
fn pipe_bytes(depth: u32, message_bytes: usize) -> usize {
    let (depth, each) = (depth as usize, message_bytes.saturating_add(HEADER_BYTES));
    let pages = if each <= PAGE_BYTES {
        depth.div_ceil(PAGE_BYTES / each)
    } else {
        depth.saturating_mul(each.div_ceil(PAGE_BYTES))
    };
    pages.saturating_add(1).saturating_mul(PAGE_BYTES).max(LEAST_PIPE_BYTES)
}

/// What is usual where the plan leaves it open, or the largest power of two below that for which a pipe is large enough.
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
    type Handle = Side;

    fn supports(shape: &Shape) -> Result<(), String> {
        let (depth, bytes) = (depth(shape)?, shape.message_bytes);
        let (wanted, most) = (pipe_bytes(depth, bytes), limits::read(PIPE_BYTES_MAX)?);
        if wanted > most {
            return Err(format!(
                "{depth} items of {bytes} bytes want a pipe of {wanted} bytes, and one may hold {most} (fs.pipe-max-size)"
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
        // The kernel rounds up, and gives a user with many pipes an error instead.
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

    fn attach(address: &Address, shape: &Shape) -> io::Result<Side> {
        let [_, read, write] = address.descriptors(Endpoint::Sender)? else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "such a queue is memory and both ends of a pipe"));
        };
        Ok(Side {
            segment: Segment::attach(address, Endpoint::Sender, SEGMENT_BYTES)?,
            depth: depth(shape).map_err(io::Error::other)?,
            read: read.duplicate()?.into(),
            write: write.duplicate()?.into(),
            room: vec![0; HEADER_BYTES + shape.message_bytes],
        })
    }
}

/// One permit for each item that there is room for.
fn room_of(segment: &Segment) -> &Semaphore {
    segment.view(0)
}

fn readers_of(segment: &Segment) -> &Semaphore {
    segment.view(size_of::<Semaphore>())
}

fn writers_of(segment: &Segment) -> &Semaphore {
    segment.view(2 * size_of::<Semaphore>())
}

impl Side {
    /// Reads one item behind its length, as the only reader. Nothing when `wait_limit` ended before one came.
    fn read_one(&mut self, wait_limit: WaitLimit) -> io::Result<Option<usize>> {
        let read = &mut self.read;
        let come = wait_limit.retry(|limit| {
            let ready = await_ready(read.as_fd(), PollFlags::POLLIN, limit.unwrap_or_default())?;
            Ok(ready.then_some(()))
        })?;
        if come.is_none() {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        read.read_exact(&mut header)?;
        let len = u32::from_ne_bytes(header) as usize;
        let longest = self.room.len() - HEADER_BYTES;
        if len > longest {
            let why = format!("an item claims {len} bytes where {longest} were agreed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        read.read_exact(&mut self.room[HEADER_BYTES..HEADER_BYTES + len])?;
        Ok(Some(len))
    }
}

impl Handle for Side {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        Shape::check_length(self.room.len() - HEADER_BYTES, len)?;
        if !room_of(&self.segment).take(wait_limit)? {
            return Ok(Put::Full);
        }
        let (header, payload) = self.room.split_at_mut(HEADER_BYTES);
        header.copy_from_slice(&(len as u32).to_ne_bytes());
        fill(&mut payload[..len]);
        // There is room for the item, so whoever writes now is soon done.
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

    /// What Python's `qsize` says, too: the permits that are gone.
    fn items(&self) -> io::Result<Option<u64>> {
        Ok(Some(u64::from(self.depth.saturating_sub(room_of(&self.segment).value()?))))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Were the pipe too small, a put that was given a permit would block with the writers' lock in its hands.
    #[test]
    fn as_many_items_fit_as_there_are_permits_whatever_was_read_before() {
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
