//! POSIX message queue: the kernel keeps up to `msg_max` items, highest priority first; all have the same here. Its
//! calls have time-outs, so nothing is added. Cost: a system call and a copy on each side; a wake-up and a context
//! switch when an endpoint sleeps. An endpoint that has to wait first makes a call that fails. Source: mq_overview(7),
//! mq_timedsend(3); Python's `queue` has the same put and get.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::address::Address;
use crate::posix_mq::{self, Access, MessageQueue, Size};
use crate::queue::{Got, Handle, Put, Shape, WorkQueue};
use crate::record::Wait;
use crate::wait::WaitLimit;

/// The queue.
pub struct PosixMq;

/// An endpoint, with a buffer for an item.
pub struct QueueHandle {
    queue: MessageQueue,
    room: Vec<u8>,
}

/// Size of the queue. By default as deep as the administrator allows.
fn size(shape: &Shape) -> Result<Size, String> {
    let messages = if shape.depth > 0 { shape.depth as usize } else { posix_mq::messages_max()? };
    Ok(Size { messages, message_bytes: shape.message_bytes.max(1) })
}

impl WorkQueue for PosixMq {
    const SUMMARY: &'static str = "POSIX message queue: timed calls of the kernel, bounded by fs.mqueue.msg_max";
    const WAIT: Wait = Wait::Block;
    type Handle = QueueHandle;

    fn unavailable() -> Option<String> {
        posix_mq::unavailable()
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        size(shape)?.supports(1)
    }

    fn depth(shape: &Shape) -> Option<u32> {
        size(shape).ok().map(|size| size.messages as u32)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        posix_mq::create(size(shape).map_err(io::Error::other)?).map(Address::Named)
    }

    fn attach(address: &Address, shape: &Shape) -> io::Result<QueueHandle> {
        let message_bytes = shape.message_bytes.max(1);
        let queue = MessageQueue::open(address.name()?, Access::Both, message_bytes)?;
        Ok(QueueHandle { queue, room: vec![0; message_bytes] })
    }
}

/// The absolute time of a call's time-out: now, or after `limit`. The kernel compares with this clock; a step of it
/// changes the length of one wait.
fn moment(limit: Option<Duration>) -> io::Result<TimeSpec> {
    match limit {
        None => Ok(TimeSpec::new(0, 0)),
        Some(limit) => Ok(clock_gettime(ClockId::CLOCK_REALTIME)? + TimeSpec::from_duration(limit)),
    }
}

/// The result of a call, or `None` if it timed out.
fn attempt<R>(result: nix::Result<R>) -> io::Result<Option<R>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(Errno::ETIMEDOUT | Errno::EINTR) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

impl Handle for QueueHandle {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        Shape::check_length(self.room.len(), len)?;
        fill(&mut self.room[..len]);
        let sent = wait_limit.retry(|limit| attempt(self.queue.send_until(&self.room[..len], &moment(limit)?)))?;
        Ok(Put::of(sent.is_some()))
    }

    #[inline]
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        let len = wait_limit.retry(|limit| attempt(self.queue.receive_until(&mut self.room, &moment(limit)?)))?;
        Ok(Got::of(len.map(|len| read(&self.room[..len]))))
    }

    fn items(&self) -> io::Result<Option<u64>> {
        self.queue.waiting().map(Some)
    }
}
