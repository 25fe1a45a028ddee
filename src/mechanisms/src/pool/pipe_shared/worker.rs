//! A worker at the shared pipes, and the marks that tell the dispatcher which pipe a dead worker left in disorder.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{HEAD, TAG};
use crate::abort;
use crate::futex;
use crate::lock::erased::AnyHandle;
use crate::lock::{Acquired, Handle};
use crate::pool::supervisor::WorkerContext;
use crate::pool::{Work, descriptors};
use crate::shm::SharedLayout;

/// Interval at which a worker that waits for a repair checks the abort flag.
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// The worker that currently uses each pipe, as its index plus one; 0 for none. Written under the lock of the pipe.
/// When the owner has died, the supervisor adds [`LEFT`] before it starts a new worker, and the dispatcher clears the
/// word.
#[repr(C, align(64))]
pub(super) struct PipeUsers {
    pub(super) reader: AtomicU32,
    pub(super) writer: AtomicU32,
}

// SAFETY: repr(C), atomics only; all zero is two pipes without a user.
unsafe impl SharedLayout for PipeUsers {}

/// Flag of a user that died.
const LEFT: u32 = 1 << 31;

impl PipeUsers {
    /// Marks the pipe that the dead `worker` was using, if any.
    pub(super) fn mark_left(&self, worker: u32) {
        for user in [&self.reader, &self.writer] {
            // Relaxed: the death report, sent afterwards, orders it. No other process changes the word of a dead
            // worker.
            let _ = user.compare_exchange(worker + 1, LEFT | (worker + 1), Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// Whether the dead `worker` was using the pipe. No other worker uses it then.
pub(super) fn is_left_by(user: &AtomicU32, worker: u32) -> bool {
    user.load(Ordering::Acquire) == LEFT | (worker + 1)
}

/// Lets workers use the pipe again.
pub(super) fn repaired(user: &AtomicU32) -> io::Result<()> {
    // PAIRS: pipe-repaired
    user.store(0, Ordering::Release);
    futex::wake(user, 1)
}

/// Marks the pipe as used, after a repair if one is due. The caller holds the lock.
#[inline]
fn begin_use(user: &AtomicU32, worker: u32) -> io::Result<()> {
    loop {
        // PAIRS: pipe-repaired
        match user.load(Ordering::Acquire) {
            0 => break,
            left => futex::wait(user, left, SLEEP_SLICE)?,
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
    user.store(worker + 1, Ordering::Release);
    Ok(())
}

#[inline]
pub(super) fn tag(frame: &[u8]) -> u64 {
    let mut tag = [0; HEAD - TAG];
    tag.copy_from_slice(&frame[TAG..HEAD]);
    u64::from_le_bytes(tag)
}

/// A worker's read end of the pipe of requests.
pub(super) struct RequestReader<'a> {
    pub(super) pipe: &'a OwnedFd,
    pub(super) lock: AnyHandle,
    pub(super) frame: Vec<u8>,
}

/// A worker's write end of the pipe of responses.
pub(super) struct ResponseWriter<'a> {
    pub(super) pipe: &'a OwnedFd,
    pub(super) lock: AnyHandle,
    pub(super) frame: Vec<u8>,
}

impl RequestReader<'_> {
    /// Waits for a request. An empty frame means that the worker must exit.
    fn receive(&mut self, context: &WorkerContext, user: &AtomicU32) -> io::Result<&[u8]> {
        let Self { pipe, lock, frame } = self;
        let pipe = *pipe;
        lock.with_lock(|_: Acquired| -> io::Result<()> {
            begin_use(user, context.index)?;
            let mut head = [0; HEAD];
            descriptors::read_exactly(pipe, &mut head)?;
            context.table.set_received(context.index, tag(&head));
            frame.resize(descriptors::length(&head), 0);
            descriptors::read_exactly(pipe, frame)?;
            user.store(0, Ordering::Release);
            Ok(())
        })??;
        Ok(frame)
    }
}

impl ResponseWriter<'_> {
    fn send(
        &mut self,
        context: &WorkerContext,
        user: &AtomicU32,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> io::Result<()> {
        let Self { pipe, lock, frame } = self;
        descriptors::build::<HEAD>(frame, bytes, fill);
        frame[TAG..HEAD].copy_from_slice(&context.table.received(context.index).to_le_bytes());
        lock.with_lock(|_: Acquired| -> io::Result<()> {
            begin_use(user, context.index)?;
            descriptors::write_all(pipe, frame)?;
            user.store(0, Ordering::Release);
            Ok(())
        })?
    }
}

/// Main loop of a worker.
pub(super) fn serve<W: Work>(
    context: &WorkerContext,
    reader: RequestReader,
    writer: ResponseWriter,
    users: &PipeUsers,
    mut work: W,
) -> io::Result<()> {
    context.run(
        &mut work,
        &mut (reader, writer),
        |(reader, _), work| {
            let frame = reader.receive(context, &users.reader)?;
            Ok((!frame.is_empty()).then(|| work.read(frame)))
        },
        |(_, writer), bytes, fill| writer.send(context, &users.writer, bytes, fill),
    )
}
