//! Work queues with bounded put and get, and a count of unfinished items.

use std::io;
use std::marker::PhantomData;

use super::threads::{self, Attached};
use super::{AnyMechanism, Mechanism, Talk};
use crate::address::{self, Address, Endpoint};
use crate::conformance::queue::Examined;
use crate::control::{Leader, MAX_SLOTS, Member, Page};
use crate::measure::{MeasureResult, Task, drain};
use crate::protocol::RoleSpec;
use crate::protocol::{Link, Order};
use crate::queue::{Entry, FAMILY, Joinable, MEASURES, Shape, Sides, WorkQueue};
use crate::record::{Case, Group, Isolation, Measure, Role};
use crate::unfinished::Unfinished;
use crate::variant::{Variant, answers};

/// Number of the channel that carries the queue.
const QUEUE: u32 = 0;
/// Number of the channel that carries the count of unfinished items.
const COUNT: u32 = 1;
/// Minimum item size: the first word holds producer and sequence.
const BYTES_MIN: u64 = 8;

struct Row<Q>(PhantomData<fn() -> Q>);

impl Entry for AnyMechanism {
    fn of<Q: WorkQueue>() -> Self {
        &Row::<Q>(PhantomData)
    }
}

impl<Q: WorkQueue> Mechanism for Row<Q> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            wait: Some(Q::WAIT),
            summary: Q::SUMMARY,
            measures: MEASURES,
            unavailable: Q::unavailable(),
            ..Variant::of(FAMILY, row, Group::WorkQueues, *isolation)
        };
        Q::ISOLATIONS.iter().map(one).collect()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, Q::ISOLATIONS, MEASURES)?;
        let sides = Sides::of(case);
        let Sides { producers, consumers } = sides;
        if producers == 0 || consumers == 0 || sides.roles() > MAX_SLOTS {
            return Err(format!(
                "a queue has at least one producer and one consumer, and at most {MAX_SLOTS} of both, not \
                 {producers}:{consumers}"
            ));
        }
        if let Some(pairs) = case.params.pairs.filter(|pairs| *pairs > 1) {
            return Err(format!("a trial has one queue, not {pairs}"));
        }
        if let Some(bytes) = case.params.message_bytes.filter(|bytes| *bytes < BYTES_MIN) {
            return Err(format!("an item names its producer in {BYTES_MIN} bytes, and {bytes} are too few"));
        }
        Q::supports(&Shape::of(case))
    }

    fn group(&self) -> Option<Group> {
        Some(Group::WorkQueues)
    }

    fn resolved(&self, case: &Case) -> Case {
        let shape = Shape::of(case);
        case.clone().with(|p| {
            p.message_bytes = Some(shape.message_bytes as u64);
            p.depth = Q::depth(&shape);
        })
    }

    fn roles(&self, case: &Case) -> u32 {
        Sides::of(case).roles()
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        let sides = Sides::of(case);
        if case.isolation == Isolation::Thread {
            return Ok(vec![RoleSpec::host(sides.roles())]);
        }
        let (queue, count) = (Q::create(&Shape::of(case))?, Unfinished::create()?);
        // All roles get the same endpoint: any may put and get.
        let link = |channel, address: &Address| Link {
            channel,
            end: Endpoint::Sender,
            address: address.only(Endpoint::Sender),
        };
        let links = || vec![link(QUEUE, &queue), link(COUNT, &count)];
        Ok((0..sides.roles()).map(|slot| RoleSpec { role: sides.role(slot), links: links(), slots: 1 }).collect())
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        match order.role {
            Role::Host => host::<Q>(&order, &page, talk),
            _ => alone::<Q>(&order, page, talk),
        }
    }
}

/// Code of one role for the measure.
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

impl<Q: WorkQueue> Attached for Part<Q> {
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

/// Runs one of several processes.
fn alone<Q: WorkQueue>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, order.role, 0);
    let part = Part::<Q>::attach(&order.link(QUEUE)?.address, &order.link(COUNT)?.address, &task)?;
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(part), page, talk, order.slots, &task)
}

/// Runs all roles as threads of this process, which also creates the queue.
fn host<Q: WorkQueue>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let sides = Sides::of(&order.case);
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, sides.role(slot), slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let (queue, count) = (Q::create(&Shape::of(&order.case))?, Unfinished::create()?);
    talk.exchange(vec![])?;
    let attach =
        |task: &Task| -> io::Result<Box<dyn Attached>> { Ok(Box::new(Part::<Q>::attach(&queue, &count, task)?)) };
    threads::play(order, page, talk, &tasks, threads::alike(&tasks, &attach), &threads::gather)
}
