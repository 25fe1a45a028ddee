//! A window in which all holders run. It begins at a time that all know before it, and whose clock first says so ends it
//! for all: a holder that starves could not stop the others, and one in the middle of a batch might take very long to
//! finish it.

use std::io;
use std::thread;
use std::time::Duration;

use super::ledger::Ledger;
use crate::abort;
use crate::clock::{self, Anchor};
use crate::control::{Leader, Page};
use crate::measure::schedule::spin_until;
use crate::measure::{Task, Trouble};

/// From opening a window until it begins, for each holder: time to wake up.
const START_AFTER_NS: u64 = 100_000;
/// How long before that a holder is awake: a timer may come 50 us late.
const AWAKE_BEFORE_NS: u64 = 100_000;
/// Batches between two looks at the abort word.
const BATCHES_PER_ABORT_CHECK: u32 = 64;
/// Acquisitions of a batch between two looks at the clock: where holders outnumber CPUs each may suddenly take a time slice.
const ACQUISITIONS_PER_CLOCK_CHECK: u32 = 32;

/// A window, in the terms of one holder's clock.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) trusted: bool,
    /// A moment shortly before it.
    pub(super) now: Anchor,
    pub(super) ns_per_tick: f64,
    /// When it begins; the number of the window, too.
    pub(super) start_ns: u64,
    pub(super) length_ns: u64,
    pub(super) end_tick: u64,
}

/// When a window begins that `leader` opens now.
pub(super) fn next_start_ns(leader: &Leader) -> u64 {
    clock::now_ns() + START_AFTER_NS * u64::from(leader.slots())
}

impl Span {
    /// The window from `start_ns` on. `first` is a moment long before it, by which the pace of the ticks is known.
    pub(super) fn new(first: Anchor, page: &Page, task: &Task, start_ns: u64, length_ns: u64) -> Self {
        let trusted = page.shares_ticks() && task.ticks_trusted;
        let now = Anchor::now(trusted);
        let ns_per_tick = if trusted { first.ns_per_tick(&now) } else { 1.0 };
        let until_end_ns = (start_ns + length_ns).saturating_sub(now.ns);
        let end_tick = now.tick + (until_end_ns as f64 / ns_per_tick) as u64;
        Self { trusted, now, ns_per_tick, start_ns, length_ns, end_tick }
    }

    /// Sleeps until shortly before the window, then keeps the CPU. One who had polled all along would be put off it, where
    /// holders outnumber CPUs, just as it begins. Says when that was.
    pub(super) fn wait_for_start(&self) -> io::Result<u64> {
        let sleep_ns = self.start_ns.saturating_sub(clock::now_ns() + AWAKE_BEFORE_NS);
        thread::sleep(Duration::from_nanos(sleep_ns));
        spin_until(self.start_ns)
    }

    /// Does `batch` over and over, which says at what tick it ended, until the window is over. Says when that was.
    #[inline]
    pub(super) fn fill(
        &self,
        ledger: &Ledger,
        mut batch: impl FnMut() -> Result<u64, Trouble>,
    ) -> Result<u64, Trouble> {
        let mut until_check = BATCHES_PER_ABORT_CHECK;
        loop {
            let ended = batch()?;
            if ended >= self.end_tick || ledger.is_over(self.start_ns) {
                ledger.end(self.start_ns);
                return Ok(clock::now_ns());
            }
            until_check -= 1;
            if until_check == 0 {
                until_check = BATCHES_PER_ABORT_CHECK;
                if abort::requested() {
                    return Err(abort::error().into());
                }
            }
        }
    }

    /// Whether a batch of which `done` are done should stop short: somebody ended the window, or, looked at now and then,
    /// this holder's own clock does.
    #[inline]
    pub(super) fn cuts_short(&self, ledger: &Ledger, done: u32) -> bool {
        ledger.is_over(self.start_ns)
            || done.is_multiple_of(ACQUISITIONS_PER_CLOCK_CHECK) && clock::tick(self.trusted) >= self.end_tick
    }
}
