//! A producer or consumer of a queue of work: as a process of its own, or all of them as threads of one.

use std::io;
use std::marker::PhantomData;

use super::Talk;
use super::threads::{self, Troupe};
use crate::address::{self, Address};
use crate::conformance::queue::Examined;
use crate::control::{Leader, Member, Page};
use crate::measure::{Findings, Task, drain};
use crate::protocol::{Order, Report};
use crate::queue::prepare::{COUNT, QUEUE, Sides};
use crate::queue::unfinished::Unfinished;
use crate::queue::{self, Joinable, Shape, Visitor, WorkQueue};
use crate::record::Measure;

/// Plays the order's role.
pub(super) fn play(order: &Order, page: Page, talk: &mut Talk) -> Findings {
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
    type Output = Findings;

    fn visit<Q: WorkQueue>(self) -> Findings {
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

    fn lead(self, leader: &mut Leader, task: &Task) -> Findings {
        match self {
            Self::Drain(part) => part.lead(leader, task),
            Self::Conformance(mut part) => part.lead(leader, task),
        }
    }

    fn follow(self, member: &mut Member, task: &Task) -> Findings {
        match self {
            Self::Drain(part) => part.follow(member, task),
            Self::Conformance(mut part) => part.follow(member, task),
        }
    }
}

/// One process of several.
fn alone<Q: WorkQueue>(order: &Order, page: Page, talk: &mut Talk) -> Findings {
    let task = Task::of(order, Sides::of(&order.case).role(order.slot), 0);
    let address = |channel: u32| {
        let found = order.links.iter().find(|link| link.channel == channel).map(|link| &link.address);
        found.ok_or_else(|| io::Error::other(format!("the order of a side comes with channel {channel}")))
    };
    let part = Part::<Q>::attach(address(QUEUE)?, address(COUNT)?, &task)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    if task.slot == 0 {
        part.lead(&mut Leader::new(page, order.slots), &task)
    } else {
        part.follow(&mut Member::new(page, task.slot), &task)
    }
}

/// All sides as threads of this process, which also makes the queue.
fn host<Q: WorkQueue>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    let sides = Sides::of(&order.case);
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, sides.role(slot), slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let all =
        All::<Q> { queue: Q::create(&Shape::of(&order.case))?, count: Unfinished::create()?, family: PhantomData };
    talk.exchange(vec![])?;
    threads::play(&all, order, page, talk, &tasks, vec![(); tasks.len()])
}

/// What all sides of one process share.
struct All<Q> {
    queue: Address,
    count: Address,
    family: PhantomData<fn() -> Q>,
}

impl<Q: WorkQueue> Troupe for All<Q> {
    type Seat = ();
    type Part = Part<Q>;

    fn attach(&self, (): (), task: &Task) -> io::Result<Part<Q>> {
        Part::attach(&self.queue, &self.count, task)
    }

    fn lead(&self, part: Part<Q>, leader: &mut Leader, task: &Task) -> Findings {
        part.lead(leader, task)
    }

    fn follow(&self, part: Part<Q>, member: &mut Member, task: &Task) -> Findings {
        part.follow(member, task)
    }

    fn merge(&self, led: Findings, followed: Findings) -> Findings {
        threads::merge(led, followed, |mut led, Report { mut roles, .. }| {
            led.roles.append(&mut roles);
            Ok(led)
        })
    }
}
