//! Cell with the latest value: the writer never waits, and a reader that was overtaken during its copy copies again.
//! Unread older values are overwritten. For telemetry and state, where only the newest value counts.
//! Source: Hemminger's seqlock in Linux; its orderings from Boehm, "Can seqlocks get along with programming language memory
//! models?", MSPC 2012.
//!
//! The version is odd while a value is being written. Both sides copy word by word with relaxed atomics, since reads and
//! writes may overlap; so the payload is copied once more on either side than in a ring.

use std::io;

use super::cell::Cell;
use super::sync::{AtomicU64, Ordering, fence};
use super::{Consume, Produce, check_received_len, fits};
use crate::wait::{ALL, EventCount, PollPolicy, WaitStrategy};

const WORD_BYTES: usize = size_of::<u64>();

/// Writing endpoint.
pub struct Writer<C, W> {
    cell: C,
    wait: W,
    version: u64,
    value: Vec<u8>,
}

/// One of the reading endpoints.
pub struct Reader<C, W> {
    cell: C,
    wait: W,
    /// Version of the value read last.
    version: u64,
    value: Vec<u8>,
    retries: u64,
}

/// A buffer of whole words for a value.
fn buffer(cell: &impl Cell) -> Vec<u8> {
    vec![0; cell.words().len() * WORD_BYTES]
}

impl<C: Cell, W: WaitStrategy<EventCount>> Writer<C, W> {
    /// Creates the only writer of `cell`, which must be fresh.
    pub fn new(cell: C, wait: W) -> Self {
        let value = buffer(&cell);
        Self { cell, wait, version: 0, value }
    }
}

impl<C: Cell, W: WaitStrategy<EventCount>> Produce for Writer<C, W> {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fits(len, self.cell.message_bytes())?;
        fill(&mut self.value[..len]);
        self.cell.version().store(self.version + 1, Ordering::Relaxed);
        // PAIRS: seqlock-torn. A reader that sees a word of this value also sees at least the odd version.
        fence(C::MARK);
        self.cell.length().store(len as u64, Ordering::Relaxed);
        for (word, bytes) in self.cell.words().iter().zip(self.value[..len.next_multiple_of(WORD_BYTES)].as_chunks().0)
        {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        self.version += 2;
        // PAIRS: seqlock-written
        self.cell.version().store(self.version, C::PUBLISH);
        self.wait.notify(self.cell.readers(), ALL)
    }
}

impl<C: Cell, W: WaitStrategy<EventCount>> Reader<C, W> {
    /// Creates a reader of `cell` that has seen no value yet.
    pub fn new(cell: C, wait: W) -> Self {
        let value = buffer(&cell);
        Self { cell, wait, version: 0, value, retries: 0 }
    }

    /// Number of copies repeated because the value was overwritten during the copy.
    pub fn retries(&self) -> u64 {
        self.retries
    }
}

impl<C: Cell, W: WaitStrategy<EventCount>> Consume for Reader<C, W> {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let Self { cell, wait, version, value, retries } = self;
        let (copied, _) = wait.until(cell.readers(), PollPolicy::QUICK, || {
            // PAIRS: seqlock-written
            let before = cell.version().load(Ordering::Acquire);
            if before == *version || before % 2 == 1 {
                return None;
            }
            let copied = copy(cell, value);
            // PAIRS: seqlock-torn
            fence(Ordering::Acquire);
            if cell.version().load(Ordering::Relaxed) != before {
                *retries += 1;
                return None;
            }
            *version = before;
            Some(copied)
        })?;
        Ok(read(&self.value[..copied?]))
    }
}

/// Copies the value, torn or not, and returns its stated length.
///
/// Errors: `InvalidData` when that exceeds the cell.
#[inline]
fn copy(cell: &impl Cell, value: &mut [u8]) -> io::Result<usize> {
    let len = cell.length().load(Ordering::Relaxed) as usize;
    check_received_len(len, cell.message_bytes())?;
    let words: &[AtomicU64] = cell.words();
    for (word, bytes) in words.iter().zip(value[..len.next_multiple_of(WORD_BYTES)].as_chunks_mut().0) {
        *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
    }
    Ok(len)
}
