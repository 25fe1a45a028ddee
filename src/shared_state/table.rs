//! A table of a fixed number of entries in shared memory, found by open addressing with linear probing. Not a mechanism:
//! it excludes nobody, and what uses it adds a lock or sequence numbers.
//!
//! There are half as many places more than entries at least, a power of two, so that a probe meets an empty place soon. An entry
//! is claimed once and never given back, so that whoever probes for a key meets the same places in the same order, and a
//! key cannot be entered twice. Everything is an atomic word, copied word by word: whoever looks while somebody writes may
//! get a mixture of both, but nothing worse.
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
/// Words of an entry before its value: the sequence number, the key, and the length. The last two are one more than what
/// they say, since 0 is nothing yet.
const SEQUENCE: usize = 0;
const KEY: usize = 1;
const LENGTH: usize = 2;
const VALUE: usize = 3;

/// The line before the places.
#[repr(C, align(64))]
struct Head {
    /// Entries that are claimed, or are about to be.
    claimed: AtomicU64,
}

// SAFETY: repr(C), one atomic; zero bytes are a table of which nothing is claimed.
unsafe impl SharedLayout for Head {}

/// A table in a segment that others map too. All zero bytes: empty.
pub(super) struct Table {
    segment: Segment,
    offset: usize,
    words: *const AtomicU64,
    count: usize,
    layout: Layout,
}

/// What follows from the shape.
#[derive(Clone, Copy)]
struct Layout {
    entries: u32,
    value_bytes: usize,
    places: usize,
    /// Words from one entry to the next: whole lines.
    stride: usize,
}

impl Layout {
    fn of(shape: &Shape) -> Self {
        let bytes = VALUE * WORD_BYTES + shape.value_bytes;
        Self {
            entries: shape.entries,
            value_bytes: shape.value_bytes,
            places: (shape.entries as usize * 3 / 2 + 1).next_power_of_two(),
            stride: bytes.next_multiple_of(LINE_BYTES) / WORD_BYTES,
        }
    }
}

impl Table {
    /// Bytes that a table takes: whole lines.
    pub(super) fn bytes(shape: &Shape) -> usize {
        let layout = Layout::of(shape);
        size_of::<Head>() + layout.places * layout.stride * WORD_BYTES
    }

    /// Lays a table over `segment` from `offset` on.
    ///
    /// Panics when it would leave the segment, or `offset` is no whole number of lines.
    #[allow(clippy::cast_ptr_alignment)] // checked below
    pub(super) fn new(segment: Segment, offset: usize, shape: &Shape) -> Self {
        let layout = Layout::of(shape);
        let count = layout.places * layout.stride;
        let words = segment.at(offset + size_of::<Head>(), count * WORD_BYTES).cast::<AtomicU64>().cast_const();
        assert!(words.is_aligned() && offset.is_multiple_of(LINE_BYTES), "a table starts on a line");
        Self { segment, offset, words, count, layout }
    }

    /// The entry of `key`; nothing while it has none.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<Entry<'_>> {
        let sought = key.wrapping_add(1);
        for entry in self.probe(key) {
            // Relaxed: the word says only whose entry this is; what is in it is published by whoever excludes others.
            match entry.key().load(Ordering::Relaxed) {
                0 => return None,
                found if found == sought => return Some(entry),
                _ => {}
            }
        }
        None
    }

    /// The entry of `key`, a new one where it has none.
    ///
    /// Errors: `StorageFull` when all are taken, `InvalidInput` for the one number that is no key, `Interrupted` when the
    /// trial is called off meanwhile.
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
        // Somebody else may be about to claim the last entry, for this very key.
        let settled = || self.find(key).map(Some).or_else(|| (self.reserve() || self.is_full()).then_some(None));
        let (found, _) = Spin.until(&NoWaiters, PollPolicy::QUICK, settled)?;
        match found {
            Some(entry) => Ok(entry),
            // Once all are entered, so is what somebody else was about to.
            None if self.is_full() => self.find(key).ok_or_else(|| full(self.layout.entries)),
            None => self.enter(key),
        }
    }

    /// Counts one entry more, if there is one.
    fn reserve(&self) -> bool {
        let entries = u64::from(self.layout.entries);
        let one_more = |claimed| (claimed < entries).then_some(claimed + 1);
        self.head().claimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Whether every entry has a key. Looks at all places, which only those do who found none left.
    fn is_full(&self) -> bool {
        let taken = (0..self.layout.places).filter(|place| self.entry(*place).key().load(Ordering::Relaxed) != 0);
        taken.count() >= self.layout.entries as usize
    }

    /// Puts `key` into the first empty place of its probe, one entry having been reserved.
    fn enter(&self, key: u64) -> io::Result<Entry<'_>> {
        let sought = key + 1;
        for entry in self.probe(key) {
            match entry.key().compare_exchange(0, sought, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(entry),
                Err(found) if found == sought => {
                    // Somebody else entered it first.
                    self.head().claimed.fetch_sub(1, Ordering::Relaxed);
                    return Ok(entry);
                }
                Err(_) => {}
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "a table with more places than entries has none left"))
    }

    /// Every place once, in the order in which `key` is looked for.
    #[inline]
    fn probe(&self, key: u64) -> impl Iterator<Item = Entry<'_>> {
        let (first, mask) = (mix(key) as usize, self.layout.places - 1);
        (0..=mask).map(move |step| self.entry(first.wrapping_add(step) & mask))
    }

    #[inline]
    fn entry(&self, place: usize) -> Entry<'_> {
        let Layout { stride, value_bytes, .. } = self.layout;
        Entry { words: &self.words()[place * stride..][..stride], value_bytes }
    }

    #[inline]
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: `new` checked that so many words are mapped and aligned, `segment` keeps them so, and they are only ever
        // used as atomics.
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
    /// A word for whoever wants to number what is in the entry; 0 at first.
    #[inline]
    pub(super) fn sequence(self) -> &'a AtomicU64 {
        &self.words[SEQUENCE]
    }

    #[inline]
    fn key(self) -> &'a AtomicU64 {
        &self.words[KEY]
    }

    /// Copies the value into `room` and says how long it is; nothing while it was never set.
    ///
    /// Errors: `InvalidData` when it says that it is longer than agreed.
    #[inline]
    pub(super) fn copy_out(self, room: &mut Room) -> io::Result<Option<usize>> {
        let Some(len) = self.words[LENGTH].load(Ordering::Relaxed).checked_sub(1) else { return Ok(None) };
        let len = len as usize;
        if len > self.value_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("an entry claims to hold {len} bytes")));
        }
        for (word, bytes) in self.words[VALUE..].iter().zip(room.words_of(len)) {
            *bytes = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        Ok(Some(len))
    }

    /// Copies the first `len` bytes of `room` in.
    #[inline]
    pub(super) fn copy_in(self, room: &mut Room, len: usize) {
        self.words[LENGTH].store(len as u64 + 1, Ordering::Relaxed);
        for (word, bytes) in self.words[VALUE..].iter().zip(room.words_of(len)) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
    }
}

/// Where one user has the value that he copied out or is about to copy in: whole words.
pub(super) struct Room {
    bytes: Vec<u8>,
    value_bytes: usize,
}

impl Room {
    pub(super) fn new(shape: &Shape) -> Self {
        let value_bytes = shape.value_bytes;
        Self { bytes: vec![0; value_bytes.next_multiple_of(WORD_BYTES)], value_bytes }
    }

    /// The first `len` bytes.
    ///
    /// Errors: `InvalidInput` when a value is shorter.
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
