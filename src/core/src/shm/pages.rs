//! Advice for the pages of a mapping: to be huge, and to be present before the first message. See madvise(2).
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::mm::{Advice, madvise};

use super::Segment;

/// Smallest page size of all supported machines.
const SMALLEST_PAGE_BYTES: usize = 4096;

/// Requests huge pages where whole ones fit. The kernel may still use small ones.
///
/// Errors: a kernel without transparent huge pages.
pub(super) fn ask_for_huge(segment: &Segment) -> io::Result<()> {
    // SAFETY: the range is the segment's own mapping, and the advice changes no byte of it.
    unsafe { madvise(segment.base.cast(), segment.bytes, Advice::LinuxHugepage) }
        .map_err(|error| io::Error::new(error.kind(), format!("huge pages were refused: {error}")))
}

/// Faults in all pages, writable, without changing a byte: other processes may use them already.
///
/// Errors: there is not enough memory.
pub(super) fn populate(segment: &Segment) -> io::Result<()> {
    // SAFETY: the range is the segment's own mapping, and the advice changes no byte of it.
    match unsafe { madvise(segment.base.cast(), segment.bytes, Advice::LinuxPopulateWrite) } {
        // The kernel is older than 5.14.
        Err(Errno::INVAL) => {
            touch_each_page(segment);
            Ok(())
        }
        Err(error) => {
            let why = format!("cannot fault in the {} bytes of a segment: {error}", segment.bytes);
            Err(io::Error::new(error.kind(), why))
        }
        Ok(()) => Ok(()),
    }
}

/// Frees all pages and touches new ones.
///
/// Errors: memory whose pages cannot be freed while it is mapped.
pub(super) fn renew(segment: &Segment) -> io::Result<()> {
    // SAFETY: the range is the segment's own mapping; afterwards it is all zero, which is valid for every type in a segment
    // by the contract of SharedLayout, and changes only through atomics and page tables.
    unsafe { madvise(segment.base.cast(), segment.bytes, Advice::LinuxRemove) }
        .map_err(|error| io::Error::new(error.kind(), format!("pages cannot be replaced: {error}")))?;
    touch_each_page(segment);
    Ok(())
}

fn touch_each_page(segment: &Segment) {
    let last_word = segment.bytes.saturating_sub(size_of::<AtomicU32>());
    for offset in (0..=last_word).step_by(SMALLEST_PAGE_BYTES) {
        let word = segment.at(offset, size_of::<AtomicU32>());
        // SAFETY: `at` checked the range; a mapping starts on a page, so the word is aligned; the start of a page is
        // either an atomic of that size or a slot without a message yet, since endpoints attach first.
        let word = unsafe { AtomicU32::from_ptr(word.cast()) };
        // Or with 0 leaves the word as it is, but needs a writable page. With a known 0 the compiler would emit a plain
        // load, which does not fault in a writable page.
        word.fetch_or(std::hint::black_box(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::resource::{UsageWho, getrusage};

    use super::*;
    use crate::address::Endpoint;
    use crate::record::Substrate;

    const PAGES: usize = 512;

    fn fresh() -> Segment {
        let address = super::super::create(Substrate::Memfd, PAGES * SMALLEST_PAGE_BYTES).expect("a memfd");
        Segment::attach(&address, Endpoint::Sender, PAGES * SMALLEST_PAGE_BYTES).expect("mapped")
    }

    /// Page faults caused by writing one byte into each page.
    fn faults(segment: &Segment) -> i64 {
        let so_far = || getrusage(UsageWho::RUSAGE_THREAD).expect("usage").minor_page_faults();
        let before = so_far();
        for page in 0..PAGES {
            segment.touch(page * SMALLEST_PAGE_BYTES);
        }
        so_far() - before
    }

    #[test]
    fn populated_pages_cause_no_further_faults() {
        assert!(faults(&fresh()) > 0, "a first touch causes a fault");
        let (asked, touched) = (fresh(), fresh());
        populate(&asked).expect("there is memory");
        touch_each_page(&touched);
        // The thread's own stack and code may cause one or two faults.
        let (asked, touched) = (faults(&asked), faults(&touched));
        assert!(asked < 8 && touched < 8, "{asked} and {touched} faults");
    }

    #[test]
    fn renewed_pages_are_zero_for_every_endpoint() {
        let address = super::super::create(Substrate::Memfd, 2 * SMALLEST_PAGE_BYTES).expect("a memfd");
        let attach = |end| Segment::attach(&address, end, 2 * SMALLEST_PAGE_BYTES).expect("mapped");
        let (one, other) = (attach(Endpoint::Sender), attach(Endpoint::Receiver));
        let word = |segment: &Segment| segment.view::<AtomicU32>(SMALLEST_PAGE_BYTES).load(Ordering::Relaxed);
        one.view::<AtomicU32>(SMALLEST_PAGE_BYTES).store(7, Ordering::Relaxed);
        assert_eq!(word(&other), 7);
        one.renew().expect("a memfd can free its pages");
        assert_eq!((word(&one), word(&other)), (0, 0));
        one.view::<AtomicU32>(SMALLEST_PAGE_BYTES).store(9, Ordering::Relaxed);
        assert_eq!(word(&other), 9, "both see the same new page");
    }

    #[test]
    fn bytes_written_before_are_kept() {
        let segment = fresh();
        for page in 0..PAGES {
            // SAFETY: within the segment, which only this test uses.
            unsafe { segment.at(page * SMALLEST_PAGE_BYTES, 1).write(7) };
        }
        populate(&segment).expect("there is memory");
        touch_each_page(&segment);
        for page in 0..PAGES {
            // SAFETY: as above.
            assert_eq!(unsafe { segment.at(page * SMALLEST_PAGE_BYTES, 1).read() }, 7);
        }
    }
}
