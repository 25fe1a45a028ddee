//! What happens when several want one lock? Every holder works inside and outside for known times, in a fixed window in
//! which all of them run; who got how much is counted, and looked at now and then.
//!
//! A window begins at a time that all know before it, and each ends it by its own clock: a holder that starves could not
//! stop the others. A second, shorter window stamps every release, to see how long the lock itself takes from one holder
//! to the next who already waits.

use std::sync::atomic::Ordering;

use super::chain::Chain;
use super::critical::Critical;
use super::ledger::Ledger;
use super::looks::{Batch, Looks, encoded};
use super::outside::Outside;
use crate::abort;
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::lock::{Guard, Holder, Lock};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::schedule::spin_until;
use crate::measure::{Findings, Task, Trouble, histogram, phase, together};
use crate::protocol::{HolderFinding, Report};
use crate::record::{Fault, RoleCost, metric};

/// Windows: to warm up, to count, and to stamp every release.
const WARM: u32 = 40;
const COUNTED: u32 = 41;
const STAMPED: u32 = 42;

/// From opening a window until it begins, for each holder: time to wake up.
const START_AFTER_NS: u64 = 60_000;
/// What of the hot time the stamped window takes.
const STAMPED_SHARE: u64 = 5;
/// Batches between two looks at the abort word.
const BATCHES_PER_ABORT_CHECK: u32 = 64;

/// One holder at work.
pub struct Contender<L: Lock> {
    holder: L::Holder,
    critical: Critical,
    outside: Outside,
    inside_ns: f64,
    batch: u32,
    /// Critical sections of all windows.
    passes: u64,
    ns_per_tick: f64,
    anchor: Anchor,
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
            ns_per_tick: 1.0,
            anchor: Anchor::now(false),
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
        let start_ns = clock::now_ns() + START_AFTER_NS * u64::from(leader.slots());
        let page = leader.page().clone();
        together(leader, kind, start_ns, || self.window(&page, task, kind, start_ns))
    }

    /// One window, from `start_ns` on.
    fn window(&mut self, page: &Page, task: &Task, kind: u32, start_ns: u64) -> Result<(), Trouble> {
        let trusted = page.shares_ticks();
        let before = std::mem::replace(&mut self.anchor, Anchor::now(trusted));
        match kind {
            WARM => {
                // Too early to know the pace of the ticks; it is measured by this very window.
                spin_until(start_ns)?;
                self.anchor = Anchor::now(trusted);
                while clock::now_ns() < start_ns + task.timing.warm_up_ns {
                    self.batch(trusted)?;
                }
                self.ns_per_tick = self.anchor.ns_per_tick(&Anchor::now(trusted));
            }
            COUNTED => {
                self.ns_per_tick = before.ns_per_tick(&self.anchor);
                self.critical.reset();
                let meter = Meter::start();
                self.counted(task, trusted, start_ns)?;
                self.cost = Some(meter.stop(task, self.finding.acquisitions));
            }
            _ => {
                let length_ns = task.timing.hot_ns / STAMPED_SHARE;
                // What counting needs is all there; the rest is only looked at.
                let (after, longest_run) = (self.critical.after.clone(), self.critical.longest_run);
                let retries = self.critical.retries;
                let stamped = self.stamped(trusted, start_ns + length_ns)?;
                self.finding.histograms.extend(stamped);
                (self.finding.after, self.finding.longest_run, self.finding.retries) = (after, longest_run, retries);
            }
        }
        page.set_tally(task.slot, self.passes);
        Ok(())
    }

    /// The window that counts.
    fn counted(&mut self, task: &Task, trusted: bool, start_ns: u64) -> Result<(), Trouble> {
        let hot_ns = task.timing.hot_ns;
        let mut looks = Looks::new(start_ns, hot_ns, self.anchor, self.ns_per_tick);
        let end_tick = looks.end_tick(hot_ns);
        let started_ns = spin_until(start_ns)?;
        if task.case.inject == Some(Fault::Trespass) && task.slot > 0 {
            self.trespass(start_ns + hot_ns);
        }
        let mut until_check = BATCHES_PER_ABORT_CHECK;
        loop {
            let batch = self.batch(trusted)?;
            self.batch = looks.note(&batch);
            if batch.ended >= end_tick {
                break;
            }
            until_check -= 1;
            if until_check == 0 {
                until_check = BATCHES_PER_ABORT_CHECK;
                if abort::requested() {
                    return Err(abort::error().into());
                }
            }
        }
        let ended_ns = clock::now_ns();
        self.finding = HolderFinding { slot: task.slot, agreed_ns: start_ns, started_ns, ended_ns, ..looks.finding() };
        Ok(())
    }

    /// Goes in without asking, until somebody is met inside or the window is over: the check has to notice.
    #[cold]
    fn trespass(&mut self, end_ns: u64) {
        while self.critical.violations == 0 && clock::now_ns() < end_ns {
            self.critical.pass(L::GUARD);
            self.passes += 1;
        }
    }

    /// Acquisitions of which the first is stamped.
    #[inline]
    fn batch(&mut self, trusted: bool) -> Result<Batch, Trouble> {
        let (critical, count) = (&mut self.critical, self.batch);
        let asked = clock::tick(trusted);
        let (entered, left) = self.holder.with_lock(|_| {
            let entered = clock::tick(trusted);
            critical.pass(L::GUARD);
            (entered, clock::tick(trusted))
        })?;
        let mut outside_ns = self.outside.work();
        for _ in 1..count {
            self.holder.with_lock(|_| critical.pass(L::GUARD))?;
            outside_ns += self.outside.work();
        }
        self.passes += u64::from(count);
        let worked_ns = outside_ns + f64::from(count) * self.inside_ns;
        Ok(Batch { asked, entered, left, ended: clock::tick(trusted), count, worked_ns })
    }

    /// The window that stamps every release.
    fn stamped(&mut self, trusted: bool, end_ns: u64) -> Result<std::collections::BTreeMap<String, String>, Trouble> {
        let end_tick = self.anchor.tick + (end_ns.saturating_sub(self.anchor.ns) as f64 / self.ns_per_tick) as u64;
        let (mut hand_over, mut again) = (histogram::empty(), histogram::empty());
        let ns = |from: u64, to: u64| (((to - from) as f64 * self.ns_per_tick) as u64).max(1);
        let ledger = self.critical.ledger().clone();
        let (head, critical, mine) = (ledger.head(), &mut self.critical, critical_owner(&self.finding));
        loop {
            let asked = clock::tick(trusted);
            let (entered, released, last) = self.holder.with_lock(|_| {
                let entered = clock::tick(trusted);
                let seen = (head.released.load(Ordering::Relaxed), head.last.load(Ordering::Relaxed));
                critical.pass(L::GUARD);
                head.released.store(clock::tick(trusted), Ordering::Relaxed);
                (entered, seen.0, seen.1)
            })?;
            self.passes += 1;
            // Only one who was waiting already when the lock was let go saw how long that takes.
            if last == mine {
                again.saturating_record(ns(asked.min(entered), entered));
            } else if asked < released && released < entered {
                hand_over.saturating_record(ns(released, entered));
            }
            if entered >= end_tick {
                break;
            }
            self.outside.work();
        }
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

/// How the ledger names the holder.
fn critical_owner(finding: &HolderFinding) -> u64 {
    u64::from(finding.slot) + 1
}
