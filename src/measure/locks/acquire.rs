//! Cost of an uncontended lock, in three figures: acquired by the core that had it last; acquired after another core,
//! the usual case for a rarely contended lock; and `try_lock`.
//! The second figure is a difference: two roles take turns by a separate word, with and without the lock, in short
//! blocks of alternating order, so that both run under the same conditions and a drift cancels. Each role pauses before
//! its turn: a response that arrives during the first poll would delay that poll and hide the cost of the line transfer.
//!
//! The difference contains one fetch of the lock's line from the other core, and of the lock's instructions only what
//! does not overlap with the turn. Between hyper-threads, which share the cache that holds the line, it may be close to
//! zero.

use super::Part;
use super::critical_section::CriticalSection;
use super::protected_state::ProtectedState;
use super::work::{self, Chain};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::lock::{Guard, Handle, Lock};
use crate::measure::count::{self, Derived};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::schedule::spin_for_post;
use crate::measure::{MeasureError, MeasureResult, Task, attend, histogram, invalid, phase, together};
use crate::pin;
use crate::protocol::{Report, Timing};
use crate::record::{Metrics, Placement, Window, metric};

const ALONE: u32 = 50;
const TRIED: u32 = 51;
const TURNS_LOCKED: u32 = 52;
const TURNS_BOTH: u32 = 53;

const LEADER: u32 = 0;
const OTHER: u32 = 1;

/// Pairs of blocks of turns, with and without the lock. Many short ones: a preemption spoils one of them.
const TURN_PAIRS: u64 = 51;
/// Pause before each turn, and work in its critical section: longer than a line transfer and the out-of-order window.
const SETTLE_NS: u64 = 500;
/// Tenths of the hot time: uncontended, `try_lock`, turns.
const SHARES: (u64, u64, u64) = (5, 2, 3);

/// Remark of a trial without the second figure.
const NOT_MEASURED: &str =
    "the time after another core is withheld: turns with the lock were faster than turns without it";

/// One of the two roles.
pub struct Acquirer<L: Lock> {
    holder: L::Handle,
    critical: CriticalSection,
    /// Turns completed so far, the same on both sides.
    turns: u64,
    /// Updates of the protected counter.
    passes: u64,
    slot: u32,
    settle_rounds: u64,
}

impl<L: Lock> Acquirer<L> {
    /// Creates a role before its first acquisition.
    pub fn new(holder: L::Handle, protected: ProtectedState, task: &Task) -> Self {
        Self {
            holder,
            critical: CriticalSection::new(protected, task.slot, 0, 1),
            turns: 0,
            passes: 0,
            slot: task.slot,
            settle_rounds: Chain::calibrated().rounds(SETTLE_NS),
        }
    }

    fn take(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            self.holder.with_lock(|_| self.critical.count(L::GUARD))?;
        }
        self.passes += count;
        Ok(())
    }

    fn try_take(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            if self.holder.try_lock(|_| self.critical.count(L::GUARD))?.is_none() {
                return invalid("`try_lock` failed on a free lock");
            }
        }
        self.passes += count;
        Ok(())
    }

    /// Time that the lock adds to one turn, per acquisition; `None` if turns with the lock were faster than those without.
    fn remote_ns(&mut self, leader: &mut Leader, page: &Page, timing: &Timing) -> Result<Option<f64>, MeasureError> {
        let mut locked = |n: u64, taker: &mut Self| together(leader, TURNS_LOCKED, n, || taker.turns::<true>(page, n));
        let derived = count::derive(timing, |n| locked(n, self))?;
        let each = (derived.count / (2 * TURN_PAIRS)).max(1);
        let measured = together(leader, TURNS_BOTH, each, || {
            in_pairs(|locked| {
                let start = clock::now_ns();
                if locked { self.turns::<true>(page, each) } else { self.turns::<false>(page, each) }?;
                Ok((clock::now_ns() - start) as f64)
            })
        })?;
        // Both sides acquire once per turn.
        Ok(plausible(measured.iter().map(|[with, without]| (with - without) / (2 * each) as f64).collect()))
    }

    fn turns<const LOCKED: bool>(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            self.turn::<LOCKED>()?;
            self.turns += 1;
            page.post(LEADER, self.turns);
            spin_for_post(page, OTHER, self.turns)?;
        }
        Ok(())
    }

    fn turns_after<const LOCKED: bool>(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            spin_for_post(page, LEADER, self.turns + 1)?;
            self.turn::<LOCKED>()?;
            self.turns += 1;
            page.post(OTHER, self.turns);
        }
        Ok(())
    }

    /// Runs one critical section on this role's own line, so that only the lock moves between the cores; a lock that is
    /// the update itself shares its line. The work separates the cache misses on the lock and on the turn word, which
    /// the processor would otherwise overlap.
    #[inline]
    fn turn<const LOCKED: bool>(&mut self) -> Result<(), MeasureError> {
        let (critical, rounds, own) = (&mut self.critical, self.settle_rounds, self.slot);
        work::run(rounds);
        let inside = |critical: &mut CriticalSection| {
            work::run(rounds);
            critical.protected().touch(own);
        };
        match L::GUARD {
            _ if !LOCKED => inside(critical),
            Guard::Exclusive | Guard::Nothing => self.holder.with_lock(|_| inside(critical))?,
            Guard::Atomic | Guard::Retry => {
                self.holder.with_lock(|_| critical.count(L::GUARD))?;
                self.passes += 1;
                inside(critical);
            }
        }
        Ok(())
    }
}

impl<L: Lock> Part for Acquirer<L> {
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        let page = leader.page().clone();
        floor.lead(leader)?;
        let share = |tenths: u64| Timing { hot_ns: task.timing.hot_ns * tenths / 10, ..task.timing.clone() };
        let derived = count::derive(&share(SHARES.0), |n| together(leader, ALONE, n, || self.take(n)))?;
        page.set_hot(true);
        let meter = Meter::start();
        let sliced = together(leader, ALONE, derived.count, || count::in_slices(derived.count, |n| self.take(n)))?;
        let cost = meter.stop(task, derived.count);
        page.set_hot(false);

        let mut remark = None;
        let mut metrics = Metrics::from([(metric::ACQUIRE_NS.into(), typical(&sliced.windows))]);
        let brief = |timing: Timing| Timing { warm_up_ns: timing.warm_up_ns / 4, fixed_count: None, ..timing };
        if L::TRIES {
            let tried = brief(share(SHARES.1));
            let Derived { count, .. } = count::derive(&tried, |n| together(leader, TRIED, n, || self.try_take(n)))?;
            let sliced = together(leader, TRIED, count, || count::in_slices(count, |n| self.try_take(n)))?;
            metrics.insert(metric::TRY_LOCK_NS.into(), typical(&sliced.windows));
        }
        if leader.slots() > 1 && have_a_cpu_each(task) {
            let remote_ns = self.remote_ns(leader, &page, &brief(share(SHARES.2)))?;
            match remote_ns {
                Some(remote_ns) => {
                    metrics.insert(metric::ACQUIRE_REMOTE_NS.into(), remote_ns);
                }
                None => remark = Some(NOT_MEASURED.to_owned()),
            }
        }
        floor.lead(leader)?;
        together(leader, phase::END, 0, || Ok(()))?;

        let protected = self.critical.protected();
        let turns: u64 = (0..leader.slots()).map(|slot| protected.touches(slot)).sum();
        let others: u64 = (1..leader.slots()).map(|slot| page.tally(slot)).sum();
        let (seen, passes) = (protected.passes(L::GUARD) + turns, self.passes + others + 2 * self.turns);
        // Turns never overlap, even without a lock, so each update must be counted.
        if seen != passes {
            return invalid(format!("the protected counters stand at {seen} after {passes} critical sections"));
        }
        page.set_count(derived.count);
        Ok(Report {
            messages: derived.count,
            chosen_by: derived.chosen_by.into(),
            warm_up_ns: derived.warm_up_ns,
            remark,
            metrics,
            windows: sliced.windows,
            floor: floor.result(),
            roles: vec![cost],
            ..Report::default()
        })
    }

    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        let page = member.page().clone();
        attend(member, floor, &mut |_, open| {
            match open.kind {
                ALONE | TRIED => {}
                TURNS_LOCKED => self.turns_after::<true>(&page, open.count)?,
                TURNS_BOTH => {
                    in_pairs(|locked| {
                        if locked {
                            self.turns_after::<true>(&page, open.count)
                        } else {
                            self.turns_after::<false>(&page, open.count)
                        }
                    })?;
                }
                _ => return Ok(false),
            }
            page.set_tally(task.slot, self.passes);
            Ok(true)
        })?;
        Ok(Report { messages: page.count(), ..Report::default() })
    }
}

/// Runs [`TURN_PAIRS`] pairs of blocks, with the lock (`true`) and without. Returns the results of each pair in this
/// order; every second pair runs in the opposite one, so that a steady drift does not favour either form.
fn in_pairs<T>(mut block: impl FnMut(bool) -> Result<T, MeasureError>) -> Result<Vec<[T; 2]>, MeasureError> {
    let pair = |at: u64| {
        if at.is_multiple_of(2) {
            Ok([block(true)?, block(false)?])
        } else {
            let without = block(false)?;
            Ok([block(true)?, without])
        }
    };
    (0..TURN_PAIRS).map(pair).collect()
}

/// Median of the differences of paired blocks; `None` if its 95 % interval lies below zero, since a lock cannot make a
/// turn faster: then its presence changed the turns themselves.
fn plausible(mut differences: Vec<f64>) -> Option<f64> {
    differences.sort_by(f64::total_cmp);
    // Upper end of the sign-test interval of a median, by the normal approximation (Conover 1999, section 3.2).
    let n = differences.len() as f64;
    let rank = (f64::midpoint(n, 1.96 * n.sqrt()).ceil() as usize).min(differences.len().saturating_sub(1));
    let high = *differences.get(rank)?;
    (high >= 0.0).then(|| histogram::median(differences))
}

/// Whether each role has its own CPU, since turns are passed by polling.
fn have_a_cpu_each(task: &Task) -> bool {
    task.case.placement != Placement::SameCpu
        && (task.cpu.is_some() || pin::allowed_cpus().is_ok_and(|cpus| cpus.len() > 1))
}

/// Median over windows of the time per acquisition.
fn typical(windows: &[Window]) -> f64 {
    histogram::median(windows.iter().map(|window| window.elapsed_ns as f64 / window.messages as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slices(middle: f64, step: f64) -> Vec<f64> {
        (0..15u32).map(|at| middle + (f64::from(at) - 7.0) * step).collect()
    }

    #[test]
    fn a_difference_below_its_interval_is_withheld() {
        assert_eq!(plausible(slices(60.0, 1.0)), Some(60.0));
        assert_eq!(plausible(slices(-581.0, 10.0)), None);
        assert_eq!(plausible(slices(-3.0, 1.0)), Some(-3.0), "zero is within the interval");
        assert_eq!(plausible(slices(-3.0, 0.1)), None);
        assert_eq!(plausible(vec![]), None);
    }

    #[test]
    fn neither_drift_nor_preemption_moves_the_difference() {
        let mut blocks = 0;
        let measured = in_pairs(|locked| {
            blocks += 1;
            let drift = 10.0 * f64::from(blocks);
            // A preemption of a millisecond in every fifth block.
            let gone = if blocks % 5 == 0 { 1e6 } else { 0.0 };
            Ok(1000.0 + drift + gone + if locked { 100.0 } else { 0.0 })
        });
        let Ok(measured) = measured else { panic!("no block fails") };
        let found = plausible(measured.iter().map(|[with, without]| with - without).collect());
        // The two orders see the drift with opposite signs.
        assert!(found.is_some_and(|ns| (90.0..=110.0).contains(&ns)), "{found:?}");
        let first = measured.iter().take(2).map(|[with, without]| (with - without) as i64);
        assert_eq!(first.collect::<Vec<_>>(), [90, 110]);
    }
}
