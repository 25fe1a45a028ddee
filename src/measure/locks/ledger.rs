//! What a lock protects while it is measured: a pair of counters, an owner's word, and lines of data, in memory that all
//! holders map. Whatever the lock, nothing here excludes anybody: plain loads and stores (relaxed, in the terms of the
//! language), so that two holders at once are seen.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::address::{Address, Endpoint};
use crate::lock::{COPIES, Guard};
use crate::measure::window::Ending;
use crate::record::{LINES_MAX, Substrate};
use crate::shm::{self, Segment, SharedLayout};

/// Words of one copy of the state that readers look at: four lines.
pub const WORDS: usize = 32;

const LINE_BYTES: usize = 64;
const LINES_OFFSET: usize = 2 * LINE_BYTES;
const STATE_OFFSET: usize = LINES_OFFSET + LINES_MAX as usize * LINE_BYTES;
const BYTES: usize = STATE_OFFSET + COPIES as usize * size_of::<State>();

/// The line that every critical section changes.
#[repr(C, align(64))]
pub(super) struct Head {
    /// Counted on the way in ...
    pub(super) first: AtomicU64,
    /// ... and on the way out: in between they differ.
    pub(super) second: AtomicU64,
    /// Slot of who is inside, plus one; 0 for nobody.
    pub(super) owner: AtomicU64,
    /// Slot of who was inside last, plus one.
    pub(super) last: AtomicU64,
    /// Ticks of the clock at the last release, where that is asked.
    pub(super) released: AtomicU64,
    /// Tickets left, for the measure that sells them.
    pub(super) stock: AtomicU64,
}

const OVER_OFFSET: usize = LINE_BYTES;
const _: () = assert!(size_of::<Head>() <= LINE_BYTES && OVER_OFFSET + size_of::<Over>() <= LINES_OFFSET);

// SAFETY: repr(C), atomics only; zero bytes are a ledger nobody wrote to.
unsafe impl SharedLayout for Head {}

/// The number of the last window that somebody's clock ended. A line of its own, which all hold a copy of.
#[repr(C, align(64))]
struct Over(AtomicU64);

// SAFETY: repr(C), one atomic; zero bytes are no window.
unsafe impl SharedLayout for Over {}

#[repr(C, align(64))]
struct Line {
    count: AtomicU64,
}

// SAFETY: repr(C), one atomic; zero bytes are a count of none.
unsafe impl SharedLayout for Line {}

/// A copy of the state that readers look at.
#[repr(C, align(64))]
struct State([AtomicU64; WORDS]);

// SAFETY: repr(C), atomics only; zero bytes are a state that nobody wrote.
unsafe impl SharedLayout for State {}

/// A mapping of the protected memory.
#[derive(Clone)]
pub struct Ledger {
    segment: Segment,
}

impl Ledger {
    /// Makes one.
    pub fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, BYTES)
    }

    /// Maps it, with its pages brought in.
    pub fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self { segment: Segment::attach(address, Endpoint::Sender, BYTES)?.settled(Substrate::Memfd, true)? })
    }

    #[inline]
    pub(super) fn head(&self) -> &Head {
        self.segment.view(0)
    }

    /// Adds one to the count of the line `at`, as anybody would who knows himself alone.
    #[inline]
    pub(super) fn touch(&self, at: u32) {
        let line: &Line = self.line(at);
        line.count.store(line.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Adds one to the count of the line `at`, whoever else does.
    #[inline]
    pub(super) fn touch_atomically(&self, at: u32) {
        self.line(at).count.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the line `at` was touched.
    pub fn touches(&self, at: u32) -> u64 {
        self.line(at).count.load(Ordering::Relaxed)
    }

    /// One of the copies of the state.
    #[inline]
    pub fn state(&self, copy: u32) -> &[AtomicU64; WORDS] {
        assert!(copy < COPIES, "there is no copy {copy} of the state");
        let state: &State = self.segment.view(STATE_OFFSET + copy as usize * size_of::<State>());
        &state.0
    }

    /// Critical sections that left their mark: by the pair of counters, the lower one where they differ; by the first
    /// alone where the update is a single instruction.
    pub fn passes(&self, guard: Guard) -> u64 {
        let head = self.head();
        let (first, second) = (head.first.load(Ordering::Relaxed), head.second.load(Ordering::Relaxed));
        match guard {
            Guard::Exclusive | Guard::Nothing => first.min(second),
            Guard::Atomic | Guard::Retry => first,
        }
    }

    #[inline]
    fn line(&self, at: u32) -> &Line {
        assert!(at < LINES_MAX, "line {at} is beyond the ledger");
        self.segment.view(LINES_OFFSET + at as usize * LINE_BYTES)
    }
}

impl Ending for Ledger {
    #[inline]
    fn is_over(&self, window: u64) -> bool {
        self.segment.view::<Over>(OVER_OFFSET).0.load(Ordering::Relaxed) == window
    }

    fn end(&self, window: u64) {
        self.segment.view::<Over>(OVER_OFFSET).0.store(window, Ordering::Relaxed);
    }
}
