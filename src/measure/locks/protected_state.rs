//! State that a lock protects in a measure: a pair of counters, the slot of the owner, and lines of data, in shared
//! memory. Plain loads and stores (`Relaxed` atomics) access it, so two owners at once are detected.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::address::{Address, Endpoint};
use crate::lock::{COPIES, Guard};
use crate::measure::window::Ending;
use crate::record::{LINES_MAX, Substrate};
use crate::shm::{self, Segment, SharedLayout};

/// Words of one copy of the state that `read_mostly` reads: four lines.
pub const WORDS: usize = 32;

const LINE_BYTES: usize = 64;
const LINES_OFFSET: usize = 2 * LINE_BYTES;
const STATE_OFFSET: usize = LINES_OFFSET + LINES_MAX as usize * LINE_BYTES;
const BYTES: usize = STATE_OFFSET + COPIES as usize * size_of::<State>();

/// Line that each critical section changes.
#[repr(C, align(64))]
pub(super) struct Head {
    /// Incremented at the start of a critical section; equal to `second` outside of one.
    pub(super) first: AtomicU64,
    /// Incremented at the end of a critical section.
    pub(super) second: AtomicU64,
    /// Slot of the owner plus one; 0 if the lock is free.
    pub(super) owner: AtomicU64,
    /// Slot of the last owner plus one.
    pub(super) last: AtomicU64,
    /// Clock ticks at the last release, in the window that stamps releases.
    pub(super) released: AtomicU64,
    /// Tickets left, for the measure `tickets`.
    pub(super) stock: AtomicU64,
}

const OVER_OFFSET: usize = LINE_BYTES;
const _: () = assert!(size_of::<Head>() <= LINE_BYTES && OVER_OFFSET + size_of::<Over>() <= LINES_OFFSET);

// SAFETY: repr(C), atomics only; zero bytes are the initial state.
unsafe impl SharedLayout for Head {}

/// Number of the last window that ended, on its own line, which stays in the caches of all contenders.
#[repr(C, align(64))]
struct Over(AtomicU64);

// SAFETY: repr(C), one atomic; zero bytes are no window.
unsafe impl SharedLayout for Over {}

#[repr(C, align(64))]
struct Line {
    count: AtomicU64,
}

// SAFETY: repr(C), one atomic; zero bytes are a count of zero.
unsafe impl SharedLayout for Line {}

/// One copy of the state that `read_mostly` reads.
#[repr(C, align(64))]
struct State([AtomicU64; WORDS]);

// SAFETY: repr(C), atomics only; zero bytes are a state before the first write.
unsafe impl SharedLayout for State {}

/// Mapping of the protected state.
#[derive(Clone)]
pub struct ProtectedState {
    segment: Segment,
}

impl ProtectedState {
    /// Creates the segment.
    pub fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, BYTES)
    }

    /// Maps the segment and touches its pages.
    pub fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self { segment: Segment::attach(address, Endpoint::Sender, BYTES)?.settled(Substrate::Memfd, true)? })
    }

    #[inline]
    pub(super) fn head(&self) -> &Head {
        self.segment.view(0)
    }

    /// Increments the count of line `at` with a load and a store.
    #[inline]
    pub(super) fn touch(&self, at: u32) {
        let line: &Line = self.line(at);
        line.count.store(line.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Increments the count of line `at` atomically.
    #[inline]
    pub(super) fn touch_atomically(&self, at: u32) {
        self.line(at).count.fetch_add(1, Ordering::Relaxed);
    }

    /// Increments of line `at` so far.
    pub fn touches(&self, at: u32) -> u64 {
        self.line(at).count.load(Ordering::Relaxed)
    }

    /// One copy of the state.
    #[inline]
    pub fn state(&self, copy: u32) -> &[AtomicU64; WORDS] {
        assert!(copy < COPIES, "there is no copy {copy} of the state");
        let state: &State = self.segment.view(STATE_OFFSET + copy as usize * size_of::<State>());
        &state.0
    }

    /// Critical sections counted: the lower counter, or the first one if the update is a single instruction.
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
        assert!(at < LINES_MAX, "line {at} is beyond the protected state");
        self.segment.view(LINES_OFFSET + at as usize * LINE_BYTES)
    }
}

impl Ending for ProtectedState {
    #[inline]
    fn is_over(&self, window: u64) -> bool {
        self.segment.view::<Over>(OVER_OFFSET).0.load(Ordering::Relaxed) == window
    }

    fn end(&self, window: u64) {
        self.segment.view::<Over>(OVER_OFFSET).0.store(window, Ordering::Relaxed);
    }
}
