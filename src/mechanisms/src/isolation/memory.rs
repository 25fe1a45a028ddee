//! Memory pages, of which one word each is written. Source: mmap(2), madvise(2).
#![allow(unsafe_code)]

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous, munmap};

/// Size of a page; no supported machine has smaller ones.
const PAGE_BYTES: usize = 4096;
const WORDS: usize = PAGE_BYTES / size_of::<AtomicU64>();
/// Words of a cache line. Each page is written in a different line, since lines at the same offset of all pages would
/// compete for the same cache sets.
const WORDS_IN_LINE: usize = 8;

/// One page.
#[repr(C, align(4096))]
struct Page([AtomicU64; WORDS]);

const _: () = assert!(size_of::<Page>() == PAGE_BYTES);

/// Anonymous memory in small pages, initially zero.
pub struct Memory {
    base: NonNull<Page>,
    pages: usize,
}

// SAFETY: the mapping belongs to no thread, and is accessed only through atomics.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory that is copied page by page after a fork, on the first write.
    pub fn private(pages: usize) -> io::Result<Self> {
        Self::map(pages, MapFlags::MAP_PRIVATE)
    }

    /// Memory that stays shared across forks.
    pub fn shared(pages: usize) -> io::Result<Self> {
        Self::map(pages, MapFlags::MAP_SHARED)
    }

    fn map(pages: usize, kind: MapFlags) -> io::Result<Self> {
        let bytes = NonZeroUsize::new(pages * PAGE_BYTES).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address chosen by the kernel overlaps no other.
        let base = unsafe { mmap_anonymous(None, bytes, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, kind) }?;
        // Fails without huge pages in the kernel, which then only has small ones.
        // SAFETY: the range is the new mapping, and the advice changes no byte of it.
        let _ = unsafe { madvise(base, bytes.get(), MmapAdvise::MADV_NOHUGEPAGE) };
        Ok(Self { base: base.cast(), pages })
    }

    /// Number of pages.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// One word of each page, in page order; with `of_other` the next word in the same line, for the other process or
    /// thread.
    #[inline]
    pub fn words(&self, of_other: bool) -> impl Iterator<Item = &AtomicU64> {
        // SAFETY: the mapping has this many pages and lives as long as `self`; a page consists of words, initialised
        // with zero, and they are accessed only as atomics.
        let pages = unsafe { slice::from_raw_parts(self.base.as_ptr(), self.pages) };
        let at = move |page: usize| page * WORDS_IN_LINE % WORDS + usize::from(of_other);
        pages.iter().enumerate().map(move |(number, page)| &page.0[at(number)])
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the range is this mapping, and no borrow of it is left.
        let _ = unsafe { munmap(self.base.cast(), self.pages * PAGE_BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn each_page_has_two_separate_words() {
        for memory in [Memory::private(130).unwrap(), Memory::shared(130).unwrap()] {
            for of_other in [false, true] {
                for (number, word) in memory.words(of_other).enumerate() {
                    assert_eq!(word.swap(2 * number as u64 + u64::from(of_other) + 1, Ordering::Relaxed), 0);
                }
            }
            let all: Vec<u64> = memory.words(false).map(|word| word.load(Ordering::Relaxed)).collect();
            assert_eq!(all, (0..130).map(|number| 2 * number + 1).collect::<Vec<_>>());
            assert_eq!(memory.pages(), 130);
        }
    }
}
