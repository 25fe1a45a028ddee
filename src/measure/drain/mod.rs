//! What do put, get and join of a queue of work cost, and when is all of it done?
//!
//! A trial is a row of rounds, of which the first ones warm up. In a round each producer puts the same number of items;
//! consumers get them, check every byte and say that each is done. The producer that finishes last joins the queue: the time
//! from its last put until then is the drain. It must find that all items of the round are done, or its join came back too
//! early. Only then it puts an end mark for each consumer, which is no item.
//!
//! Afterwards the leader has the queue to itself, and learns what one call costs that does not wait, and how late one comes
//! back that does.

pub mod check;
mod idle;
pub mod rounds;
mod side;

use super::meter::Meter;
use super::{MeasureError, MeasureResult, Task, count, histogram, phase, together};
use crate::control::{Leader, Member, Page};
use crate::protocol::Report;
use crate::queue::{Handle, Joinable, Sides, TimeOuts};
use crate::record::{RoleCost, Window, metric};
use rounds::{Past, Round};
use side::{Side, Working};

/// Phases: one round, with the items of each producer as its count, and the end of the last one that counts.
const ROUND: u32 = 70;
const RECKON: u32 = 71;

/// Rounds that count.
const ROUNDS: u64 = count::WINDOWS;

/// One role's part in a trial.
pub struct Part<H> {
    side: Side<H>,
    time_outs: TimeOuts,
}

impl<H: Handle> Part<H> {
    /// The role that plays `task`, with its handle.
    pub fn new(queue: Joinable<H>, time_outs: TimeOuts, message_bytes: usize, task: &Task) -> Self {
        Self { side: Side::new(queue, message_bytes, Sides::of(&task.case), task.slot), time_outs }
    }

    /// The role that opens phases.
    pub fn lead(mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        lead(&mut self.side, self.time_outs, leader, task)
    }

    /// A role that goes along.
    pub fn follow(mut self, member: &mut Member, task: &Task) -> MeasureResult {
        follow(&mut self.side, member, task)
    }
}

/// A role's cost: from the first round that counts to the end of the last, the short while between two included.
#[derive(Default)]
struct Bill {
    meter: Option<Meter>,
    /// Items before the meter ran.
    before: u64,
    cost: Option<RoleCost>,
}

impl Bill {
    fn open_when_hot(&mut self, page: &Page, items: u64) {
        if page.is_hot() && self.meter.is_none() {
            self.before = items;
            self.meter = Some(Meter::start());
        }
    }

    fn close(&mut self, task: &Task, items: u64) {
        self.cost = self.meter.take().map(|meter| meter.stop(task, items - self.before));
    }
}

fn lead(side: &mut dyn Working, time_outs: TimeOuts, leader: &mut Leader, task: &Task) -> MeasureResult {
    let (page, sides) = (leader.page().clone(), Sides::of(&task.case));
    let mut past = Past::new(sides);
    let mut bill = Bill::default();
    let mut round = |leader: &mut Leader, bill: &mut Bill, items: u64| -> Result<Round, MeasureError> {
        together(leader, ROUND, items, || {
            bill.open_when_hot(&page, side.items());
            rounds::take_part(side, &page, sides, task.slot, items)
        })?;
        past.audit(&page, items)
    };
    let derived = count::derive_by(&task.timing, |items| Ok(round(leader, &mut bill, items)?.elapsed_ns))?;
    page.set_hot(true);
    let mut found = vec![];
    for items in count::shares(derived.count, ROUNDS) {
        found.push(round(leader, &mut bill, items)?);
    }
    together(leader, RECKON, 0, || {
        bill.close(task, side.items());
        Ok(())
    })?;
    let mut metrics = idle::costs(side)?;
    page.set_hot(false);
    together(leader, phase::END, 0, || Ok(()))?;

    let items: u64 = found.iter().map(|round| round.items).sum();
    let elapsed_ns: u64 = found.iter().map(|round| round.elapsed_ns).sum();
    let mut drains = histogram::empty();
    for round in &found {
        drains.saturating_record(round.drain_ns.max(1));
    }
    histogram::percentiles(&drains, &mut metrics);
    let drain_ns = histogram::median(found.iter().map(|round| round.drain_ns as f64).collect());
    metrics.insert(metric::DRAIN_NS.into(), drain_ns);
    metrics.insert(metric::MESSAGES_PER_S.into(), items as f64 * 1e9 / elapsed_ns as f64);
    let first_ns = found.first().map_or(0, |round| round.started_ns);
    let window = |round: &Round| Window {
        start_ns: round.started_ns.saturating_sub(first_ns),
        elapsed_ns: round.elapsed_ns,
        messages: round.items,
    };
    page.set_count(items);
    Ok(Report {
        messages: items,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        remark: (time_outs == TimeOuts::Repeated)
            .then(|| "its calls know no time-out, so calls that do not wait are repeated until the time is up".into()),
        metrics,
        windows: found.iter().map(window).collect(),
        histogram: histogram::encode(&drains),
        roles: bill.cost.into_iter().collect(),
        ..Report::default()
    })
}

fn follow(side: &mut dyn Working, member: &mut Member, task: &Task) -> MeasureResult {
    let (page, sides) = (member.page().clone(), Sides::of(&task.case));
    let mut bill = Bill::default();
    loop {
        let open = member.enter()?;
        match open.kind {
            ROUND => {
                bill.open_when_hot(&page, side.items());
                rounds::take_part(side, &page, sides, task.slot, open.count)?;
            }
            RECKON => bill.close(task, side.items()),
            _ => {
                member.leave()?;
                let items = bill.cost.as_ref().map_or(0, |cost| cost.messages);
                return Ok(Report { messages: items, roles: bill.cost.into_iter().collect(), ..Report::default() });
            }
        }
        member.leave()?;
    }
}
