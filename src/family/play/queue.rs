//! A producer or consumer of a queue of work: as a process of its own, or all of them as threads of one.

use std::io;

use super::Talk;
use super::threads::{self, Role};
use crate::address::{self, Address};
use crate::conformance::queue::Examined;
use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureResult, Task, drain};
use crate::protocol::Order;
use crate::queue::prepare::{COUNT, QUEUE, Sides};
use crate::queue::unfinished::Unfinished;
use crate::queue::{self, Joinable, Shape, Visitor, WorkQueue};
use crate::record::Measure;

/// Plays the order's role.
pub(in crate::family) fn play(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let stranger = super::unknown_row(order);
    queue::visit(&order.case.row(), Play { order, page, talk }).unwrap_or(Err(stranger))
}

/// Plays the role with the queue's type at hand.
struct Play<'a> {
    order: &'a Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = MeasureResult;

    fn visit<Q: WorkQueue>(self) -> MeasureResult {
        let Self { order, page, talk } = self;
        if order.role == "host" { host::<Q>(order, &page, talk) } else { alone::<Q>(order, page, talk) }
    }
}

/// What the measure asks of one side.
enum Part<Q: WorkQueue> {
    Drain(drain::Part<Q::Handle>),
    Conformance(Examined),
}

impl<Q: WorkQueue> Part<Q> {
    fn attach(queue: &Address, count: &Address, task: &Task) -> io::Result<Self> {
        let shape = Shape::of(&task.case);
        let joinable = Joinable::new(Q::attach(queue, &shape)?, Unfinished::attach(count)?);
        Ok(match task.case.measure {
            Measure::Drain => Self::Drain(drain::Part::new(joinable, Q::TIME_OUTS, shape.message_bytes, task)),
            _ => Self::Conformance(Examined::new(Box::new(joinable), Q::depth(&shape), shape.message_bytes, task)),
        })
    }
}

impl<Q: WorkQueue> Role for Part<Q> {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        match *self {
            Self::Drain(part) => part.lead(leader, task),
            Self::Conformance(mut part) => part.lead(leader, task),
        }
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        match *self {
            Self::Drain(part) => part.follow(member, task),
            Self::Conformance(mut part) => part.follow(member, task),
        }
    }
}

/// One process of several.
fn alone<Q: WorkQueue>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, Sides::of(&order.case).role(order.slot), 0);
    let address = |channel: u32| {
        let found = order.links.iter().find(|link| link.channel == channel).map(|link| &link.address);
        found.ok_or_else(|| io::Error::other(format!("the order of a side comes with channel {channel}")))
    };
    let part = Part::<Q>::attach(address(QUEUE)?, address(COUNT)?, &task)?;
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(part), page, talk, order.slots, &task)
}

/// All sides as threads of this process, which also makes the queue.
fn host<Q: WorkQueue>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let sides = Sides::of(&order.case);
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, sides.role(slot), slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let (queue, count) = (Q::create(&Shape::of(&order.case))?, Unfinished::create()?);
    talk.exchange(vec![])?;
    let attach = |task: &Task| -> io::Result<Box<dyn Role>> { Ok(Box::new(Part::<Q>::attach(&queue, &count, task)?)) };
    threads::play(order, page, talk, &tasks, threads::alike(&tasks, &attach), &threads::gather)
}
