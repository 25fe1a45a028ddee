//! What do readers and writers of one state cost each other? Every holder reads and writes, in a mixture drawn at a given
//! ratio, in a fixed window in which all of them run. A read copies the whole state out and checks what it accepted: that
//! it is one version, one that somebody wrote, and none older than what was seen before. A lock that knows no readers is
//! asked the same and does both alone: for short looks that may well be quicker than counting readers.
//!
//! The window is that of `contention`.

mod board;
mod mixture;
mod summary;
mod waits;

use self::board::Board;
use self::mixture::Mixture;
use self::waits::Waits;
use super::chain::Chain;
use super::ledger::Ledger;
use super::looks::Looks;
use super::outside::Outside;
use super::window::{Span, next_start_ns};
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::lock::{Holder, Lock};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::{Findings, Task, Trouble, phase, together};
use crate::protocol::{HolderFinding, Report};
use crate::record::RoleCost;

pub(super) use summary::metrics;

/// Windows: to warm up, and to count.
const WARM: u32 = 60;
const COUNTED: u32 = 61;

/// Names of the distributions in findings.
const WAIT: &str = "wait";
const READ_WAIT: &str = "read_wait";
const WRITE_WAIT: &str = "write_wait";

/// One holder at work.
pub struct Accessor<L: Lock> {
    holder: L::Holder,
    board: Board,
    mixture: Mixture,
    outside: Outside,
    inside_ns: f64,
    /// Accesses from one look at the clock to the next.
    batch: u32,
    waits: Waits,
    retries: u64,
    /// A moment long before the first window, by which the pace of the ticks is known.
    first: Anchor,
    finding: HolderFinding,
    cost: Option<RoleCost>,
}

/// The moments around one batch, in ticks, and the known work in it.
struct Done {
    asked: u64,
    ended: u64,
    count: u32,
    worked_ns: f64,
}

impl<L: Lock> Accessor<L> {
    /// The holder that plays `task`. Measures how quick this CPU is.
    pub fn new(holder: L::Holder, ledger: Ledger, task: &Task) -> Self {
        let (case, chain) = (&task.case, Chain::calibrated());
        let inside_ns = case.inside_ns.unwrap_or(0);
        Self {
            holder,
            board: Board::new(ledger, task.slot, chain.rounds(inside_ns)),
            mixture: Mixture::new(task.slot, case.reads_percent.unwrap_or(0)),
            outside: Outside::of(case, task.slot, chain),
            inside_ns: inside_ns as f64,
            batch: 1,
            waits: Waits::none(),
            retries: 0,
            first: Anchor::now(task.ticks_trusted),
            finding: HolderFinding::default(),
            cost: None,
        }
    }

    /// The role that opens the windows.
    pub fn lead(mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> Findings {
        let page = leader.page().clone();
        page.set_shares_ticks(task.ticks_trusted && clock::ticks_synchronised(&[]));
        floor.lead(leader)?;
        self.open(leader, task, WARM)?;
        page.set_hot(true);
        self.open(leader, task, COUNTED)?;
        page.set_hot(false);
        floor.lead(leader)?;
        together(leader, phase::END, 0, || Ok(()))?;

        let report = self.report()?;
        self.check_sum(&page, leader.slots())?;
        page.set_count(report.messages);
        Ok(Report { chosen_by: "time".into(), warm_up_ns: task.timing.warm_up_ns, floor: floor.result(), ..report })
    }

    /// A role that goes along.
    pub fn follow(mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> Findings {
        loop {
            let open = member.enter()?;
            match open.kind {
                phase::END => {
                    member.leave()?;
                    return self.report();
                }
                WARM | COUNTED => {
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
        let length_ns = if kind == WARM { task.timing.warm_up_ns } else { task.timing.hot_ns };
        let span = Span::new(self.first, page, task, start_ns, length_ns);
        self.retries = 0;
        let meter = Meter::start();
        self.finding = HolderFinding { slot: task.slot, ..self.counted(span)? };
        self.cost = Some(meter.stop(task, self.finding.acquisitions));
        page.set_tally(task.slot, self.board.writes());
        Ok(())
    }

    /// A window that counts.
    fn counted(&mut self, span: Span) -> Result<HolderFinding, Trouble> {
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        self.waits = Waits::none();
        let started_ns = span.wait_for_start()?;
        let ledger = self.board.ledger().clone();
        let ended_ns = span.fill(&ledger, || {
            let done = self.batch(span, &ledger)?;
            self.waits.end_batch(span.ns_per_tick);
            self.batch = looks.tally(done.asked, done.ended, done.count, done.worked_ns);
            Ok(done.ended)
        })?;
        let waits = std::mem::replace(&mut self.waits, Waits::none());
        Ok(HolderFinding {
            agreed_ns: span.start_ns,
            started_ns,
            ended_ns,
            reads: waits.reads.count,
            samples: waits.reads.samples + waits.writes.samples,
            read_samples: waits.reads.samples,
            retries: self.retries,
            histograms: waits.encoded(),
            ..looks.finding()
        })
    }

    /// Accesses, of which the first of each kind is stamped; fewer than planned when the window ends.
    #[inline]
    fn batch(&mut self, span: Span, ledger: &Ledger) -> Result<Done, Trouble> {
        let asked = clock::tick(span.trusted);
        let (mut outside_ns, mut count) = (0.0, 0);
        while count < self.batch {
            if self.mixture.reads_next() {
                self.read(span.trusted)?;
            } else {
                self.write(span.trusted)?;
            }
            outside_ns += self.outside.work();
            count += 1;
            if span.cuts_short(ledger, count) {
                break;
            }
        }
        let ended = clock::tick(span.trusted);
        Ok(Done { asked, ended, count, worked_ns: outside_ns + f64::from(count) * self.inside_ns })
    }

    /// One read, from asking until it is accepted and checked.
    #[inline]
    fn read(&mut self, trusted: bool) -> Result<(), Trouble> {
        let Self { holder, board, .. } = self;
        let stamped = self.waits.reads.wants_stamp();
        let now = || if stamped { clock::tick(trusted) } else { 0 };
        let asked = now();
        // The last look counts: the time of those in vain is waiting, too.
        let looked = holder.read(|copy| (now(), board.copy_out(copy)))?;
        let (entered, seen) = &looked.seen;
        board.check(seen);
        self.waits.reads.note(entered.saturating_sub(asked));
        self.retries += looked.retries;
        Ok(())
    }

    /// One write.
    #[inline]
    fn write(&mut self, trusted: bool) -> Result<(), Trouble> {
        let Self { holder, board, .. } = self;
        let stamped = self.waits.writes.wants_stamp();
        let now = || if stamped { clock::tick(trusted) } else { 0 };
        let asked = now();
        let entered = holder.write(|copy| {
            let entered = now();
            board.write(copy);
            entered
        })?;
        self.waits.writes.note(entered.saturating_sub(asked));
        Ok(())
    }

    /// Compares what the state says with what the holders say, once all of them are done.
    ///
    /// Errors: a write got lost, or the state is not the last one of anybody.
    fn check_sum(&mut self, page: &Page, slots: u32) -> Result<(), Trouble> {
        let writes: u64 = (0..slots).map(|slot| page.tally(slot)).sum();
        let counted = self.board.all_writes();
        if counted != writes {
            return Err(format!("the state was written {counted} times by {writes} writes").into());
        }
        let last = self.holder.read(|copy| self.board.copy_out(copy))?.seen;
        match Board::writer(&last) {
            None if writes == 0 => Ok(()),
            Some((slot, count)) if slot < slots && count == page.tally(slot) => Ok(()),
            _ => Err("what the state holds in the end is nobody's last write".to_owned().into()),
        }
    }

    /// What this holder has to say.
    ///
    /// Errors: a check of its own failed.
    fn report(&mut self) -> Findings {
        if let Some(fault) = self.board.fault() {
            return Err(fault.into());
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
