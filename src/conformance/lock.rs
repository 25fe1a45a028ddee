//! What every lock must get right between several holders, of whom there may be more than CPUs:
//!
//! 1. one who tries is refused while somebody else holds the lock, and gets it when it is free;
//! 2. of several who try at once, one at a time is let in;
//! 3. of several who wait, one at a time is let in, and nobody sleeps through a release: over many hand-overs, most of them
//!    to a holder who waits while the last one stays away, so that a wake-up that gets lost stops everybody;
//! 4. where it tells readers from writers, a reader sees all of a change or nothing of it, and never goes back in time;
//! 5. nobody is told of a death when nobody died.
//!
//! What holders do is kept by the lock's own measures: an owner's word and a pair of counters that nothing else protects.
//! A lock that stops everybody is found by the harness, whose patience ends.

mod reading;

use std::io;
use std::thread;

use self::reading::newest;
use super::patience::{await_that, give_way};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::lock::erased::{AnyHolder, AnyLock};
use crate::lock::{self, Guard, Holder};
use crate::measure::locks::critical_section::CriticalSection;
use crate::measure::locks::{Part, ProtectedState};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::{MeasureError, MeasureResult, Task, phase, together};
use crate::protocol::Report;
use crate::record::Measure;

/// Steps: the others try while the leader is inside; one of them tries a free lock; all try at once; all wait; some read.
const TAKEN: u32 = 50;
const FREE: u32 = 51;
const RACE: u32 = 52;
const HAND_OVERS: u32 = 53;
const READ: u32 = 54;

const LEADER: u32 = 0;
/// What the leader tells the others from inside, and what they tell him once they have tried.
const INSIDE: u64 = 1;
const TRIED: u64 = 2;
/// Tries of a free lock by each holder.
const TRIES: u64 = 100;
/// One acquisition of so many comes straight after the last one: a holder that gets in before those who are being woken.
const BARGES_EVERY: u64 = 4;

/// How long a step goes on: to the count that is wanted, or until its time is up and the least has come about. Polling
/// holders that share a CPU may need a time slice for each hand-over.
struct Extent {
    wanted: u64,
    least: u64,
    end_ns: u64,
}

impl Extent {
    /// Successful tries of all holders together.
    fn of_race() -> Self {
        Self { wanted: 2_000, least: 100, end_ns: clock::now_ns() + 100_000_000 }
    }

    /// Hand-overs of all holders together: as many as the order says, else what a moment has room for.
    fn of_hand_overs(fixed: u64) -> Self {
        if fixed > 0 {
            return Self { wanted: fixed, least: fixed, end_ns: 0 };
        }
        Self { wanted: 20_000, least: 100, end_ns: clock::now_ns() + 400_000_000 }
    }

    /// Accesses of one holder.
    fn of_reading() -> Self {
        Self { wanted: 2_000, least: 40, end_ns: clock::now_ns() + 150_000_000 }
    }

    fn is_reached(&self, done: u64) -> bool {
        done >= self.wanted || (done >= self.least && clock::now_ns() > self.end_ns)
    }
}

/// One holder under test.
pub struct Examined {
    lock: AnyLock,
    holder: AnyHolder,
    critical: CriticalSection,
    slot: u32,
    slots: u32,
    /// CriticalSection sections so far.
    passes: u64,
    /// How often it was told that an owner had died.
    deaths: u64,
    /// The newest version of the state that it has seen or written.
    version: u64,
}

impl Examined {
    /// The holder that plays `task`.
    pub fn new(lock: AnyLock, holder: AnyHolder, ledger: ProtectedState, task: &Task) -> Self {
        let critical = CriticalSection::new(ledger, task.slot, 0, 1);
        let slots = lock::holders(&task.case);
        Self { lock, holder, critical, slot: task.slot, slots, passes: 0, deaths: 0, version: 0 }
    }

    /// This holder's part of a step.
    ///
    /// Errors: what the lock let happen.
    fn step(&mut self, page: &Page, kind: u32, count: u64) -> Result<(), MeasureError> {
        match kind {
            TAKEN if self.slot == LEADER => self.hold_while_others_try(page)?,
            TAKEN => self.be_refused(page)?,
            FREE if u64::from(self.slot) == count => self.be_granted()?,
            FREE => {}
            RACE => self.race(page)?,
            HAND_OVERS => self.hand_over(page, &Extent::of_hand_overs(count))?,
            _ => self.read_and_write(page)?,
        }
        page.set_tally(self.slot, self.passes);
        if self.critical.violations > 0 {
            let (slot, times) = (self.slot, self.critical.violations);
            return Err(format!("the holder on slot {slot} met another inside {times} times").into());
        }
        if self.deaths > 0 {
            return Err(format!("the holder on slot {} was told of a death, and nobody died", self.slot).into());
        }
        Ok(())
    }

    fn hold_while_others_try(&mut self, page: &Page) -> Result<(), MeasureError> {
        let others = 1..self.slots;
        self.holder.with_lock(|_| {
            page.post(LEADER, INSIDE);
            await_that(|| others.clone().all(|slot| page.posted(slot) == TRIED))
        })??;
        Ok(())
    }

    fn be_refused(&mut self, page: &Page) -> Result<(), MeasureError> {
        await_that(|| page.posted(LEADER) == INSIDE)?;
        let tried = self.holder.try_lock(|_| ())?;
        // Told in any case, or the leader would wait for it.
        page.post(self.slot, TRIED);
        match tried {
            None => Ok(()),
            Some(()) => Err(format!("the holder on slot {} tried, and got what another held", self.slot).into()),
        }
    }

    fn be_granted(&mut self) -> Result<(), MeasureError> {
        for _ in 0..TRIES {
            if !self.try_once()? {
                return Err(format!("the holder on slot {} tried a free lock and was refused", self.slot).into());
            }
        }
        Ok(())
    }

    fn race(&mut self, page: &Page) -> Result<(), MeasureError> {
        let (extent, mut granted) = (Extent::of_race(), 0);
        while !extent.is_reached(self.done_by_all(page)) {
            granted += u64::from(self.try_once()?);
            page.set_progress(self.slot, granted);
            give_way()?;
        }
        Ok(())
    }

    fn hand_over(&mut self, page: &Page, extent: &Extent) -> Result<(), MeasureError> {
        let (critical, deaths) = (&mut self.critical, &mut self.deaths);
        critical.reset();
        while !extent.is_reached(done_by(self.slots, page)) {
            self.holder.with_lock(|acquired| {
                *deaths += u64::from(acquired.owner_died);
                critical.pass(Guard::Exclusive);
                // Others come meanwhile, find it taken, and go to sleep; those who poll would only use up their time.
                if !self.lock.polls {
                    thread::yield_now();
                }
            })?;
            self.passes += 1;
            page.set_progress(self.slot, critical.taken_over());
            if self.passes.is_multiple_of(BARGES_EVERY) {
                continue;
            }
            // Only one can be the last, so somebody always comes, unless he sleeps through the release.
            while critical.is_last() && !extent.is_reached(done_by(self.slots, page)) {
                give_way()?;
            }
        }
        Ok(())
    }

    fn try_once(&mut self) -> io::Result<bool> {
        let (critical, deaths) = (&mut self.critical, &mut self.deaths);
        let granted = self.holder.try_lock(|acquired| {
            *deaths += u64::from(acquired.owner_died);
            critical.pass(Guard::Exclusive);
        })?;
        self.passes += u64::from(granted.is_some());
        Ok(granted.is_some())
    }

    fn done_by_all(&self, page: &Page) -> u64 {
        done_by(self.slots, page)
    }

    /// Whether all critical sections, or all writes, left their mark.
    fn check_sums(&self, page: &Page, kind: u32) -> Result<(), MeasureError> {
        let ledger = self.critical.protected();
        let passes: u64 = (0..self.slots).map(|slot| page.tally(slot)).sum();
        let seen = ledger.passes(Guard::Exclusive);
        if seen != passes {
            return Err(format!("the protected counter stands at {seen} after {passes} critical sections").into());
        }
        let (version, writes) = (newest(ledger), self.done_by_all(page));
        if kind == READ && version != writes {
            return Err(format!("the state is of version {version} after {writes} writes").into());
        }
        Ok(())
    }
}

impl Part for Examined {
    fn lead(&mut self, leader: &mut Leader, task: &Task, _: &mut Floor) -> MeasureResult {
        let (page, meter) = (leader.page().clone(), Meter::start());
        let mut steps = vec![];
        if self.lock.tries {
            steps.push((TAKEN, 0));
            steps.extend((0..self.slots).map(|slot| (FREE, u64::from(slot))));
            steps.push((RACE, 0));
        }
        steps.push((HAND_OVERS, task.timing.fixed_count.unwrap_or(0)));
        if self.lock.measures.contains(&Measure::ReadMostly) {
            steps.push((READ, 0));
        }
        for (kind, count) in steps {
            (0..self.slots).for_each(|slot| page.set_progress(slot, 0));
            together(leader, kind, count, || self.step(&page, kind, count))?;
            self.check_sums(&page, kind)?;
        }
        together(leader, phase::END, 0, || Ok(()))?;
        page.set_count(self.passes);
        let roles = vec![meter.stop(task, self.passes)];
        Ok(Report { messages: self.passes, chosen_by: "fixed".into(), roles, ..Report::default() })
    }

    fn follow(&mut self, member: &mut Member, task: &Task, _: &mut Floor) -> MeasureResult {
        let (page, meter) = (member.page().clone(), Meter::start());
        loop {
            let open = member.enter()?;
            if open.kind == phase::END {
                member.leave()?;
                let roles = vec![meter.stop(task, self.passes)];
                return Ok(Report { messages: self.passes, roles, ..Report::default() });
            }
            self.step(&page, open.kind, open.count)?;
            member.leave()?;
        }
    }
}

/// What all holders say they have done in this step.
fn done_by(slots: u32, page: &Page) -> u64 {
    (0..slots).map(|slot| page.progress(slot)).sum()
}
