//! Who goes through phases: the leader that opens them and the members that follow.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Page, Phase};
use crate::{abort, futex};

const POLLS_BEFORE_SLEEP: u32 = 2000;
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// The role that opens phases.
pub struct Leader {
    page: Page,
    members: u32,
    /// Entries, and then leavings, of all phases up to this one.
    due: u32,
}

impl Leader {
    /// Leads `slots - 1` members.
    pub fn new(page: Page, slots: u32) -> Self {
        Self { page, members: slots - 1, due: 0 }
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Lines in use on the page: the members' and this one.
    pub fn slots(&self) -> u32 {
        self.members + 1
    }

    /// Opens a phase and returns once every member has entered it.
    pub fn open(&mut self, kind: u32, count: u64) -> io::Result<()> {
        let header = self.page.header();
        header.kind.store(kind, Ordering::Relaxed);
        header.count.store(count, Ordering::Relaxed);
        // PAIRS: phase-opened
        header.phase.fetch_add(1, Ordering::Release);
        futex::wake(&header.phase, u32::MAX >> 1)?;
        self.due = self.due.wrapping_add(self.members);
        self.await_members(&header.entered)
    }

    /// Returns once every member has left the phase; what they stored before is visible then.
    pub fn close(&mut self) -> io::Result<()> {
        self.await_members(&self.page.header().left)
    }

    fn await_members(&self, arrivals: &AtomicU32) -> io::Result<()> {
        // PAIRS: phase-arrival
        await_word(arrivals, |now| now == self.due, Ordering::Acquire).map(drop)
    }
}

/// A role that follows.
pub struct Member {
    page: Page,
    slot: u32,
    seen: u32,
}

impl Member {
    /// Follows on `slot`.
    pub fn new(page: Page, slot: u32) -> Self {
        Self { page, slot, seen: 0 }
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// This role's line.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Waits for the next phase and enters it.
    pub fn enter(&mut self) -> io::Result<Phase> {
        let header = self.page.header();
        let seen = self.seen;
        // PAIRS: phase-opened
        self.seen = await_word(&header.phase, |now| now != seen, Ordering::Acquire)?;
        let phase = Phase { kind: header.kind.load(Ordering::Relaxed), count: header.count.load(Ordering::Relaxed) };
        arrive(&header.entered)?;
        Ok(phase)
    }

    /// Leaves the phase.
    pub fn leave(&mut self) -> io::Result<()> {
        arrive(&self.page.header().left)
    }
}

fn arrive(arrivals: &AtomicU32) -> io::Result<()> {
    // PAIRS: phase-arrival
    arrivals.fetch_add(1, Ordering::Release);
    futex::wake(arrivals, 1)
}

/// Polls a while, then sleeps on `word` until `done` holds for its value.
fn await_word(word: &AtomicU32, done: impl Fn(u32) -> bool, order: Ordering) -> io::Result<u32> {
    for _ in 0..POLLS_BEFORE_SLEEP {
        let now = word.load(order);
        if done(now) {
            return Ok(now);
        }
        std::hint::spin_loop();
    }
    loop {
        let now = word.load(order);
        if done(now) {
            return Ok(now);
        }
        if abort::requested() {
            return Err(abort::error());
        }
        futex::wait(word, now, SLEEP_SLICE)?;
    }
}
