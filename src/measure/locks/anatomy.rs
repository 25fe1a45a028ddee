//! Does an acquisition cost what its lock declares? Nothing is timed here: the harness counts system calls, switches and
//! faults of the hot phase, from which everything else is kept out.
//!
//! One holder takes a free lock over and over. Two hand it over: the owner keeps it until the other has asked, lets it go,
//! and does not ask again before the other one has it. So every acquisition is of one who waited, and every release to one
//! who waits. Where the declared waiter sleeps, the owner keeps it for longer than anybody polls; where he still polls, as
//! with locks that do so for a while, the owner lets go at once. Whose turn it is goes by posts on the control page and by
//! polling, which makes no system call.

use super::Part;
use super::chain::{self, Chain};
use super::critical::Critical;
use super::ledger::Ledger;
use crate::control::{Leader, Member, Page};
use crate::lock::erased::{AnyHolder, AnyLock};
use crate::lock::{Guard, Holder};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::schedule::spin_for_post;
use crate::measure::{MeasureError, MeasureResult, Task, phase, together};
use crate::protocol::Report;
use crate::record::RoleCost;

const TURNS: u32 = 60;

const LEADER: u32 = 0;
const OTHER: u32 = 1;

/// Acquisitions of each of two holders.
const TURNS_EACH: u64 = 50;
/// From the moment the other one is about to ask until the owner lets go, in nanoseconds, where the other one is to sleep.
const HELD_NS: u64 = 300_000;
/// How long two holders take for all of it, in nanoseconds, where they sleep.
pub const HAND_OVERS_NS: u64 = 2 * TURNS_EACH * HELD_NS;
/// Acquisitions before the hot phase: what is done only once is done by then.
const WARM: u64 = 5;
/// Acquisitions of a lone holder, unless the order says.
const ALONE: u64 = 500;

/// A holder whose acquisitions are counted.
pub struct Counted {
    guard: Guard,
    holder: AnyHolder,
    critical: Critical,
    slot: u32,
    held_rounds: u64,
    /// Acquisitions of both holders so far.
    turn: u64,
    /// Own acquisitions.
    passes: u64,
}

impl Counted {
    /// The holder that plays `task`.
    pub fn new(lock: &AnyLock, holder: AnyHolder, ledger: Ledger, task: &Task) -> Self {
        let sleeps = lock.cost.acquire.context_switches > 0.0;
        let held_rounds = if sleeps { Chain::calibrated().rounds(HELD_NS) } else { 0 };
        let critical = Critical::new(ledger, task.slot, 0, 1);
        Self { guard: lock.guard, holder, critical, slot: task.slot, held_rounds, turn: 0, passes: 0 }
    }

    /// The leader's `work`, hot.
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

    /// `count` turns of this holder, and as many of the other's between them.
    fn turns(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        let (own, other) = if self.slot == LEADER { (LEADER, OTHER) } else { (OTHER, LEADER) };
        let first = self.turn;
        for turn in first..first + 2 * count {
            if turn % 2 != u64::from(own) {
                continue;
            }
            if turn > first {
                spin_for_post(page, other, inside(turn - 1))?;
            }
            page.post(own, asking(turn));
            self.holder.with_lock(|_| {
                self.critical.pass(self.guard);
                page.post(own, inside(turn));
                if turn + 1 < first + 2 * count {
                    spin_for_post(page, other, asking(turn + 1))?;
                    chain::run(self.held_rounds);
                }
                Ok::<(), std::io::Error>(())
            })??;
            self.passes += 1;
        }
        self.turn = first + 2 * count;
        if own == OTHER {
            // The last turn was this one's, and it has let go.
            page.post(OTHER, asking(self.turn));
        } else {
            spin_for_post(page, OTHER, asking(self.turn))?;
        }
        Ok(())
    }

    fn report(&self, count: u64, cost: RoleCost) -> MeasureResult {
        if self.critical.violations > 0 {
            let (slot, times) = (self.slot, self.critical.violations);
            return Err(format!("the holder on slot {slot} met another inside {times} times").into());
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
            // Hot from when both are at their posts until before they leave them.
            together(leader, TURNS, count, || {
                let cost = self.hot(&page, task, count, |holder| holder.turns(&page, count))?;
                page.post(LEADER, asking(self.turn));
                Ok(cost)
            })?
        };
        together(leader, phase::END, 0, || Ok(()))?;
        let passes = self.passes + (1..leader.slots()).map(|slot| page.tally(slot)).sum::<u64>();
        let seen = self.critical.ledger().passes(self.guard);
        if seen != passes {
            return Err(format!("the protected counter stands at {seen} after {passes} critical sections").into());
        }
        page.set_count(count);
        self.report(count, cost)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, _: &mut Floor) -> MeasureResult {
        let page = member.page().clone();
        let mut found = (0, RoleCost::default());
        loop {
            // Before the phase: once in it, this role is hot when the leader says so.
            let meter = Meter::start();
            let open = member.enter()?;
            if open.kind == phase::END {
                member.leave()?;
                return self.report(found.0, found.1);
            }
            self.turns(&page, open.count)?;
            // Over once the leader says so: what comes now is not counted.
            spin_for_post(&page, LEADER, asking(self.turn))?;
            found = (open.count, meter.stop(task, open.count));
            page.set_tally(self.slot, self.passes);
            member.leave()?;
        }
    }
}

/// What a holder posts as it is about to ask for its turn, or as nobody will any more.
fn asking(turn: u64) -> u64 {
    2 * turn + 1
}

/// What it posts when it has the lock.
fn inside(turn: u64) -> u64 {
    2 * turn + 2
}
