//! What do readers and writers of one state cost each other? Every holder reads and writes, in a mixture drawn at a given
//! ratio, in a fixed window in which all of them run. A read copies the whole state out and checks what it accepted: that
//! it is one version, one that somebody wrote, and none older than what was seen before. A lock that knows no readers is
//! asked the same and does both alone: for short looks that may well be quicker than counting readers.
//!
//! The window is that of `contention`.

mod board;
mod mixture;
mod summary;

use self::board::Board;
use self::mixture::Mixture;
use super::Part;
use super::chain::Chain;
use super::ledger::Ledger;
use super::outside::Outside;
use crate::clock;
use crate::control::{Leader, Member};
use crate::lock::{Holder, Lock};
use crate::measure::paired::Floor;
use crate::measure::window::looks::Looks;
use crate::measure::window::waits::{READ_WAIT, WRITE_WAIT, Waits};
use crate::measure::window::{self, Player, Span, wait_for};
use crate::measure::{MeasureError, MeasureResult, Task};
use crate::protocol::HolderFinding;
use crate::record::Metrics;

pub(super) use summary::metrics;

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
        let inside_ns = case.params.critical_section_ns.unwrap_or(0);
        Self {
            holder,
            board: Board::new(ledger, task.slot, chain.rounds(inside_ns)),
            mixture: Mixture::new(task.slot, case.params.reads_percent.unwrap_or(0)),
            outside: Outside::of(case, task.slot, chain),
            inside_ns: inside_ns as f64,
            batch: 1,
            waits: Waits::none(),
            retries: 0,
        }
    }

    /// Accesses, of which the first of each kind is stamped; fewer than planned when the window ends.
    #[inline]
    fn batch(&mut self, span: Span, ledger: &Ledger) -> Result<Done, MeasureError> {
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
    fn read(&mut self, trusted: bool) -> Result<(), MeasureError> {
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
    fn write(&mut self, trusted: bool) -> Result<(), MeasureError> {
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
}

impl<L: Lock> Player for Accessor<L> {
    fn counted(&mut self, span: Span, _: bool) -> Result<HolderFinding, MeasureError> {
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        (self.waits, self.retries) = (Waits::none(), 0);
        let started_ns = wait_for(span.start_ns)?;
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

    fn changes(&self) -> u64 {
        self.board.writes()
    }

    fn fault(&self) -> Option<String> {
        self.board.fault()
    }

    /// A write may have got lost, or the state be the last one of nobody.
    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError> {
        let (counted, writes) = (self.board.all_writes(), changes.iter().sum::<u64>());
        if counted != writes {
            return Err(format!("the state was written {counted} times by {writes} writes").into());
        }
        let last = self.holder.read(|copy| self.board.copy_out(copy))?.seen;
        match Board::writer(&last) {
            None if writes == 0 => Ok(Metrics::new()),
            Some((slot, count)) if changes.get(slot as usize) == Some(&count) => Ok(Metrics::new()),
            _ => Err("what the state holds in the end is nobody's last write".to_owned().into()),
        }
    }
}

impl<L: Lock> Part for Accessor<L> {
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        window::lead(self, leader, task, floor)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        window::follow(self, member, task, floor)
    }
}
