//! What happens when several want one lock? Every holder works inside and outside for known times, in a fixed window in
//! which all of them run; who got how much is counted, and looked at now and then.
//!
//! A second, shorter window stamps every release, to see how long the lock itself takes from one holder
//! to the next who already waits.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::chain::Chain;
use super::critical::Critical;
use super::ledger::Ledger;
use super::looks::{Batch, Looks, encoded};
use super::outside::Outside;
use super::window::{Span, next_start_ns};
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::lock::{Guard, Holder, Lock};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::{Findings, Task, Trouble, histogram, phase, together};
use crate::protocol::{HolderFinding, Report};
use crate::record::{Fault, RoleCost, metric};

/// Windows: to warm up, to count, and to stamp every release.
const WARM: u32 = 40;
const COUNTED: u32 = 41;
const STAMPED: u32 = 42;

/// What of the hot time the stamped window takes.
const STAMPED_SHARE: u64 = 5;

/// One holder at work.
pub struct Contender<L: Lock> {
    holder: L::Holder,
    critical: Critical,
    outside: Outside,
    inside_ns: f64,
    batch: u32,
    /// Critical sections of all windows.
    passes: u64,
    /// A moment long before the first window, by which the pace of the ticks is known.
    first: Anchor,
    finding: HolderFinding,
    cost: Option<RoleCost>,
}

impl<L: Lock> Contender<L> {
    /// The holder that plays `task`. Measures how quick this CPU is.
    pub fn new(holder: L::Holder, ledger: Ledger, task: &Task) -> Self {
        let (case, chain) = (&task.case, Chain::calibrated());
        let inside_ns = case.inside_ns.unwrap_or(0);
        Self {
            holder,
            critical: Critical::new(ledger, task.slot, chain.rounds(inside_ns), case.lines.unwrap_or(1)),
            outside: Outside::of(case, task.slot, chain),
            inside_ns: inside_ns as f64,
            batch: 1,
            passes: 0,
            first: Anchor::now(task.ticks_trusted),
            finding: HolderFinding::default(),
            cost: None,
        }
    }

    /// The role that opens the windows.
    pub fn lead(mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> Findings {
        leader.page().set_shares_ticks(task.ticks_trusted && clock::ticks_synchronised(&[]));
        floor.lead(leader)?;
        self.open(leader, task, WARM)?;
        leader.page().set_hot(true);
        self.open(leader, task, COUNTED)?;
        leader.page().set_hot(false);
        self.open(leader, task, STAMPED)?;
        floor.lead(leader)?;
        let page = leader.page().clone();
        together(leader, phase::END, 0, || Ok(()))?;

        let passes: u64 = self.passes + (1..leader.slots()).map(|slot| page.tally(slot)).sum::<u64>();
        let seen = self.critical.ledger().passes(L::GUARD);
        let mut report = self.report(task)?;
        if L::GUARD == Guard::Nothing {
            report.metrics.insert(metric::LOST_UPDATES.into(), passes.saturating_sub(seen) as f64);
        } else if seen != passes {
            return Err(format!("the protected counter stands at {seen} after {passes} critical sections").into());
        }
        page.set_count(report.messages);
        report.chosen_by = "time".into();
        report.warm_up_ns = task.timing.warm_up_ns;
        report.floor = floor.result();
        Ok(report)
    }

    /// A role that goes along.
    pub fn follow(mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> Findings {
        loop {
            let open = member.enter()?;
            match open.kind {
                phase::END => {
                    member.leave()?;
                    return self.report(task);
                }
                WARM | COUNTED | STAMPED => {
                    let page = member.page().clone();
                    self.window(&page, task, open.kind, open.count)?;
                }
                kind => floor.follow(kind, open.count)?,
            }
            member.leave()?;
        }
    }

    fn open(&mut self, leader: &mut Leader, task: &Task, kind: u32) -> Result<(), Trouble> {
        let start_ns = next_start_ns(leader);
        let page = leader.page().clone();
        together(leader, kind, start_ns, || self.window(&page, task, kind, start_ns))
    }

    /// One window, from `start_ns` on.
    fn window(&mut self, page: &Page, task: &Task, kind: u32, start_ns: u64) -> Result<(), Trouble> {
        let length_ns = match kind {
            WARM => task.timing.warm_up_ns,
            COUNTED => task.timing.hot_ns,
            _ => task.timing.hot_ns / STAMPED_SHARE,
        };
        let span = Span::new(self.first, page, task, start_ns, length_ns);
        match kind {
            WARM => drop(self.counted(span, false)?),
            COUNTED => {
                self.critical.reset();
                let trespasses = task.case.inject == Some(Fault::Trespass) && task.slot > 0;
                let meter = Meter::start();
                self.finding = HolderFinding { slot: task.slot, ..self.counted(span, trespasses)? };
                self.cost = Some(meter.stop(task, self.finding.acquisitions));
                self.finding.after.clone_from(&self.critical.after);
                self.finding.longest_run = self.critical.longest_run;
                self.finding.retries = self.critical.retries;
            }
            _ => {
                let stamped = self.stamped(span)?;
                self.finding.histograms.extend(stamped);
            }
        }
        page.set_tally(task.slot, self.passes);
        Ok(())
    }

    /// A window that counts.
    fn counted(&mut self, span: Span, trespasses: bool) -> Result<HolderFinding, Trouble> {
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        let started_ns = span.wait_for_start()?;
        if trespasses {
            self.trespass(span.start_ns + span.length_ns);
        }
        let ledger = self.critical.ledger().clone();
        let ended_ns = span.fill(&ledger, || {
            let batch = self.batch(span)?;
            self.batch = looks.note(&batch);
            Ok(batch.ended)
        })?;
        Ok(HolderFinding { agreed_ns: span.start_ns, started_ns, ended_ns, ..looks.finding() })
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
    fn batch(&mut self, span: Span) -> Result<Batch, Trouble> {
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

    /// A window that stamps every release: how long from there until a waiter has the lock, and how long a holder waits who
    /// had it last.
    fn stamped(&mut self, span: Span) -> Result<BTreeMap<String, String>, Trouble> {
        let trusted = span.trusted;
        let (mut hand_over, mut again) = (histogram::empty(), histogram::empty());
        let ns = |from: u64, to: u64| ((to.saturating_sub(from) as f64 * span.ns_per_tick) as u64).max(1);
        let ledger = self.critical.ledger().clone();
        let (head, critical, mine) = (ledger.head(), &mut self.critical, u64::from(self.finding.slot) + 1);
        span.wait_for_start()?;
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

    /// What this holder has to say.
    ///
    /// Errors: somebody else was seen inside.
    fn report(&mut self, task: &Task) -> Findings {
        let violations = self.critical.violations;
        if violations > 0 && L::GUARD != Guard::Nothing {
            return Err(format!("the holder on slot {} met another inside {violations} times", task.slot).into());
        }
        let finding = std::mem::take(&mut self.finding);
        Ok(Report {
            messages: finding.acquisitions,
            roles: self.cost.take().into_iter().collect(),
            holders: vec![finding],
            ..Report::default()
        })
    }
}
