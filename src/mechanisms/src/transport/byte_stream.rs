//! Byte streams of the kernel, on which pipes and sockets build. Messages have one agreed size, with one write and one
//! read each while it fits the buffer.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use super::readiness::{Block, Direction, Readiness};
use super::{Receiver, Sender, Shape};
use crate::record::{CostModel, Counts, Operation};

/// Sender with its wait strategy and message buffer.
pub struct StreamSender<S, W = Block> {
    stream: S,
    readiness: W,
    buffer: Vec<u8>,
}

/// Receiver with its wait strategy and message buffer.
pub struct StreamReceiver<S, W = Block> {
    stream: S,
    readiness: W,
    buffer: Vec<u8>,
}

impl<S: AsFd, W: Readiness> StreamSender<S, W> {
    pub(super) fn new(stream: S, shape: &Shape) -> io::Result<Self> {
        let readiness = W::prepare(stream.as_fd(), Direction::Write)?;
        Ok(Self { stream, readiness, buffer: vec![0; shape.message_bytes] })
    }
}

impl<S: AsFd, W: Readiness> StreamReceiver<S, W> {
    pub(super) fn new(stream: S, shape: &Shape) -> io::Result<Self> {
        let readiness = W::prepare(stream.as_fd(), Direction::Read)?;
        Ok(Self { stream, readiness, buffer: vec![0; shape.message_bytes] })
    }
}

impl<S: Write, W: Readiness> Sender for StreamSender<S, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.buffer.len() {
            return Err(other_size(len, self.buffer.len()));
        }
        fill(&mut self.buffer);
        let mut rest = &self.buffer[..];
        while !rest.is_empty() {
            let written = self.readiness.retry(|| self.stream.write(rest))?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[written..];
        }
        Ok(())
    }
}

impl<S: Read, W: Readiness> Receiver for StreamReceiver<S, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let mut rest = &mut self.buffer[..];
        while !rest.is_empty() {
            let got = self.readiness.retry(|| self.stream.read(rest))?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            rest = &mut rest[got..];
        }
        Ok(read(&self.buffer))
    }
}

/// Error for a message of another than the agreed size.
#[cold]
pub(super) fn other_size(len: usize, agreed: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("a message of {len} bytes on a stream of messages of {agreed} bytes"),
    )
}

/// Errors: an empty message leaves no trace in a stream without framing.
pub(super) fn refuse_empty(shape: &Shape) -> Result<(), String> {
    if shape.message_bytes == 0 {
        return Err("a byte stream without framing cannot carry an empty message".into());
    }
    Ok(())
}

/// Cost model: a `write` and a `read`, a copy in and a copy out. In a closed loop the receiver waits for each message. A
/// message larger than `pieces_bytes`, the kernel's capacity, is sent in pieces, and both endpoints wait for each
/// further one: a blocking sender inside its single call, others between calls.
pub(super) fn cost_model<W: Readiness>(shape: &Shape, [write, read]: [Operation; 2], pieces_bytes: f64) -> CostModel {
    let bytes = shape.message_bytes as f64;
    let pieces = (bytes / pieces_bytes).ceil().max(1.0);
    let waits = if shape.closed_loop() { pieces } else { 0.0 };
    let (sending, receiving) = (W::cost((waits - 1.0).max(0.0)), W::cost(waits));
    let writes = if W::WAIT == Block::WAIT { 1.0 } else { pieces };
    CostModel {
        sender: Counts { system_calls: writes + sending.system_calls, copied_bytes: bytes, ..sending }
            .carrying(write, writes, bytes),
        receiver: Counts {
            system_calls: pieces + receiving.system_calls,
            copied_bytes: bytes,
            moved_bytes: bytes,
            ..receiving
        }
        .carrying(read, pieces, bytes),
        unexplained: Some(W::reason(shape).into()),
    }
}
