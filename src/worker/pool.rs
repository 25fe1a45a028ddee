//! The dispatcher of a pool, whose workers are its own children or threads.

use super::Talk;
use crate::control::{Leader, Page};
use crate::measure::pool::dispatch;
use crate::measure::{Findings, Task};
use crate::pool::{self, Pool, Visitor};
use crate::protocol::Order;
use crate::record::Measure;

/// Plays the order's role.
pub(super) fn play(order: &Order, page: Page, talk: &mut Talk) -> Findings {
    let unknown = || Err(super::unknown_row(order));
    pool::visit(&order.case.row(), Play { order, page, talk }).unwrap_or_else(unknown)
}

struct Play<'a> {
    order: &'a Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = Findings;

    fn visit<P: Pool>(self) -> Findings {
        let Self { order, page, talk } = self;
        let task = Task::of(order, "dispatcher", 0);
        talk.exchange(vec![])?;
        talk.ready_go()?;
        // The page's other lines stand for the workers, which take no part in phases.
        let mut leader = Leader::new(page, 1);
        let cpus = order.cpus.get(1..).unwrap_or_default();
        match task.case.measure {
            Measure::Dispatch => dispatch::lead::<P>(&mut leader, &task, cpus),
            other => Err(super::unasked(order, other)),
        }
    }
}
