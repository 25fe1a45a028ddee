//! System V message queue: the kernel keeps up to `msgmnb` bytes of items, in order of arrival. Its calls wait for ever
//! or not at all. So a time-out is implemented by calls that do not wait, one per [`PAUSE`]: it is late by up to that,
//! and each call is a system call. Cost: a system call and a copy on each side; a wake-up and a context switch when an
//! endpoint sleeps. A wait without a time-out ends only with the queue or the process. Source: sysvipc(7), msgop(2).

use std::io;
use std::thread;
use std::time::Duration;

use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::queue::{Got, Handle, Put, Shape, TimeOuts, WorkQueue};
use crate::record::{Isolation, Wait};
use crate::sysv_msg::{MESSAGE_BYTES_MAX, Message, MessageQueue, QUEUE_BYTES_MAX};
use crate::wait::WaitLimit;
use crate::{abort, limits};

/// Interval between the calls of a wait with a time-out.
const PAUSE: Duration = Duration::from_micros(50);

/// The queue.
pub struct SysvMsg;

/// An endpoint, with a buffer for a message.
pub struct QueueHandle {
    queue: MessageQueue,
    message: Message,
    message_bytes: usize,
}

/// The depth of the shape. By default the usual one, or what the administrator's limit allows.
fn depth(shape: &Shape) -> Result<usize, String> {
    let usual = shape.depth_or_default() as usize;
    if shape.depth > 0 {
        return Ok(usual);
    }
    Ok(usual.min(limits::read(QUEUE_BYTES_MAX)? / shape.message_bytes.max(1)).max(1))
}

/// Bytes of a queue that is full of the longest items.
fn queue_bytes(shape: &Shape) -> Result<usize, String> {
    Ok(depth(shape)?.saturating_mul(shape.message_bytes))
}

impl WorkQueue for SysvMsg {
    const SUMMARY: &'static str = "System V message queue: bounded by bytes, time-outs by repeated calls";
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Wait = Wait::Block;
    const TIME_OUTS: TimeOuts = TimeOuts::Repeated;
    type Handle = QueueHandle;

    fn unavailable() -> Option<String> {
        let why = limits::read(MESSAGE_BYTES_MAX).err()?;
        Some(format!("this system has no System V message queues: {why}"))
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        let (message_max, queue_max) = (limits::read(MESSAGE_BYTES_MAX)?, limits::read(QUEUE_BYTES_MAX)?);
        if shape.message_bytes > message_max {
            let bytes = shape.message_bytes;
            return Err(format!("a message has at most {message_max} bytes (kernel.msgmax), not {bytes}"));
        }
        let wanted = queue_bytes(shape)?;
        if wanted > queue_max {
            return Err(format!("a queue holds at most {queue_max} bytes (kernel.msgmnb), not {wanted}"));
        }
        Ok(())
    }

    /// For the longest items; the kernel counts bytes.
    fn depth(shape: &Shape) -> Option<u32> {
        depth(shape).ok().and_then(|depth| u32::try_from(depth).ok())
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let bytes = queue_bytes(shape).map_err(io::Error::other)?;
        let name = fresh_name(NameKind::SysvMsg)?;
        let key = sysv_key(&name.name).ok_or(io::ErrorKind::InvalidInput)?;
        MessageQueue::create(key)?.limit_bytes(bytes)?;
        Ok(Address::Named(name))
    }

    fn attach(address: &Address, shape: &Shape) -> io::Result<QueueHandle> {
        let key = sysv_key(&address.name()?.name).ok_or(io::ErrorKind::InvalidInput)?;
        let message_bytes = shape.message_bytes;
        Ok(QueueHandle { queue: MessageQueue::open(key)?, message: Message::new(message_bytes), message_bytes })
    }
}

/// Makes calls that do not wait until one succeeds or `wait_limit` ends.
fn repeat<R>(wait_limit: WaitLimit, mut call: impl FnMut() -> io::Result<Option<R>>) -> io::Result<Option<R>> {
    wait_limit.retry(|limit| {
        if let Some(limit) = limit {
            thread::sleep(limit.min(PAUSE));
        }
        call()
    })
}

/// Repeats a call that a signal interrupted, until the trial is aborted.
fn uninterrupted<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(stopped) if stopped.kind() == io::ErrorKind::Interrupted && !abort::requested() => {}
            done => return done,
        }
    }
}

impl Handle for QueueHandle {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        Shape::check_length(self.message_bytes, len)?;
        fill(&mut self.message.text_mut()[..len]);
        let (queue, message) = (self.queue, &self.message);
        let sent = match wait_limit {
            WaitLimit::Forever => Some(uninterrupted(|| queue.send(message, len))?),
            _ => repeat(wait_limit, || Ok(queue.try_send(message, len)?.then_some(())))?,
        };
        Ok(Put::of(sent.is_some()))
    }

    #[inline]
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        let (queue, message) = (self.queue, &mut self.message);
        let len = match wait_limit {
            WaitLimit::Forever => Some(uninterrupted(|| queue.receive(message))?),
            _ => repeat(wait_limit, || queue.try_receive(message))?,
        };
        Ok(Got::of(len.map(|len| read(&self.message.text()[..len]))))
    }

    fn items(&self) -> io::Result<Option<u64>> {
        self.queue.waiting().map(Some)
    }
}
