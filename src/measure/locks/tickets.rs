//! Several sell from one stock until nothing is left: the case from the classroom, made real. Each sale looks how many
//! tickets there are and takes one, in shared memory or in a JSON file that is opened, read, parsed and written anew.
//! Exactly the stock must be sold. Without a lock two sellers sell the same ticket, and the trial must see that too many
//! went.
//!
//! A trial is a row of sales, of which the first ones warm up. A sale begins at a time that all sellers know before it and
//! lasts until the last ticket is gone. Nobody sells more than the whole stock: without a lock, one who was put off his CPU
//! in the middle brings back the tickets that others sold meanwhile, and it might never end.

mod race;
mod stall;

use std::io;

use super::Part;
use super::ledger::Ledger;
use crate::control::{Leader, Member, Page};
use crate::lock::{Guard, Holder, Lock};
use crate::measure::meter::Meter;
use crate::measure::paired::Floor;
use crate::measure::window::{next_start_ns, wait_for};
use crate::measure::{MeasureError, MeasureResult, Task, attend, count, phase, together};
use crate::protocol::{HolderFinding, Report};
use crate::record::{RoleCost, Window, metric};
use crate::{abort, clock};
use stall::{Sale, Stall};

pub(super) use race::conclude;

/// Phases: one sale, with the stock as its count, and the end of the last one that counts.
const SELL: u32 = 60;
const RECKON: u32 = 61;

const LEADER: u32 = 0;

/// Sales that count: each long enough for holders who share a CPU to get their turns, where the hot time is.
const SALES: u64 = 10;

/// One of those who sell.
pub struct Seller<L: Lock> {
    holder: L::Holder,
    stall: Stall,
    /// Of all sales that count.
    sold: Sold,
    /// Runs from the first sale that counts to the end of the last, the short while between two included.
    meter: Option<Meter>,
    cost: Option<RoleCost>,
}

/// What one seller made of a sale.
#[derive(Clone, Copy, Debug, Default)]
struct Sold {
    tickets: u64,
    /// Begun in vain: somebody else came first, or the file was found half written.
    retries: u64,
    /// When this seller took the last ticket; 0 where somebody else did.
    last_at_ns: u64,
}

impl<L: Lock> Seller<L> {
    /// A seller before the first sale.
    pub fn new(holder: L::Holder, ledger: Ledger, task: &Task) -> Self {
        let stall = Stall::of(&task.case, ledger);
        Self { holder, stall, sold: Sold::default(), meter: None, cost: None }
    }

    /// One sale of `stock` tickets by all. Its window starts on the monotonic clock.
    ///
    /// Errors: not exactly the stock was sold, where something sees to that.
    fn sale(&mut self, leader: &mut Leader, stock: u64) -> Result<Window, MeasureError> {
        let page = leader.page().clone();
        self.stall.put_out(stock)?;
        page.post(LEADER, next_start_ns(leader));
        together(leader, SELL, stock, || self.take_part(&page, LEADER, stock))?;

        let slots = || 0..leader.slots();
        let sold: u64 = slots().map(|slot| page.tally(slot)).sum();
        let left = self.stall.left()?;
        if L::GUARD != Guard::Nothing && (sold, left) != (stock, Some(0)) {
            let left = left.map_or_else(|| "a file that cannot be read".to_owned(), |left| left.to_string());
            return Err(format!("{sold} tickets were sold of {stock}, and {left} left").into());
        }
        let start_ns = slots().map(|slot| page.started_ns(slot)).min().unwrap_or(0);
        let end_ns = slots().map(|slot| page.ended_ns(slot)).max().unwrap_or(0);
        Ok(Window { start_ns, elapsed_ns: end_ns.saturating_sub(start_ns).max(1), messages: sold })
    }

    /// This seller's part of a sale, from the moment that all know.
    fn take_part(&mut self, page: &Page, slot: u32, stock: u64) -> Result<(), MeasureError> {
        let hot = page.is_hot();
        if hot && self.meter.is_none() {
            self.meter = Some(Meter::start());
        }
        page.set_started_ns(slot, wait_for(page.posted(LEADER))?);
        let sold = self.sell_out(stock)?;
        page.set_ended_ns(slot, sold.last_at_ns);
        page.set_tally(slot, sold.tickets);
        if hot {
            self.sold.tickets += sold.tickets;
            self.sold.retries += sold.retries;
        }
        Ok(())
    }

    /// The place of the stock is chosen here, once a sale.
    fn sell_out(&mut self, stock: u64) -> Result<Sold, MeasureError> {
        match &mut self.stall {
            Stall::Memory(ledger) => sell_out::<L>(&mut self.holder, stock, || Ok(stall::in_memory(ledger, L::GUARD))),
            Stall::JsonFile(file) => sell_out::<L>(&mut self.holder, stock, || file.sell()),
        }
    }

    fn reckon(&mut self, task: &Task) {
        self.cost = self.meter.take().map(|meter| meter.stop(task, self.sold.tickets));
    }

    fn report(&mut self, task: &Task) -> Report {
        let Sold { tickets, retries, .. } = self.sold;
        Report {
            messages: tickets,
            roles: self.cost.take().into_iter().collect(),
            holders: vec![HolderFinding {
                slot: task.slot,
                acquisitions: tickets,
                retries,
                ..HolderFinding::default()
            }],
            ..Report::default()
        }
    }
}

impl<L: Lock> Part for Seller<L> {
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        let page = leader.page().clone();
        floor.lead(leader)?;
        let derived = count::derive_by(&task.timing, |stock| Ok(self.sale(leader, stock)?.elapsed_ns))?;
        page.set_hot(true);
        let mut windows: Vec<Window> = vec![];
        for stock in count::shares(derived.count, SALES) {
            windows.push(self.sale(leader, stock)?);
        }
        page.set_hot(false);
        together(leader, RECKON, 0, || {
            self.reckon(task);
            Ok(())
        })?;
        floor.lead(leader)?;
        together(leader, phase::END, 0, || Ok(()))?;

        let first_ns = windows.first().map_or(0, |window| window.start_ns);
        for window in &mut windows {
            window.start_ns -= first_ns;
        }
        let elapsed_ns: u64 = windows.iter().map(|window| window.elapsed_ns).sum();
        let tickets: u64 = windows.iter().map(|window| window.messages).sum();
        page.set_count(derived.count);
        let mut report = Report {
            messages: derived.count,
            chosen_by: derived.chosen_by.into(),
            warm_up_ns: derived.warm_up_ns,
            windows,
            floor: floor.result(),
            ..self.report(task)
        };
        report.metrics.insert(metric::SALE_NS.into(), elapsed_ns as f64 / tickets as f64);
        if L::GUARD == Guard::Nothing {
            report.metrics.insert(metric::OVERSOLD.into(), tickets.saturating_sub(derived.count) as f64);
        }
        Ok(report)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        attend(member, floor, &mut |member, open| {
            match open.kind {
                SELL => self.take_part(member.page(), task.slot, open.count)?,
                RECKON => self.reckon(task),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(self.report(task))
    }
}

/// Sells until nothing is left, or as much as there was.
///
/// Errors: those of the lock and of the file; a file found half written where a lock should have kept others away.
fn sell_out<L: Lock>(
    holder: &mut L::Holder,
    stock: u64,
    mut sell: impl FnMut() -> io::Result<Sale>,
) -> Result<Sold, MeasureError> {
    let mut sold = Sold::default();
    while sold.tickets < stock {
        match holder.with_lock(|_| sell())?? {
            Sale::One { left, retries } => {
                sold.tickets += 1;
                sold.retries += retries;
                if left == 0 || sold.tickets == stock {
                    sold.last_at_ns = clock::now_ns();
                }
            }
            Sale::SoldOut => break,
            Sale::Torn if L::GUARD != Guard::Nothing => {
                return Err("the JSON file was found half written under the lock".to_owned().into());
            }
            Sale::Torn if abort::requested() => return Err(abort::error().into()),
            Sale::Torn => sold.retries += 1,
        }
    }
    Ok(sold)
}
