//! Cost of put, get and join of a work queue, and the time to drain it.
//!
//! A trial runs rounds, of which the first are warm-up. In a round each producer puts the same number of items;
//! consumers get them, check every byte and mark each as done. The last producer to finish joins the queue; the drain
//! time runs from its last put to the return of join. It then checks that all items are done, and puts an end mark for
//! each consumer.
//! At the end the leader alone measures calls that do not wait, and the delay of calls with a time-out.

pub mod check;
mod idle;
pub mod rounds;
mod side;

use super::meter::Meter;
use super::{MeasureError, MeasureResult, Task, count, histogram, phase, together};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::protocol::Report;
use crate::queue::{Handle, Joinable, Sides, TimeOuts};
use crate::record::{RoleCost, Window, metric};
use rounds::{Past, Round};
use side::{Side, Working};

/// Phases: a round, whose count is the items per producer, and the end of the hot rounds.
const ROUND: u32 = 70;
const STOP: u32 = 71;

/// Hot rounds.
const ROUNDS: u64 = count::WINDOWS;

/// Code of one role.
pub struct Part<H> {
    side: Side<H>,
    time_outs: TimeOuts,
}

impl<H: Handle> Part<H> {
    /// Creates the role of `task` with its queue handle.
    pub fn new(queue: Joinable<H>, time_outs: TimeOuts, message_bytes: usize, task: &Task) -> Self {
        Self { side: Side::new(queue, message_bytes, Sides::of(&task.case), task.slot), time_outs }
    }

    /// Runs the role that opens phases.
    pub fn lead(mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        lead(&mut self.side, self.time_outs, leader, task)
    }

    /// Runs a role that takes part in the leader's phases.
    pub fn follow(mut self, member: &mut Member, task: &Task) -> MeasureResult {
        follow(&mut self.side, member, task)
    }
}

/// Cost of a role from the first to the last hot round, including the pauses between them.
#[derive(Default)]
struct RoleMeter {
    meter: Option<Meter>,
    /// Items before the meter started.
    before: u64,
    cost: Option<RoleCost>,
}

impl RoleMeter {
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
    let mut meter = RoleMeter::default();
    let mut round = |leader: &mut Leader, meter: &mut RoleMeter, items: u64| -> Result<Round, MeasureError> {
        together(leader, ROUND, items, || {
            meter.open_when_hot(&page, side.items());
            rounds::take_part(side, &page, sides, task.slot, items)
        })?;
        past.audit(&page, items)
    };
    let derived = count::derive_by(&task.timing, |items| Ok(round(leader, &mut meter, items)?.elapsed_ns))?;
    page.set_hot(true);
    let mut found = vec![];
    for items in count::shares(derived.count, ROUNDS) {
        found.push(round(leader, &mut meter, items)?);
    }
    together(leader, STOP, 0, || {
        meter.close(task, side.items());
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
    histogram::percentiles(&drains, clock::now_step_ns(), &mut metrics);
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
            .then(|| "its calls have no time-out, so calls that do not wait are repeated until the time is up".into()),
        metrics,
        windows: found.iter().map(window).collect(),
        histogram: histogram::encode(&drains),
        roles: meter.cost.into_iter().collect(),
        ..Report::default()
    })
}

fn follow(side: &mut dyn Working, member: &mut Member, task: &Task) -> MeasureResult {
    let (page, sides) = (member.page().clone(), Sides::of(&task.case));
    let mut meter = RoleMeter::default();
    loop {
        let open = member.enter()?;
        match open.kind {
            ROUND => {
                meter.open_when_hot(&page, side.items());
                rounds::take_part(side, &page, sides, task.slot, open.count)?;
            }
            STOP => meter.close(task, side.items()),
            _ => {
                member.leave()?;
                let items = meter.cost.as_ref().map_or(0, |cost| cost.messages);
                return Ok(Report { messages: items, roles: meter.cost.into_iter().collect(), ..Report::default() });
            }
        }
        member.leave()?;
    }
}
