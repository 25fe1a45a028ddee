//! Throughput, waiting time and fairness of a contended lock. In a fixed window each contender alternates critical
//! sections and think time of known durations; acquisitions are counted, and some are stamped.
//!
//! A second, shorter window stamps each release, to measure the hand-off to a waiter.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Part;
use super::critical_section::CriticalSection;
use super::protected_state::ProtectedState;
use super::work::{Chain, ThinkTime};
use crate::clock;
use crate::control::{Leader, Member};
use crate::lock::{Guard, Handle, Lock};
use crate::measure::paired::Floor;
use crate::measure::window::looks::{Batch, Looks, Stamped, Turns, encoded};
use crate::measure::window::sample::Positions;
use crate::measure::window::{self, Player, Span, WindowGauge, wait_for};
use crate::measure::{MeasureError, MeasureResult, Task, histogram, invalid};
use crate::protocol::{Fault, HolderFinding};
use crate::record::{Metrics, metric};

/// One contender.
pub struct Contender<L: Lock> {
    holder: L::Handle,
    critical: CriticalSection,
    think_time: ThinkTime,
    critical_section_ns: f64,
    batch: u32,
    positions: Positions,
    /// Critical sections of all windows.
    passes: u64,
    slot: u32,
    trespasses: bool,
}

impl<L: Lock> Contender<L> {
    /// Creates the contender of `task`. Calibrates this CPU.
    pub fn new(holder: L::Handle, protected: ProtectedState, task: &Task) -> Self {
        let (case, chain) = (&task.case, Chain::calibrated());
        let critical_section_ns = case.params.critical_section_ns.unwrap_or(0);
        Self {
            holder,
            critical: CriticalSection::new(
                protected,
                task.slot,
                chain.rounds(critical_section_ns),
                case.params.lines.unwrap_or(1),
            ),
            think_time: ThinkTime::of(case, task.slot, chain),
            critical_section_ns: critical_section_ns as f64,
            batch: 1,
            // Independent of the think times, which are drawn from the slot.
            positions: Positions::new(!task.slot),
            passes: 0,
            slot: task.slot,
            trespasses: task.fault == Some(Fault::Trespass) && task.slot > 0,
        }
    }

    /// Fault for tests: enters without the lock until it meets another contender or the window ends.
    #[cold]
    fn trespass(&mut self, end_ns: u64) {
        while self.critical.violations == 0 && clock::now_ns() < end_ns {
            self.critical.pass(L::GUARD);
            self.passes += 1;
        }
    }
}

/// A contender in one window.
struct InWindow<'a, L: Lock> {
    contender: &'a mut Contender<L>,
    span: Span,
}

impl<L: Lock> Turns for InWindow<'_, L> {
    #[inline]
    fn now(&self) -> u64 {
        clock::tick(self.span.trusted)
    }

    #[inline]
    fn run(&mut self) -> Result<f64, MeasureError> {
        let Contender { holder, critical, think_time, critical_section_ns, passes, .. } = &mut *self.contender;
        holder.with_lock(|_| critical.pass(L::GUARD))?;
        *passes += 1;
        Ok(*critical_section_ns + think_time.work())
    }

    #[inline]
    fn run_stamped(&mut self) -> Result<(Stamped, f64), MeasureError> {
        let Contender { holder, critical, think_time, critical_section_ns, passes, .. } = &mut *self.contender;
        let trusted = self.span.trusted;
        let asked = clock::tick(trusted);
        let (entered, left) = holder.with_lock(|_| {
            let entered = clock::tick(trusted);
            critical.pass(L::GUARD);
            (entered, clock::tick(trusted))
        })?;
        *passes += 1;
        let stamped = Stamped { waited: entered.saturating_sub(asked), held: left.saturating_sub(entered) };
        Ok((stamped, *critical_section_ns + think_time.work()))
    }

    #[inline]
    fn is_over(&self, done: u32) -> bool {
        self.span.cuts_short(self.contender.critical.protected(), done)
    }
}

impl<L: Lock> Player for Contender<L> {
    fn counted(&mut self, span: Span, hot: bool, gauge: &mut WindowGauge<'_>) -> Result<HolderFinding, MeasureError> {
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        self.critical.reset();
        let started_ns = gauge.wait_for(span.start_ns)?;
        if hot && self.trespasses {
            self.trespass(span.start_ns + span.length_ns);
        }
        let protected = self.critical.protected().clone();
        let ended_ns = span.fill(&protected, || {
            let count = self.batch;
            let at = self.positions.below(count);
            let batch = Batch::run(&mut InWindow { contender: self, span }, count, at)?;
            self.batch = looks.note(&batch);
            Ok(batch.ended)
        })?;
        gauge.stop();
        Ok(HolderFinding {
            agreed_ns: span.start_ns,
            started_ns,
            ended_ns,
            after: self.critical.after.clone(),
            longest_run: self.critical.longest_run,
            retries: self.critical.retries,
            ..looks.finding()
        })
    }

    fn stamps(&self) -> bool {
        true
    }

    /// Measures the delay from a release to the acquisition by a waiter, and the wait of the last owner itself.
    fn stamped(&mut self, span: Span) -> Result<BTreeMap<String, String>, MeasureError> {
        let trusted = span.trusted;
        let (mut hand_off, mut again) = (histogram::empty(), histogram::empty());
        let ns = |from: u64, to: u64| ((to.saturating_sub(from) as f64 * span.ns_per_tick) as u64).max(1);
        let protected = self.critical.protected().clone();
        let (head, critical, mine) = (protected.head(), &mut self.critical, u64::from(self.slot) + 1);
        wait_for(span.start_ns)?;
        span.fill(&protected, || {
            let asked = clock::tick(trusted);
            let (entered, released, last) = self.holder.with_lock(|_| {
                let entered = clock::tick(trusted);
                let (released, last) = (head.released.load(Ordering::Relaxed), head.last.load(Ordering::Relaxed));
                critical.pass(L::GUARD);
                head.released.store(clock::tick(trusted), Ordering::Relaxed);
                (entered, released, last)
            })?;
            self.passes += 1;
            // Only a contender that waited before the release measures a hand-off.
            if last == mine {
                again.saturating_record(ns(asked, entered));
            } else if asked < released && released < entered {
                hand_off.saturating_record(ns(released, entered));
            }
            self.think_time.work();
            Ok(entered)
        })?;
        // A lock without an owner has no hand-off.
        let kept = if L::GUARD == Guard::Exclusive { vec![("hand_off", hand_off), ("again", again)] } else { vec![] };
        Ok(encoded(kept))
    }

    fn changes(&self) -> u64 {
        self.passes
    }

    fn fault(&self) -> Option<String> {
        let (slot, violations) = (self.slot, self.critical.violations);
        let broken = violations > 0 && L::GUARD != Guard::Nothing;
        broken.then(|| format!("the contender on slot {slot} met another in the critical section {violations} times"))
    }

    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError> {
        let passes: u64 = changes.iter().sum();
        let seen = self.critical.protected().passes(L::GUARD);
        if L::GUARD == Guard::Nothing {
            return Ok(Metrics::from([(metric::LOST_UPDATES.into(), passes.saturating_sub(seen) as f64)]));
        }
        if seen != passes {
            return invalid(format!("the protected counter stands at {seen} after {passes} critical sections"));
        }
        Ok(Metrics::new())
    }
}

impl<L: Lock> Part for Contender<L> {
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        window::lead(self, leader, task, floor)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        window::follow(self, member, task, floor)
    }
}
