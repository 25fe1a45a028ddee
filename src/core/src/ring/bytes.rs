//! Byte ring, one producer, one consumer: messages of any length, each preceded by a word with its length. Space is
//! allocated by the byte, so small messages waste none, unlike in fixed-size slots.
//! Source: length-prefixed logs such as Aeron's ring buffer, whose records are also published by their length word.
//!
//! A record's word is 0 until the record is published, then `length + 1`. Word positions depend on message lengths, so
//! the next word may overlap old payload bytes; the producer therefore clears the next word before it publishes the
//! current one, and reserves space for it. Neither side reads the other's position to pass a message, which saves one
//! cache line transfer per message compared with rings that publish their tail.
//!
//! A message never wraps: if the remaining space is too short, a marker word skips it and the message goes to the
//! start.
#![allow(unsafe_code)]

use std::io;

use super::adaptive_poll::AdaptivePoll;
use super::byte_room::{ByteRoom, WORD_BYTES};
use super::sync::Ordering;
use super::{Consume, Produce, check_received_len, fits};
use crate::wait::{Parker, PollPolicy, WaitStrategy};

/// Marker word: the remaining space up to the end of the ring is skipped.
const REST: u64 = u64::MAX;

/// Largest message of a ring with `capacity` bytes. An empty ring can always hold it plus the skipped space before it,
/// and space can be freed a quarter of the ring at a time.
pub const fn message_bytes_max(capacity: u64) -> u64 {
    capacity / 4 - WORD_BYTES
}

/// Bytes that a record with a message of `len` bytes takes.
#[inline]
pub const fn record_bytes(len: usize) -> u64 {
    WORD_BYTES + (len as u64).next_multiple_of(WORD_BYTES)
}

/// Sending endpoint.
///
/// ```
/// use ipcmark_core::address::Endpoint;
/// use ipcmark_core::record::Substrate;
/// use ipcmark_core::ring::{Consume, Produce, byte_room::{SegmentBytes, segment_bytes}, bytes};
/// use ipcmark_core::shm::{self, Segment};
/// use ipcmark_core::wait::Park;
///
/// # fn main() -> std::io::Result<()> {
/// let bytes = segment_bytes(1024);
/// let segment = Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)?;
/// let mut producer = bytes::Producer::new(SegmentBytes::new(segment.clone(), 1024)?, Park);
/// let mut consumer = bytes::Consumer::new(SegmentBytes::new(segment, 1024)?, Park);
/// for len in [0, 1, 200] {
///     producer.send(len, |room| room.fill(1))?;
///     assert_eq!(consumer.receive(<[u8]>::len)?, len);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Producer<B, W> {
    room: B,
    wait: W,
    next: u64,
    /// The consumer's position as of the last read.
    consumed: u64,
}

/// Receiving endpoint.
pub struct Consumer<B, W> {
    room: B,
    wait: W,
    next: u64,
    /// The position last published to the producer.
    published: u64,
    poll_policy: AdaptivePoll,
}

impl<B: ByteRoom, W: WaitStrategy<Parker>> Producer<B, W> {
    /// Creates the only producer of the ring in `room`, which must be fresh.
    pub fn new(room: B, wait: W) -> Self {
        Self { room, wait, next: 0, consumed: 0 }
    }

    /// Waits until `bytes` bytes at the next position and the word after them are free.
    #[inline]
    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let end = self.next + bytes + WORD_BYTES;
        if end.wrapping_sub(self.consumed) > self.room.capacity() { self.await_room(end) } else { Ok(()) }
    }

    #[inline(never)]
    fn await_room(&mut self, end: u64) -> io::Result<()> {
        let room = &self.room;
        (self.consumed, _) = self.wait.until(room.writer(), PollPolicy::QUICK, || {
            // PAIRS: bytes-consumed
            let consumed = room.consumed().load(Ordering::Acquire);
            (end.wrapping_sub(consumed) <= room.capacity()).then_some(consumed)
        })?;
        Ok(())
    }

    /// Publishes the reserved `bytes` at the next position, described by `word`.
    #[inline]
    fn publish(&mut self, bytes: u64, word: u64) -> io::Result<()> {
        let at = self.next;
        self.next += bytes;
        self.room.clear(self.next);
        // PAIRS: bytes-published
        self.room.word(at).store(word, B::PUBLISH);
        self.wait.notify(self.room.reader(), 1)
    }

    #[cold]
    fn leave_out(&mut self, rest: u64) -> io::Result<()> {
        self.reserve(rest)?;
        self.publish(rest, REST)
    }
}

impl<B: ByteRoom, W: WaitStrategy<Parker>> Produce for Producer<B, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, message_bytes_max(self.room.capacity()) as usize)?;
        let bytes = record_bytes(len);
        let rest = rest_of(&self.room, self.next);
        if bytes > rest {
            self.leave_out(rest)?;
        }
        self.reserve(bytes)?;
        // SAFETY: the consumer's position has passed the last use of these bytes, there is one producer, and they end
        // before the ring does.
        unsafe { self.room.write(self.next + WORD_BYTES, len, fill) };
        self.publish(bytes, len as u64 + 1)
    }
}

impl<B: ByteRoom, W: WaitStrategy<Parker>> Consumer<B, W> {
    /// Creates the only consumer of the ring in `room`, which must be fresh. It frees space a quarter of the ring at a
    /// time, and whenever it finds the ring empty.
    pub fn new(room: B, wait: W) -> Self {
        Self { room, wait, next: 0, published: 0, poll_policy: AdaptivePoll::new() }
    }

    /// Polls with one pause hint each instead of adapting to the traffic.
    #[must_use]
    pub fn with_fixed_poll(mut self) -> Self {
        self.poll_policy = AdaptivePoll::fixed();
        self
    }

    /// Returns the word at the next position; waits until it is published.
    #[inline]
    fn word(&mut self) -> io::Result<u64> {
        // PAIRS: bytes-published
        match self.room.word(self.next).load(Ordering::Acquire) {
            0 => self.await_word(),
            word => Ok(word),
        }
    }

    #[inline]
    fn await_word(&mut self) -> io::Result<u64> {
        if self.next != self.published {
            self.give_back()?;
        }
        let word = self.room.word(self.next);
        let (found, polls) = self.wait.until(self.room.reader(), self.poll_policy.now(), || {
            // PAIRS: bytes-published
            Some(word.load(Ordering::Acquire)).filter(|word| *word != 0)
        })?;
        self.poll_policy.record_polls(polls);
        Ok(found)
    }

    /// Skips the remaining space and returns the word at the start of the ring.
    #[cold]
    fn restart(&mut self) -> io::Result<u64> {
        self.next += rest_of(&self.room, self.next);
        self.word()
    }

    #[inline]
    fn give_back(&mut self) -> io::Result<()> {
        // PAIRS: bytes-consumed
        self.room.consumed().store(self.next, B::GIVE_BACK);
        self.published = self.next;
        self.wait.notify(self.room.writer(), 1)
    }
}

impl<B: ByteRoom, W: WaitStrategy<Parker>> Consume for Consumer<B, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let mut word = self.word()?;
        if word == REST {
            word = self.restart()?;
        }
        let len = (word - 1) as usize;
        check_received_len(len, (rest_of(&self.room, self.next) - WORD_BYTES) as usize)?;
        // SAFETY: the word states that these bytes were filled; the producer does not write them until the position
        // published below passes them, there is one consumer, and len was checked against the end of the ring.
        let result = unsafe { self.room.read(self.next + WORD_BYTES, len, read) };
        self.next += record_bytes(len);
        self.poll_policy.received();
        if self.next - self.published >= self.room.capacity() / 4 {
            self.give_back()?;
        }
        Ok(result)
    }
}

/// Bytes from `position` to the end of the ring.
#[inline]
fn rest_of(room: &impl ByteRoom, position: u64) -> u64 {
    room.capacity() - (position & (room.capacity() - 1))
}
