//! Cell with the latest value: the writer never waits, and a reader that was overtaken during its copy copies again.
//! Unread older values are overwritten. For telemetry and state, where only the newest value counts.
//! Source: Hemminger's seqlock in Linux; its orderings from Boehm, "Can seqlocks get along with programming language
//! memory models?", MSPC 2012.
//!
//! The version is odd while a value is being written. Both sides copy word by word with relaxed atomics, since reads
//! and writes may overlap; so the payload is copied once more on either side than in a ring.
#![allow(unsafe_code)]

use std::io;

use super::sync::{AtomicU64, Ordering, fence};
use super::{Consume, Produce, check_received_len, fits};
use crate::shm::{Segment, SharedLayout};
use crate::wait::{ALL, EventCount, PollPolicy, WaitStrategy};

const WORD_BYTES: usize = size_of::<u64>();

/// Writing endpoint.
///
/// ```
/// use ipcmark_core::address::Endpoint;
/// use ipcmark_core::record::Substrate;
/// use ipcmark_core::ring::{Consume, Produce, seqlock::{Reader, SegmentCell, Writer, segment_bytes}};
/// use ipcmark_core::shm::{self, Segment};
/// use ipcmark_core::wait::Spin;
///
/// # fn main() -> std::io::Result<()> {
/// let bytes = segment_bytes(8);
/// let segment = Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)?;
/// let mut writer = Writer::new(SegmentCell::new(segment.clone(), 8)?, Spin);
/// let mut reader = Reader::new(SegmentCell::new(segment, 8)?, Spin);
/// writer.send(8, |room| room.fill(1))?;
/// writer.send(8, |room| room.fill(2))?;
/// assert_eq!(reader.receive(<[u8]>::to_vec)?, [2; 8]);
/// # Ok(())
/// # }
/// ```
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

/// Buffer of whole words for a value.
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

/// Copies the value, torn or not, and returns its recorded length.
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

/// Storage of one value. All fields are atomic words, since readers may copy the value while it changes.
pub trait Cell {
    /// Ordering that publishes a value. Mutants in the model check weaken it.
    const PUBLISH: Ordering = Ordering::Release;
    /// Fence between the odd version and the value's words. Mutants in the model check weaken it.
    const MARK: Ordering = Ordering::Release;
    /// Largest value in bytes.
    fn message_bytes(&self) -> usize;
    /// Version of the value; odd while it is being written.
    fn version(&self) -> &AtomicU64;
    /// Length of the value in bytes.
    fn length(&self) -> &AtomicU64;
    /// Words of the value, enough for the largest.
    fn words(&self) -> &[AtomicU64];
    /// Event count of readers that have already seen the current value.
    fn readers(&self) -> &EventCount;
}

/// Version, length and value are adjacent: a small value fits in one cache line.
const READERS_OFFSET: usize = 0;
const HEAD_OFFSET: usize = 128;

/// Size of the segment for values of up to `message_bytes`.
pub const fn segment_bytes(message_bytes: usize) -> usize {
    HEAD_OFFSET + size_of::<Head>() + message_bytes.next_multiple_of(WORD_BYTES)
}

/// Cell in a segment that several processes map.
pub struct SegmentCell {
    segment: Segment,
    message_bytes: usize,
    words: *const AtomicU64,
}

#[repr(C)]
struct Head {
    version: AtomicU64,
    length: AtomicU64,
}

// SAFETY: repr(C), two atomics, zero means that nothing was written yet. Never mapped under the model checker.
unsafe impl SharedLayout for Head {}

impl SegmentCell {
    /// Places a cell for values of up to `message_bytes` in `segment`.
    ///
    /// Errors: `InvalidInput` when the segment is not aligned to a cache line. Panics when it is smaller than
    /// [`segment_bytes`], which `Segment::attach` checks.
    #[allow(clippy::cast_ptr_alignment)] // checked below
    pub fn new(segment: Segment, message_bytes: usize) -> io::Result<Self> {
        let start = HEAD_OFFSET + size_of::<Head>();
        let words = segment.at(start, segment_bytes(message_bytes) - start).cast::<AtomicU64>();
        if !(segment.at(0, 0) as usize).is_multiple_of(64) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a cell must be aligned to a cache line"));
        }
        Ok(Self { segment, message_bytes, words })
    }

    #[inline]
    fn head(&self) -> &Head {
        self.segment.view(HEAD_OFFSET)
    }
}

impl Cell for SegmentCell {
    #[inline]
    fn message_bytes(&self) -> usize {
        self.message_bytes
    }

    #[inline]
    fn version(&self) -> &AtomicU64 {
        &self.head().version
    }

    #[inline]
    fn length(&self) -> &AtomicU64 {
        &self.head().length
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `new` checked that this many words are mapped; they are 8-aligned, since the segment starts on a
        // cache line and the head has 16 bytes; they are accessed as atomics only.
        unsafe { std::slice::from_raw_parts(self.words, self.message_bytes.div_ceil(WORD_BYTES)) }
    }

    #[inline]
    fn readers(&self) -> &EventCount {
        self.segment.view(READERS_OFFSET)
    }
}
