//! Conformance of locks. Checks for several contenders, possibly more than there are CPUs:
//!
//! 1. try-lock fails while another contender holds the lock, and succeeds when it is free;
//! 2. concurrent try-locks are mutually exclusive;
//! 3. blocking acquisitions are mutually exclusive, and no wake-up is lost. In most hand-offs a contender waits while
//!    the last holder stays away, so that a lost wake-up blocks all of them;
//! 4. with a readers-writer lock, a reader sees all of a write or nothing of it, and never an older version;
//! 5. no owner death is reported, since no contender dies.
//!
//! The critical section is that of the measures: an owner word and two counters that only the lock protects. If a lock
//! blocks for ever, the harness ends the trial by its time-out.

mod readers;

use std::io;
use std::thread;

use self::readers::newest;
use super::{wait_until, yield_or_abort};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::lock::erased::{AnyHandle, AnyLock};
use crate::lock::{self, Guard, Handle};
use crate::measure::locks::critical_section::CriticalSection;
use crate::measure::locks::{Part, ProtectedState};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::{MeasureError, MeasureResult, Task, invalid, phase, together};
use crate::protocol::Report;
use crate::record::Measure;

/// First step of the trial: others try while the leader holds the lock.
const TAKEN: u32 = 50;
/// One contender tries a free lock.
const FREE: u32 = 51;
/// All contenders try at once.
const RACE: u32 = 52;
/// All contenders wait.
const HAND_OFFS: u32 = 53;
/// Readers and writers.
const READ: u32 = 54;

const LEADER: u32 = 0;
/// Posted by the leader while it holds the lock, and by the others after their attempt.
const HOLDING: u64 = 1;
const TRIED: u64 = 2;
/// Attempts on a free lock by each contender.
const TRIES: u64 = 100;
/// Interval of acquisitions that follow the last one without a wait, so that a contender overtakes those being woken.
const BARGES_EVERY: u64 = 4;

/// Length of a step: `wanted` units, or at least `least` units until `end_ns`. Polling contenders that share a CPU may
/// need a time slice per hand-off.
struct Extent {
    wanted: u64,
    least: u64,
    end_ns: u64,
}

impl Extent {
    /// Successful attempts of all contenders together.
    fn of_race() -> Self {
        Self { wanted: 2_000, least: 100, end_ns: clock::now_ns() + 100_000_000 }
    }

    /// Hand-offs of all contenders together: the given number, or 0 for a default.
    fn of_hand_offs(fixed: u64) -> Self {
        if fixed > 0 {
            return Self { wanted: fixed, least: fixed, end_ns: 0 };
        }
        Self { wanted: 20_000, least: 100, end_ns: clock::now_ns() + 400_000_000 }
    }

    /// Accesses of one contender.
    fn of_reading() -> Self {
        Self { wanted: 2_000, least: 40, end_ns: clock::now_ns() + 150_000_000 }
    }

    fn is_reached(&self, done: u64) -> bool {
        done >= self.wanted || (done >= self.least && clock::now_ns() > self.end_ns)
    }
}

/// Contender under examination.
pub struct Examined {
    lock: AnyLock,
    holder: AnyHandle,
    critical: CriticalSection,
    slot: u32,
    slots: u32,
    /// Critical sections completed.
    passes: u64,
    /// Reports of an owner death.
    deaths: u64,
    /// Newest version of the protected state read or written by this contender.
    version: u64,
}

impl Examined {
    /// Creates the contender of `task`.
    pub fn new(lock: AnyLock, holder: AnyHandle, protected: ProtectedState, task: &Task) -> Self {
        let critical = CriticalSection::new(protected, task.slot, 0, 1);
        let slots = lock::contenders(&task.case);
        Self { lock, holder, critical, slot: task.slot, slots, passes: 0, deaths: 0, version: 0 }
    }

    /// Runs this contender's part of a step.
    ///
    /// Errors: a violated guarantee.
    fn step(&mut self, page: &Page, kind: u32, count: u64) -> Result<(), MeasureError> {
        match kind {
            TAKEN if self.slot == LEADER => self.hold_while_others_try(page)?,
            TAKEN => self.try_taken(page)?,
            FREE if u64::from(self.slot) == count => self.try_free()?,
            FREE => {}
            RACE => self.race(page)?,
            HAND_OFFS => self.hand_off(page, &Extent::of_hand_offs(count))?,
            _ => self.read_and_write(page)?,
        }
        page.set_tally(self.slot, self.passes);
        if self.critical.violations > 0 {
            let (slot, times) = (self.slot, self.critical.violations);
            return invalid(format!("the contender on slot {slot} met another in the critical section {times} times"));
        }
        if self.deaths > 0 {
            return invalid(format!("the lock reported an owner death to slot {}, but no contender died", self.slot));
        }
        Ok(())
    }

    fn hold_while_others_try(&mut self, page: &Page) -> Result<(), MeasureError> {
        let others = 1..self.slots;
        self.holder.with_lock(|_| {
            page.post(LEADER, HOLDING);
            wait_until(|| others.clone().all(|slot| page.posted(slot) == TRIED))
        })??;
        Ok(())
    }

    fn try_taken(&mut self, page: &Page) -> Result<(), MeasureError> {
        wait_until(|| page.posted(LEADER) == HOLDING)?;
        let tried = self.holder.try_lock(|_| ())?;
        // Posted on failure too, since the leader waits for it.
        page.post(self.slot, TRIED);
        match tried {
            None => Ok(()),
            Some(()) => {
                invalid(format!("try-lock on slot {} succeeded while another contender held the lock", self.slot))
            }
        }
    }

    fn try_free(&mut self) -> Result<(), MeasureError> {
        for _ in 0..TRIES {
            if !self.try_once()? {
                return invalid(format!("try-lock on slot {} failed while the lock was free", self.slot));
            }
        }
        Ok(())
    }

    fn race(&mut self, page: &Page) -> Result<(), MeasureError> {
        let (extent, mut granted) = (Extent::of_race(), 0);
        while !extent.is_reached(self.done_by_all(page)) {
            granted += u64::from(self.try_once()?);
            page.set_progress(self.slot, granted);
            yield_or_abort()?;
        }
        Ok(())
    }

    fn hand_off(&mut self, page: &Page, extent: &Extent) -> Result<(), MeasureError> {
        let (critical, deaths) = (&mut self.critical, &mut self.deaths);
        critical.reset();
        while !extent.is_reached(done_by(self.slots, page)) {
            self.holder.with_lock(|acquired| {
                *deaths += u64::from(acquired.owner_died);
                critical.pass(Guard::Exclusive);
                // Lets others find the lock taken and sleep; polling contenders would waste their time slice.
                if !self.lock.polls {
                    thread::yield_now();
                }
            })?;
            self.passes += 1;
            page.set_progress(self.slot, critical.taken_over());
            if self.passes.is_multiple_of(BARGES_EVERY) {
                continue;
            }
            // Another contender must acquire the lock next, unless a wake-up was lost.
            while critical.is_last() && !extent.is_reached(done_by(self.slots, page)) {
                yield_or_abort()?;
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

    /// Checks that no critical section and no write was lost.
    fn check_sums(&self, page: &Page, kind: u32) -> Result<(), MeasureError> {
        let protected = self.critical.protected();
        let passes: u64 = (0..self.slots).map(|slot| page.tally(slot)).sum();
        let seen = protected.passes(Guard::Exclusive);
        if seen != passes {
            return invalid(format!("the protected counter is {seen} after {passes} critical sections"));
        }
        let (version, writes) = (newest(protected), self.done_by_all(page));
        if kind == READ && version != writes {
            return invalid(format!("the protected state has version {version} after {writes} writes"));
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
        steps.push((HAND_OFFS, task.timing.fixed_count.unwrap_or(0)));
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

/// Progress of all contenders in this step.
fn done_by(slots: u32, page: &Page) -> u64 {
    (0..slots).map(|slot| page.progress(slot)).sum()
}
