//! System calls, context switches and faults per acquisition, compared with the lock's cost model. The harness counts
//! the events of the hot phase, which contains nothing else; nothing is timed.
//!
//! With one role the lock is always free. With two, each acquisition waits and each release has a waiter: the owner
//! keeps the lock until the other role waits, releases it, and requests it again only after the other role owns it. If
//! the cost model says that a waiter sleeps, the owner holds the lock longer than any lock polls; otherwise it releases
//! at once, while the waiter polls. Turns are passed by polling the control page, without a system call.

use super::Part;
use super::critical_section::CriticalSection;
use super::protected_state::ProtectedState;
use super::work::{self, Chain};
use crate::control::{Leader, Member, Page};
use crate::lock::erased::{AnyHandle, AnyLock};
use crate::lock::{Guard, Handle};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::schedule::spin_for_post;
use crate::measure::{MeasureError, MeasureResult, Task, invalid, phase, together};
use crate::protocol::Report;
use crate::record::RoleCost;

const TURNS: u32 = 60;

const LEADER: u32 = 0;
const OTHER: u32 = 1;

/// Acquisitions of each of two contenders.
const TURNS_EACH: u64 = 50;
/// Delay in nanoseconds from the other role's request to the release, if the waiter must sleep.
const HELD_NS: u64 = 300_000;
/// Total time of the hand-offs between two sleeping contenders, in nanoseconds.
pub const HAND_OFFS_NS: u64 = 2 * TURNS_EACH * HELD_NS;
/// Acquisitions before the hot phase, so that one-time costs are not counted.
const WARM: u64 = 5;
/// Acquisitions of a single contender, unless the order gives a count.
const ALONE: u64 = 500;

/// A role whose acquisitions are counted.
pub struct Counted {
    guard: Guard,
    holder: AnyHandle,
    critical: CriticalSection,
    slot: u32,
    held_rounds: u64,
    /// Acquisitions of both roles so far.
    turn: u64,
    /// Own acquisitions.
    passes: u64,
}

impl Counted {
    /// Creates the role of `task`.
    pub fn new(lock: &AnyLock, holder: AnyHandle, protected: ProtectedState, task: &Task) -> Self {
        let sleeps = lock.cost.acquire.context_switches > 0.0;
        let held_rounds = if sleeps { Chain::calibrated().rounds(HELD_NS) } else { 0 };
        let critical = CriticalSection::new(protected, task.slot, 0, 1);
        Self { guard: lock.guard, holder, critical, slot: task.slot, held_rounds, turn: 0, passes: 0 }
    }

    /// Runs the leader's `work` as the hot phase.
    fn hot(
        &mut self,
        page: &Page,
        task: &Task,
        count: u64,
        work: impl FnOnce(&mut Self) -> Result<(), MeasureError>,
    ) -> Result<RoleCost, MeasureError> {
        let meter = Meter::start();
        page.set_hot(true);
        work(self)?;
        page.set_hot(false);
        Ok(meter.stop(task, count))
    }

    fn alone(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            self.holder.with_lock(|_| self.critical.pass(self.guard))?;
        }
        self.passes += count;
        Ok(())
    }

    /// Runs `count` turns of this role, each followed or preceded by one of the other role.
    fn turns(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        let (own, other) = if self.slot == LEADER { (LEADER, OTHER) } else { (OTHER, LEADER) };
        let first = self.turn;
        for turn in first..first + 2 * count {
            if turn % 2 != u64::from(own) {
                continue;
            }
            if turn > first {
                spin_for_post(page, other, owning(turn - 1))?;
            }
            page.post(own, asking(turn));
            self.holder.with_lock(|_| {
                self.critical.pass(self.guard);
                page.post(own, owning(turn));
                if turn + 1 < first + 2 * count {
                    spin_for_post(page, other, asking(turn + 1))?;
                    work::run(self.held_rounds);
                }
                Ok::<(), std::io::Error>(())
            })??;
            self.passes += 1;
        }
        self.turn = first + 2 * count;
        if own == OTHER {
            // The last turn was this role's; the lock is free.
            page.post(OTHER, asking(self.turn));
        } else {
            spin_for_post(page, OTHER, asking(self.turn))?;
        }
        Ok(())
    }

    fn report(&self, count: u64, cost: RoleCost) -> MeasureResult {
        if self.critical.violations > 0 {
            let (slot, times) = (self.slot, self.critical.violations);
            return invalid(format!("the contender on slot {slot} met another in the critical section {times} times"));
        }
        Ok(Report { messages: count, chosen_by: "fixed".into(), roles: vec![cost], ..Report::default() })
    }
}

impl Part for Counted {
    fn lead(&mut self, leader: &mut Leader, task: &Task, _: &mut Floor) -> MeasureResult {
        let page = leader.page().clone();
        let alone = leader.slots() == 1;
        let count = if alone { task.timing.fixed_count.unwrap_or(ALONE) } else { TURNS_EACH };
        let cost = if alone {
            self.alone(WARM)?;
            self.hot(&page, task, count, |holder| holder.alone(count))?
        } else {
            together(leader, TURNS, WARM, || {
                self.turns(&page, WARM)?;
                page.post(LEADER, asking(self.turn));
                Ok(())
            })?;
            // The hot phase covers only the time in which both roles take part.
            together(leader, TURNS, count, || {
                let cost = self.hot(&page, task, count, |holder| holder.turns(&page, count))?;
                page.post(LEADER, asking(self.turn));
                Ok(cost)
            })?
        };
        together(leader, phase::END, 0, || Ok(()))?;
        let passes = self.passes + (1..leader.slots()).map(|slot| page.tally(slot)).sum::<u64>();
        let seen = self.critical.protected().passes(self.guard);
        if seen != passes {
            return invalid(format!("the protected counter stands at {seen} after {passes} critical sections"));
        }
        page.set_count(count);
        self.report(count, cost)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, _: &mut Floor) -> MeasureResult {
        let page = member.page().clone();
        let mut found = (0, RoleCost::default());
        loop {
            // Started before the phase: within it, the leader sets the begin of the hot phase.
            let meter = Meter::start();
            let open = member.enter()?;
            if open.kind == phase::END {
                member.leave()?;
                return self.report(found.0, found.1);
            }
            self.turns(&page, open.count)?;
            // Stopped after the leader has ended the hot phase.
            spin_for_post(&page, LEADER, asking(self.turn))?;
            found = (open.count, meter.stop(task, open.count));
            page.set_tally(self.slot, self.passes);
            member.leave()?;
        }
    }
}

/// Word of a role that is about to request the lock, and of both after the last turn.
fn asking(turn: u64) -> u64 {
    2 * turn + 1
}

/// Word of a role that owns the lock.
fn owning(turn: u64) -> u64 {
    2 * turn + 2
}
