//! The dispatcher of a pool, whose workers are its own children or threads.

use super::Talk;
use crate::conformance;
use crate::control::{Leader, Page};
use crate::measure::pool::dispatcher::AnyPool;
use crate::measure::pool::trial::Trial;
use crate::measure::pool::{dispatch, idle, paced, recover, set_up};
use crate::measure::{MeasureResult, Task};
use crate::pool::{self, Pool, Visitor};
use crate::protocol::Order;
use crate::record::Measure;

/// Plays the order's role.
pub(in crate::family) fn play(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let Some(pool) = pool::visit(&order.case.row(), Forget) else { return Err(super::unknown_row(order)) };
    let task = Task::of(order, "dispatcher", 0);
    talk.exchange(vec![])?;
    talk.ready_go()?;
    // The page's other lines stand for the workers, which take no part in phases.
    let mut leader = Leader::new(page, 1);
    let cpus = order.cpus.get(1..).unwrap_or_default();
    let mut trial = Trial::new(pool, task, cpus, order.control.clone(), &mut leader)?;
    match trial.task.case.measure {
        Measure::Dispatch => dispatch::lead(&mut trial),
        Measure::Paced => paced::lead(&mut trial),
        Measure::Idle => idle::lead(&mut trial),
        Measure::SetUp => set_up::lead(&mut trial),
        Measure::Recover => recover::lead(&mut trial),
        Measure::Conformance => conformance::pool::examine(&mut trial),
        other => Err(super::unasked(order, other)),
    }
}

/// From a name to a pool whose type is forgotten.
struct Forget;

impl Visitor for Forget {
    type Output = AnyPool;

    fn visit<P: Pool>(self) -> AnyPool {
        AnyPool::of::<P>()
    }
}
