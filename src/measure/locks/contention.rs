//! What happens when several want one lock? Every holder works inside and outside for known times, in a fixed window in
//! which all of them run; who got how much is counted, and looked at now and then.
//!
//! A window begins at a time that all know before it, and whose clock first says so ends it for all: a holder that starves
//! could not stop the others, and one in the middle of a batch might take very long to finish it. A second, shorter window stamps every release, to see how long the lock itself takes from one holder
//! to the next who already waits.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

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
const START_AFTER_NS: u64 = 100_000;
/// How long before that a holder is awake: a timer may come 50 us late.
const AWAKE_BEFORE_NS: u64 = 100_000;
/// What of the hot time the stamped window takes.
const STAMPED_SHARE: u64 = 5;
/// Batches between two looks at the abort word.
const BATCHES_PER_ABORT_CHECK: u32 = 64;
/// Acquisitions of a batch between two looks at the clock: where holders outnumber CPUs each may suddenly take a time slice.
const ACQUISITIONS_PER_CLOCK_CHECK: u32 = 32;

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
        let start_ns = clock::now_ns() + START_AFTER_NS * u64::from(leader.slots());
        let page = leader.page().clone();
        together(leader, kind, start_ns, || self.window(&page, task, kind, start_ns))
    }

    /// One window, from `start_ns` on.
    fn window(&mut self, page: &Page, task: &Task, kind: u32, start_ns: u64) -> Result<(), Trouble> {
        let trusted = page.shares_ticks() && task.ticks_trusted;
        let now = Anchor::now(trusted);
        let ns_per_tick = if trusted { self.first.ns_per_tick(&now) } else { 1.0 };
        let length_ns = match kind {
            WARM => task.timing.warm_up_ns,
            COUNTED => task.timing.hot_ns,
            _ => task.timing.hot_ns / STAMPED_SHARE,
        };
        let until_end_ns = (start_ns + length_ns).saturating_sub(now.ns);
        let end_tick = now.tick + (until_end_ns as f64 / ns_per_tick) as u64;
        let span = Span { trusted, now, ns_per_tick, start_ns, length_ns, end_tick };
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
        let started_ns = wait_for(span.start_ns)?;
        if trespasses {
            self.trespass(span.start_ns + span.length_ns);
        }
        let mut until_check = BATCHES_PER_ABORT_CHECK;
        loop {
            let batch = self.batch(span)?;
            self.batch = looks.note(&batch);
            if batch.ended >= span.end_tick || self.critical.ledger().is_over(span.start_ns) {
                self.critical.ledger().end(span.start_ns);
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
        let (trusted, end_tick) = (span.trusted, span.end_tick);
        let (critical, mut count) = (&mut self.critical, 1);
        let asked = clock::tick(trusted);
        let (entered, left) = self.holder.with_lock(|_| {
            let entered = clock::tick(trusted);
            critical.pass(L::GUARD);
            (entered, clock::tick(trusted))
        })?;
        let mut outside_ns = self.outside.work();
        while count < self.batch && !critical.ledger().is_over(span.start_ns) {
            self.holder.with_lock(|_| critical.pass(L::GUARD))?;
            outside_ns += self.outside.work();
            count += 1;
            if count % ACQUISITIONS_PER_CLOCK_CHECK == 0 && clock::tick(trusted) >= end_tick {
                break;
            }
        }
        self.passes += u64::from(count);
        let worked_ns = outside_ns + f64::from(count) * self.inside_ns;
        Ok(Batch { asked, entered, left, ended: clock::tick(trusted), count, worked_ns })
    }

    /// A window that stamps every release: how long from there until a waiter has the lock, and how long a holder waits who
    /// had it last.
    fn stamped(&mut self, span: Span) -> Result<BTreeMap<String, String>, Trouble> {
        let (trusted, end_tick) = (span.trusted, span.end_tick);
        let (mut hand_over, mut again) = (histogram::empty(), histogram::empty());
        let ns = |from: u64, to: u64| ((to.saturating_sub(from) as f64 * span.ns_per_tick) as u64).max(1);
        let ledger = self.critical.ledger().clone();
        let (head, critical, mine) = (ledger.head(), &mut self.critical, u64::from(self.finding.slot) + 1);
        wait_for(span.start_ns)?;
        loop {
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
            if entered >= end_tick || ledger.is_over(span.start_ns) {
                ledger.end(span.start_ns);
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

/// Sleeps until shortly before `start_ns`, then keeps the CPU. One who had polled all along would be put off it, where
/// holders outnumber CPUs, just as the window begins.
fn wait_for(start_ns: u64) -> io::Result<u64> {
    let sleep_ns = start_ns.saturating_sub(clock::now_ns() + AWAKE_BEFORE_NS);
    thread::sleep(Duration::from_nanos(sleep_ns));
    spin_until(start_ns)
}

/// A window, in the terms of one holder's clock.
#[derive(Clone, Copy)]
struct Span {
    trusted: bool,
    /// A moment shortly before it.
    now: Anchor,
    ns_per_tick: f64,
    /// When it begins; the number of the window, too.
    start_ns: u64,
    length_ns: u64,
    end_tick: u64,
}
