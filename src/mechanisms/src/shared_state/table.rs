//! A table with a fixed number of entries in shared memory: open addressing with linear probing. It excludes no other
//! user; the rows add a lock or sequence numbers.
//!
//! The number of slots is a power of two and more than one and a half times the number of entries, so that a probe soon
//! meets an empty slot. An entry is claimed once and never released, so that every probe for a key meets the same slots
//! in the same order, and a key cannot be entered twice. All data are atomic words, copied one by one: a read during a
//! write may see a mixture of both values, but is never undefined.
//!
//! Source: Knuth, The Art of Computer Programming, volume 3, 6.4, algorithm L.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Shape, full, too_long};
use crate::payload::mix;
use crate::shm::{Segment, SharedLayout};
use crate::wait::{NoWaiters, PollPolicy, Spin, WaitStrategy};

const WORD_BYTES: usize = size_of::<u64>();
const LINE_BYTES: usize = 64;
/// Words of an entry before its value: sequence number, key, length. Key and length are stored plus one; 0 means not
/// set.
const SEQUENCE: usize = 0;
const KEY: usize = 1;
const LENGTH: usize = 2;
const VALUE: usize = 3;

/// The line before the slots.
#[repr(C, align(64))]
struct Head {
    /// Entries that are claimed or reserved.
    claimed: AtomicU64,
}

// SAFETY: repr(C), one atomic; all zero is a table without entries.
unsafe impl SharedLayout for Head {}

/// A table in a segment that other users map too. All zero is an empty table.
pub(super) struct Table {
    segment: Segment,
    offset: usize,
    words: *const AtomicU64,
    count: usize,
    layout: Layout,
}

/// Sizes that follow from the shape.
#[derive(Clone, Copy)]
struct Layout {
    entries: u32,
    value_bytes: usize,
    slots: usize,
    /// Words from one entry to the next: whole lines.
    stride: usize,
}

impl Layout {
    fn of(shape: &Shape) -> Self {
        let bytes = VALUE * WORD_BYTES + shape.value_bytes;
        Self {
            entries: shape.entries,
            value_bytes: shape.value_bytes,
            slots: (shape.entries as usize * 3 / 2 + 1).next_power_of_two(),
            stride: bytes.next_multiple_of(LINE_BYTES) / WORD_BYTES,
        }
    }
}

impl Table {
    /// Bytes of a table: whole cache lines.
    pub(super) fn bytes(shape: &Shape) -> usize {
        let layout = Layout::of(shape);
        size_of::<Head>() + layout.slots * layout.stride * WORD_BYTES
    }

    /// Places a table in `segment` at `offset`.
    ///
    /// Panics if it exceeds the segment or `offset` is not a multiple of a cache line.
    #[allow(clippy::cast_ptr_alignment)] // checked below
    pub(super) fn new(segment: Segment, offset: usize, shape: &Shape) -> Self {
        let layout = Layout::of(shape);
        let count = layout.slots * layout.stride;
        let words = segment.at(offset + size_of::<Head>(), count * WORD_BYTES).cast::<AtomicU64>().cast_const();
        assert!(words.is_aligned() && offset.is_multiple_of(LINE_BYTES), "a table starts on a cache line");
        Self { segment, offset, words, count, layout }
    }

    /// The entry of `key`, if it has one.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<Entry<'_>> {
        let sought = key.wrapping_add(1);
        for entry in self.probe(key) {
            // Relaxed: the word only identifies the entry. Its content is published by the lock or the sequence number.
            match entry.key().load(Ordering::Relaxed) {
                0 => return None,
                found if found == sought => return Some(entry),
                _ => {}
            }
        }
        None
    }

    /// The entry of `key`, or else a new one.
    ///
    /// Errors: `StorageFull` when all entries are taken, `InvalidInput` for `u64::MAX`, `Interrupted` when the trial is
    /// aborted meanwhile.
    #[inline]
    pub(super) fn claim(&self, key: u64) -> io::Result<Entry<'_>> {
        match self.find(key) {
            Some(entry) => Ok(entry),
            None => self.claim_new(key),
        }
    }

    #[cold]
    fn claim_new(&self, key: u64) -> io::Result<Entry<'_>> {
        if key == u64::MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a key is a number below 2^64 - 1"));
        }
        // Another user may be about to enter this very key, with the last entry.
        let decided = || self.find(key).map(Some).or_else(|| (self.reserve() || self.is_full()).then_some(None));
        let (found, _) = Spin.until(&NoWaiters, PollPolicy::QUICK, decided)?;
        match found {
            Some(entry) => Ok(entry),
            // Once the table is full, any concurrent entry is complete and can be found.
            None if self.is_full() => self.find(key).ok_or_else(|| full(self.layout.entries)),
            None => self.enter(key),
        }
    }

    /// Reserves an entry, if one is left.
    fn reserve(&self) -> bool {
        let entries = u64::from(self.layout.entries);
        let one_more = |claimed| (claimed < entries).then_some(claimed + 1);
        self.head().claimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Whether every entry has a key. Reads all slots, which happens only when no entry is left.
    fn is_full(&self) -> bool {
        let taken = (0..self.layout.slots).filter(|slot| self.entry(*slot).key().load(Ordering::Relaxed) != 0);
        taken.count() >= self.layout.entries as usize
    }

    /// Puts `key` into the first empty slot of its probe. The caller has reserved an entry.
    fn enter(&self, key: u64) -> io::Result<Entry<'_>> {
        let sought = key + 1;
        for entry in self.probe(key) {
            match entry.key().compare_exchange(0, sought, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(entry),
                Err(found) if found == sought => {
                    // Another user entered it first.
                    self.head().claimed.fetch_sub(1, Ordering::Relaxed);
                    return Ok(entry);
                }
                Err(_) => {}
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "a table with more slots than entries has no empty slot"))
    }

    /// Every slot once, in the order in which `key` is searched for.
    #[inline]
    fn probe(&self, key: u64) -> impl Iterator<Item = Entry<'_>> {
        let (first, mask) = (mix(key) as usize, self.layout.slots - 1);
        (0..=mask).map(move |step| self.entry(first.wrapping_add(step) & mask))
    }

    #[inline]
    fn entry(&self, slot: usize) -> Entry<'_> {
        let Layout { stride, value_bytes, .. } = self.layout;
        Entry { words: &self.words()[slot * stride..][..stride], value_bytes }
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `new` checked that so many words are mapped and aligned, `segment` keeps them mapped, and they are
        // only accessed as atomics.
        unsafe { std::slice::from_raw_parts(self.words, self.count) }
    }

    fn head(&self) -> &Head {
        self.segment.view(self.offset)
    }
}

/// One entry of a table.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    words: &'a [AtomicU64],
    value_bytes: usize,
}

impl<'a> Entry<'a> {
    /// A word for the version of the entry; 0 at first.
    #[inline]
    pub(super) fn sequence(self) -> &'a AtomicU64 {
        &self.words[SEQUENCE]
    }

    #[inline]
    fn key(self) -> &'a AtomicU64 {
        &self.words[KEY]
    }

    /// Copies the value into `buffer` and returns its length, or `None` if it was never set.
    ///
    /// Errors: `InvalidData` if its length exceeds the agreed one.
    #[inline]
    pub(super) fn copy_out(self, buffer: &mut Buffer) -> io::Result<Option<usize>> {
        let Some(len) = self.words[LENGTH].load(Ordering::Relaxed).checked_sub(1) else { return Ok(None) };
        let len = len as usize;
        if len > self.value_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("an entry has an invalid length: {len}")));
        }
        for (word, bytes) in self.words[VALUE..].iter().zip(buffer.words_of(len)) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        Ok(Some(len))
    }

    /// Copies the first `len` bytes of `buffer` into the entry.
    #[inline]
    pub(super) fn copy_in(self, buffer: &mut Buffer, len: usize) {
        self.words[LENGTH].store(len as u64 + 1, Ordering::Relaxed);
        for (word, bytes) in self.words[VALUE..].iter().zip(buffer.words_of(len)) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
    }
}

/// A user's buffer for the value that it has copied out or will copy in: whole words.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    value_bytes: usize,
}

impl Buffer {
    pub(super) fn new(shape: &Shape) -> Self {
        let value_bytes = shape.value_bytes;
        Self { bytes: vec![0; value_bytes.next_multiple_of(WORD_BYTES)], value_bytes }
    }

    /// The first `len` bytes.
    ///
    /// Errors: `InvalidInput` if `len` exceeds the agreed length.
    #[inline]
    pub(super) fn value(&mut self, len: usize) -> io::Result<&mut [u8]> {
        if len > self.value_bytes {
            return Err(too_long(len, self.value_bytes));
        }
        Ok(&mut self.bytes[..len])
    }

    /// The words that hold the first `len` bytes.
    #[inline]
    fn words_of(&mut self, len: usize) -> &mut [[u8; WORD_BYTES]] {
        let words = len.div_ceil(WORD_BYTES);
        &mut self.bytes.as_chunks_mut().0[..words]
    }
}
