//! What every byte stream of the kernel shares: messages of one agreed size, one write and one read each while they fit.
//! Not a mechanism; pipes and sockets build on it.

use std::io::{self, Read, Write};

use super::{Receiver, Sender, Shape};
use crate::record::{Anatomy, Counts};

/// The writing end, and the buffer a message is built in.
pub struct StreamSender<W> {
    stream: W,
    buffer: Vec<u8>,
}

/// The reading end, and the buffer a message is read into.
pub struct StreamReceiver<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<W> StreamSender<W> {
    pub(super) fn new(stream: W, shape: &Shape) -> Self {
        Self { stream, buffer: vec![0; shape.message_bytes] }
    }
}

impl<R> StreamReceiver<R> {
    pub(super) fn new(stream: R, shape: &Shape) -> Self {
        Self { stream, buffer: vec![0; shape.message_bytes] }
    }
}

impl<W: Write> Sender for StreamSender<W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.buffer.len() {
            return Err(other_size(len, self.buffer.len()));
        }
        fill(&mut self.buffer);
        self.stream.write_all(&self.buffer)
    }
}

impl<R: Read> Receiver for StreamReceiver<R> {
    #[inline]
    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        self.stream.read_exact(&mut self.buffer)?;
        Ok(read(&self.buffer))
    }
}

#[cold]
fn other_size(len: usize, agreed: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("a message of {len} bytes on a stream agreed to carry {agreed} each"),
    )
}

/// Without framing, an empty message leaves no trace.
pub(super) fn refuse_empty(shape: &Shape) -> Result<(), String> {
    if shape.message_bytes == 0 {
        return Err("a byte stream without framing cannot carry an empty message".into());
    }
    Ok(())
}

/// A write and a read, a copy in and a copy out. In a closed loop each message finds its reader asleep. A message larger
/// than the `pieces_bytes` the kernel holds goes over in pieces, and both sides sleep for each further one.
pub(super) fn anatomy(shape: &Shape, pieces_bytes: f64) -> Anatomy {
    let bytes = shape.message_bytes as f64;
    let pieces = (bytes / pieces_bytes).ceil().max(1.0);
    let sleeps = if shape.closed_loop() { pieces } else { 0.0 };
    Anatomy {
        sender: Counts {
            system_calls: 1.0,
            copied_bytes: bytes,
            wakes: (sleeps - 1.0).max(0.0),
            context_switches: (sleeps - 1.0).max(0.0),
            ..Counts::default()
        },
        receiver: Counts {
            system_calls: pieces,
            copied_bytes: bytes,
            moved_bytes: bytes,
            wakes: sleeps,
            context_switches: sleeps,
            ..Counts::default()
        },
    }
}
