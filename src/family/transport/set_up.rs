//! Worker of a set-up: one process that repeatedly creates the object and attaches both endpoints, a thread each.

use std::sync::Arc;

use crate::address;
use crate::control::{Leader, Member, Page};
use crate::family::Talk;
use crate::family::threads::{self, Attach, Attached};
use crate::measure::set_up::{self, Exchange};
use crate::measure::{MeasureResult, Task};
use crate::protocol::Order;
use crate::record::Role;
use crate::transport::erased::AnyTransport;

pub(super) fn both_ends(transport: AnyTransport, order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    address::lease_as_worker(&order.run_id)?;
    let tasks = [(Role::Sender, 0), (Role::Receiver, 1)].map(|(role, index)| Task::of(order, role, index));
    talk.exchange(vec![])?;
    let exchange = Arc::new(Exchange::default());
    let role = |_| -> Attach {
        let exchange = exchange.clone();
        Box::new(move |_| Ok(Box::new(Maker { transport, exchange })))
    };
    threads::play(order, page, talk, &tasks, (0..2).map(role).collect(), &|led, followed| {
        threads::both(led, followed, true)
    })
}

/// One of the two threads, which share the desk.
struct Maker {
    transport: AnyTransport,
    exchange: Arc<Exchange>,
}

impl Attached for Maker {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        set_up::lead(self.transport, leader, task, &self.exchange)
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        set_up::follow(self.transport, member, task, &self.exchange)
    }
}
