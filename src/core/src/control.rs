//! Control page: the workers of a trial start together, agree on a count and stop, without the harness.
//!
//! A memfd of one page: a header and one cache line per role. Slot 0 is the leader: it opens a *phase* (a kind and a
//! count); all members enter it, do their part and leave. Between phases all roles may sleep; during a phase none
//! accesses the page. The harness maps the page too: to abort a trial, to see whether it is being timed, and to compare
//! counts afterwards.
#![allow(unsafe_code)]

mod phases;

pub use phases::{Leader, Member};

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::address::{Address, Descriptor, Endpoint};
use crate::shm::{self, Segment, SharedLayout};
use crate::{abort, futex, record::Substrate};

/// Largest number of roles on a page.
pub const MAX_SLOTS: u32 = crate::record::ROLES_MAX;

/// Parts of a timed phase that can end early.
const PARTS: usize = 2;
const PAGE_BYTES: usize = 4096;
const LINE_BYTES: usize = 64;
const LINES_OFFSET: usize = 2 * LINE_BYTES;

#[repr(C, align(64))]
struct Header {
    abort: AtomicU32,
    /// Number of phases opened so far; members sleep here.
    phase: AtomicU32,
    /// Entries so far; the leader sleeps here. Separate from the exits: otherwise a member that has left already could
    /// be taken for another one that has entered.
    entered: AtomicU32,
    /// Exits so far; the leader sleeps here.
    left: AtomicU32,
    kind: AtomicU32,
    count: AtomicU64,
    hot: AtomicU32,
    /// Whether the trial is over, for roles that take no part in phases.
    over: AtomicU32,
    /// The trial's count, kept for the harness after the phase has ended.
    trial_count: AtomicU64,
    /// 1 if stamps of different roles are compared by the tick counter.
    shared_ticks: AtomicU32,
    /// Number of the last window that a role has ended by its clock.
    window_over: AtomicU64,
    /// Units after which the leader ends each part of a timed phase early; 0 if it does not.
    ends: [AtomicU64; PARTS],
}

#[repr(C, align(64))]
struct Line {
    progress: AtomicU64,
    ended_ns: AtomicU64,
    started_ns: AtomicU64,
    /// Sum of what the role has verified, as the measure defines it.
    tally: AtomicU64,
    /// Senders on the channel of this number that have finished a phase.
    finished: AtomicU32,
    posted: AtomicU64,
}

const _: () = assert!(size_of::<Header>() <= LINES_OFFSET && size_of::<Line>() == LINE_BYTES);
const _: () = assert!(LINES_OFFSET + MAX_SLOTS as usize * LINE_BYTES <= PAGE_BYTES);

// SAFETY: repr(C), atomics only; all zero bytes are a page before its first phase.
unsafe impl SharedLayout for Header {}
// SAFETY: repr(C), atomics only; all zero bytes are a line without progress.
unsafe impl SharedLayout for Line {}

/// Part of a trial that all roles run together. The measure defines the kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Kind of work.
    pub kind: u32,
    /// Number of repetitions.
    pub count: u64,
}

/// Mapped page.
///
/// ```
/// use ipcmark_core::control::{Leader, Member, Page};
///
/// # fn main() -> std::io::Result<()> {
/// let (page, descriptor) = Page::create()?;
/// let member = std::thread::spawn(move || {
///     let mut member = Member::new(Page::attach(&descriptor)?, 1);
///     let phase = member.enter()?;
///     member.page().set_progress(1, phase.count);
///     member.leave()
/// });
/// let mut leader = Leader::new(page, 2);
/// leader.open(0, 10)?;
/// leader.close()?;
/// assert_eq!(leader.page().progress(1), 10);
/// member.join().expect("no panic")
/// # }
/// ```
#[derive(Clone)]
pub struct Page {
    segment: Segment,
}

impl Page {
    /// Makes an empty page, and the descriptor by which workers map it.
    pub fn create() -> io::Result<(Self, Descriptor)> {
        let address = shm::create(Substrate::Memfd, PAGE_BYTES)?;
        let descriptor = address.descriptor(Endpoint::Sender)?.clone();
        Ok((Self::attach(&descriptor)?, descriptor))
    }

    /// Maps the page behind `descriptor`.
    pub fn attach(descriptor: &Descriptor) -> io::Result<Self> {
        let address = Address::Inherited { sender: vec![descriptor.clone()], receiver: vec![] };
        Ok(Self { segment: Segment::attach(&address, Endpoint::Sender, PAGE_BYTES)? })
    }

    /// Makes this page's abort word the one that every wait of this process checks. The page stays mapped permanently.
    pub fn attach_abort(&self) {
        let page: &'static Self = Box::leak(Box::new(self.clone()));
        abort::attach(&page.header().abort);
    }

    /// Aborts the trial and wakes all roles that sleep between phases.
    pub fn abort(&self) {
        let header = self.header();
        header.abort.store(1, Ordering::Relaxed);
        let _ = futex::wake(&header.phase, u32::MAX >> 1);
        let _ = futex::wake(&header.entered, u32::MAX >> 1);
        let _ = futex::wake(&header.left, u32::MAX >> 1);
    }

    /// True between the start and the end of the timed phases.
    pub fn is_hot(&self) -> bool {
        self.header().hot.load(Ordering::Acquire) != 0
    }

    /// Marks the timed phases. Called by the leader between phases.
    pub fn set_hot(&self, hot: bool) {
        self.header().hot.store(u32::from(hot), Ordering::Release);
    }

    /// Count that all roles agreed on for the timed phases; 0 before.
    pub fn count(&self) -> u64 {
        self.header().trial_count.load(Ordering::Relaxed)
    }

    /// Stores that count.
    pub fn set_count(&self, count: u64) {
        self.header().trial_count.store(count, Ordering::Relaxed);
    }

    /// Messages that the role on `slot` has completed, stored once per window.
    pub fn progress(&self, slot: u32) -> u64 {
        self.line(slot).progress.load(Ordering::Relaxed)
    }

    /// Stores that number; called once per window, never per message.
    pub fn set_progress(&self, slot: u32, messages: u64) {
        self.line(slot).progress.store(messages, Ordering::Relaxed);
    }

    /// Time at which the role on `slot` ended its last phase, on the monotonic clock.
    pub fn ended_ns(&self, slot: u32) -> u64 {
        self.line(slot).ended_ns.load(Ordering::Relaxed)
    }

    /// Stores that time; visible after the role has left the phase.
    pub fn set_ended_ns(&self, slot: u32, at_ns: u64) {
        self.line(slot).ended_ns.store(at_ns, Ordering::Relaxed);
    }

    /// Time at which the role on `slot` began its part of the last phase, on the monotonic clock.
    pub fn started_ns(&self, slot: u32) -> u64 {
        self.line(slot).started_ns.load(Ordering::Relaxed)
    }

    /// Stores that time; visible after the role has left the phase.
    pub fn set_started_ns(&self, slot: u32, at_ns: u64) {
        self.line(slot).started_ns.store(at_ns, Ordering::Relaxed);
    }

    /// Sum that the role on `slot` has verified.
    pub fn tally(&self, slot: u32) -> u64 {
        self.line(slot).tally.load(Ordering::Relaxed)
    }

    /// Stores that sum; visible after the role has left the phase.
    pub fn set_tally(&self, slot: u32, sum: u64) {
        self.line(slot).tally.store(sum, Ordering::Relaxed);
    }

    /// Counts a sender of `channel` that has sent all messages of its phase, and returns the number of such senders
    /// over all phases. The last one also sees what the others have sent.
    pub fn finish(&self, channel: u32) -> u32 {
        // PAIRS: sender-finished
        self.line(channel).finished.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// True once the leader has opened its last phase; roles that take no part in phases stop then.
    pub fn is_over(&self) -> bool {
        self.header().over.load(Ordering::Relaxed) != 0
    }

    /// Ends the trial for roles that take no part in phases.
    pub fn set_over(&self) {
        self.header().over.store(1, Ordering::Relaxed);
    }

    /// Word that the role on `slot` posted last, during a phase; 0 before the first.
    #[inline]
    pub fn posted(&self, slot: u32) -> u64 {
        // PAIRS: posted
        self.line(slot).posted.load(Ordering::Acquire)
    }

    /// Posts a word for the other roles, and makes this role's earlier stores visible. Measures that compare times of
    /// two roles exchange them this way, so that messages carry nothing but their payload.
    #[inline]
    pub fn post(&self, slot: u32, word: u64) {
        // PAIRS: posted
        self.line(slot).posted.store(word, Ordering::Release);
    }

    /// True once the clock of a role has ended the window of this number.
    #[inline]
    pub fn is_window_over(&self, window: u64) -> bool {
        self.header().window_over.load(Ordering::Relaxed) == window
    }

    /// Ends the window of this number for all roles.
    pub fn end_window(&self, window: u64) {
        self.header().window_over.store(window, Ordering::Relaxed);
    }

    /// Units after which this part of a timed phase ends early; `None` if it does not.
    pub fn end_of(&self, part: usize) -> Option<u64> {
        // PAIRS: part-ends-early
        Some(self.header().ends[part].load(Ordering::Acquire)).filter(|end| *end > 0)
    }

    /// Ends a part of a timed phase early, after `units`. The roles that count along must see it in time: called before the
    /// last of them can be done.
    pub fn set_end_of(&self, part: usize, units: u64) {
        // PAIRS: part-ends-early
        self.header().ends[part].store(units, Ordering::Release);
    }

    /// True if the leader found the tick counters of all roles synchronised; otherwise the monotonic clock is compared.
    pub fn shares_ticks(&self) -> bool {
        self.header().shared_ticks.load(Ordering::Relaxed) != 0
    }

    /// Stores that; visible after a phase has been opened.
    pub fn set_shares_ticks(&self, shared: bool) {
        self.header().shared_ticks.store(u32::from(shared), Ordering::Relaxed);
    }

    fn header(&self) -> &Header {
        self.segment.view(0)
    }

    fn line(&self, slot: u32) -> &Line {
        assert!(slot < MAX_SLOTS, "slot {slot} is beyond the page");
        self.segment.view(LINES_OFFSET + slot as usize * LINE_BYTES)
    }
}
