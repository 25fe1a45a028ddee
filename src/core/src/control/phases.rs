//! Roles of a phase: the leader, which opens it, and the members.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Page, Phase};
use crate::clock::pause::{Budget, pause};
use crate::{abort, futex};

/// Time to poll before sleeping: a phase that the other roles are about to open begins without a wake-up.
static BEFORE_SLEEP: Budget = Budget::new("control_page", 50_000);
const SLEEP_SLICE: Duration = Duration::from_millis(50);

/// Role that opens phases.
pub struct Leader {
    page: Page,
    members: u32,
    /// Number of entries, and then of exits, in all phases up to this one.
    due: u32,
}

impl Leader {
    /// Leader of `slots - 1` members.
    pub fn new(page: Page, slots: u32) -> Self {
        Self { page, members: slots - 1, due: 0 }
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Slots in use on the page, including the leader's.
    pub fn slots(&self) -> u32 {
        self.members + 1
    }

    /// Opens a phase, and waits until all members have entered it.
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

    /// Waits until all members have left the phase; their earlier stores are visible then.
    pub fn close(&mut self) -> io::Result<()> {
        self.await_members(&self.page.header().left)
    }

    fn await_members(&self, arrivals: &AtomicU32) -> io::Result<()> {
        // PAIRS: phase-arrival
        await_word(arrivals, |now| now == self.due, Ordering::Acquire).map(drop)
    }
}

/// Role that takes part in phases.
pub struct Member {
    page: Page,
    slot: u32,
    seen: u32,
}

impl Member {
    /// Member on `slot`.
    pub fn new(page: Page, slot: u32) -> Self {
        Self { page, slot, seen: 0 }
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// This role's slot.
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

/// Polls for a while, then sleeps on `word`, until `done` holds for its value.
fn await_word(word: &AtomicU32, done: impl Fn(u32) -> bool, order: Ordering) -> io::Result<u32> {
    for _ in 0..BEFORE_SLEEP.hints() {
        let now = word.load(order);
        if done(now) {
            return Ok(now);
        }
        pause(1);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_see_each_phase_once_and_the_leader_sees_their_stores() {
        let (page, descriptor) = Page::create().unwrap();
        let member = std::thread::spawn(move || {
            let page = Page::attach(&descriptor).unwrap();
            let mut member = Member::new(page, 1);
            let mut total = 0;
            loop {
                let phase = member.enter().unwrap();
                total += phase.count;
                member.page().set_ended_ns(1, total);
                member.leave().unwrap();
                if phase.kind == 9 {
                    return total;
                }
            }
        });
        let mut leader = Leader::new(page, 2);
        for (kind, count, total) in [(1, 10, 10), (2, 5, 15), (9, 1, 16)] {
            leader.open(kind, count).unwrap();
            leader.close().unwrap();
            assert_eq!(leader.page().ended_ns(1), total);
        }
        assert_eq!(member.join().unwrap(), 16);
    }
}
