//! What happens when several want one lock? Every holder works inside and outside for known times, in a fixed window in
//! which all of them run; who got how much is counted, and looked at now and then.
//!
//! A second, shorter window stamps every release, to see how long the lock itself takes from one holder to the next who
//! already waits.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Part;
use super::chain::Chain;
use super::critical::Critical;
use super::ledger::Ledger;
use super::outside::Outside;
use crate::clock;
use crate::control::{Leader, Member};
use crate::lock::{Guard, Holder, Lock};
use crate::measure::paired::Floor;
use crate::measure::window::looks::{Batch, Looks, encoded};
use crate::measure::window::{self, Player, Span, wait_for};
use crate::measure::{MeasureError, MeasureResult, Task, histogram};
use crate::protocol::Fault;
use crate::protocol::HolderFinding;
use crate::record::{Metrics, metric};

/// One holder at work.
pub struct Contender<L: Lock> {
    holder: L::Holder,
    critical: Critical,
    outside: Outside,
    inside_ns: f64,
    batch: u32,
    /// Critical sections of all windows.
    passes: u64,
    slot: u32,
    trespasses: bool,
}

impl<L: Lock> Contender<L> {
    /// The holder that plays `task`. Measures how quick this CPU is.
    pub fn new(holder: L::Holder, ledger: Ledger, task: &Task) -> Self {
        let (case, chain) = (&task.case, Chain::calibrated());
        let inside_ns = case.params.critical_section_ns.unwrap_or(0);
        Self {
            holder,
            critical: Critical::new(ledger, task.slot, chain.rounds(inside_ns), case.params.lines.unwrap_or(1)),
            outside: Outside::of(case, task.slot, chain),
            inside_ns: inside_ns as f64,
            batch: 1,
            passes: 0,
            slot: task.slot,
            trespasses: task.fault == Some(Fault::Trespass) && task.slot > 0,
        }
    }

    /// Goes in without asking, until somebody is met inside or the window is over: the check has to notice.
    #[cold]
    fn trespass(&mut self, end_ns: u64) {
        while self.critical.violations == 0 && clock::now_ns() < end_ns {
            self.critical.pass(L::GUARD);
            self.passes += 1;
        }
    }

    /// Acquisitions of which the first is stamped; fewer than planned when the window ends.
    #[inline]
    fn batch(&mut self, span: Span) -> Result<Batch, MeasureError> {
        let trusted = span.trusted;
        let (critical, mut count) = (&mut self.critical, 1);
        let asked = clock::tick(trusted);
        let (entered, left) = self.holder.with_lock(|_| {
            let entered = clock::tick(trusted);
            critical.pass(L::GUARD);
            (entered, clock::tick(trusted))
        })?;
        let mut outside_ns = self.outside.work();
        while count < self.batch && !span.cuts_short(critical.ledger(), count) {
            self.holder.with_lock(|_| critical.pass(L::GUARD))?;
            outside_ns += self.outside.work();
            count += 1;
        }
        self.passes += u64::from(count);
        let worked_ns = outside_ns + f64::from(count) * self.inside_ns;
        Ok(Batch { asked, entered, left, ended: clock::tick(trusted), count, worked_ns })
    }
}

impl<L: Lock> Player for Contender<L> {
    fn counted(&mut self, span: Span, hot: bool) -> Result<HolderFinding, MeasureError> {
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        self.critical.reset();
        let started_ns = wait_for(span.start_ns)?;
        if hot && self.trespasses {
            self.trespass(span.start_ns + span.length_ns);
        }
        let ledger = self.critical.ledger().clone();
        let ended_ns = span.fill(&ledger, || {
            let batch = self.batch(span)?;
            self.batch = looks.note(&batch);
            Ok(batch.ended)
        })?;
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

    /// How long from each release until a waiter has the lock, and how long a holder waits who had it last.
    fn stamped(&mut self, span: Span) -> Result<BTreeMap<String, String>, MeasureError> {
        let trusted = span.trusted;
        let (mut hand_over, mut again) = (histogram::empty(), histogram::empty());
        let ns = |from: u64, to: u64| ((to.saturating_sub(from) as f64 * span.ns_per_tick) as u64).max(1);
        let ledger = self.critical.ledger().clone();
        let (head, critical, mine) = (ledger.head(), &mut self.critical, u64::from(self.slot) + 1);
        wait_for(span.start_ns)?;
        span.fill(&ledger, || {
            let asked = clock::tick(trusted);
            let (entered, released, last) = self.holder.with_lock(|_| {
                let entered = clock::tick(trusted);
                let (released, last) = (head.released.load(Ordering::Relaxed), head.last.load(Ordering::Relaxed));
                critical.pass(L::GUARD);
                head.released.store(clock::tick(trusted), Ordering::Relaxed);
                (entered, released, last)
            })?;
            self.passes += 1;
            // Only one who was waiting already when the lock was let go saw how long that takes.
            if last == mine {
                again.saturating_record(ns(asked, entered));
            } else if asked < released && released < entered {
                hand_over.saturating_record(ns(released, entered));
            }
            self.outside.work();
            Ok(entered)
        })?;
        // Without an owner there is nobody to hand over.
        let kept = if L::GUARD == Guard::Exclusive { vec![("hand_over", hand_over), ("again", again)] } else { vec![] };
        Ok(encoded(kept))
    }

    fn changes(&self) -> u64 {
        self.passes
    }

    fn fault(&self) -> Option<String> {
        let (slot, violations) = (self.slot, self.critical.violations);
        let broken = violations > 0 && L::GUARD != Guard::Nothing;
        broken.then(|| format!("the holder on slot {slot} met another inside {violations} times"))
    }

    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError> {
        let passes: u64 = changes.iter().sum();
        let seen = self.critical.ledger().passes(L::GUARD);
        if L::GUARD == Guard::Nothing {
            return Ok(Metrics::from([(metric::LOST_UPDATES.into(), passes.saturating_sub(seen) as f64)]));
        }
        if seen != passes {
            return Err(format!("the protected counter stands at {seen} after {passes} critical sections").into());
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
