//! Parallel and concurrent execution: the same work by two processes or threads, on one CPU and on two.

use std::io;
use std::marker::PhantomData;

use super::threads::{self, Attached};
use super::{AnyMechanism, Mechanism, Talk};
use crate::address::{Address, Endpoint};
use crate::concurrency::{Entry, FAMILY, Pairing, step_ns};
use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureResult, Task, parallel};
use crate::protocol::RoleSpec;
use crate::protocol::{Link, Order};
use crate::record::{Case, Group, Isolation, Measure, Role};
use crate::variant::{Variant, answers};

const ROLES: [(Role, Endpoint); 2] = [(Role::First, Endpoint::Sender), (Role::Second, Endpoint::Receiver)];
const MEASURES: &[Measure] = &[Measure::Parallel];

struct Row<C>(PhantomData<fn() -> C>);

impl Entry for AnyMechanism {
    fn of<C: Pairing>() -> Self {
        &Row::<C>(PhantomData)
    }
}

impl<C: Pairing> Mechanism for Row<C> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            summary: C::SUMMARY,
            measures: MEASURES,
            ..Variant::of(FAMILY, row, Group::Processes, *isolation)
        };
        Isolation::ALL.iter().map(one).collect()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, Isolation::ALL, MEASURES)?;
        if step_ns(case) == 0 {
            return Err("a step that takes 0 ns is no work, and cannot be shared".to_owned());
        }
        Ok(())
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Processes)
    }

    fn resolved(&self, case: &Case) -> Case {
        case.clone().with(|p| p.grain_ns = Some(step_ns(case)))
    }

    fn roles(&self, _: &Case) -> u32 {
        ROLES.len() as u32
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        if case.isolation == Isolation::Thread {
            return Ok(vec![RoleSpec::host(self.roles(case))]);
        }
        let address = C::create()?;
        let role = |(role, end)| {
            let link = address.as_ref().map(|address| Link { channel: 0, end, address: address.only(end) });
            RoleSpec { role, links: link.into_iter().collect(), slots: 1 }
        };
        Ok(ROLES.map(role).into())
    }

    /// Both roles run the same number of steps.
    fn counts_agree(&self, _: &Case) -> bool {
        true
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        match order.role {
            Role::Host => host::<C>(&order, &page, talk),
            _ => alone::<C>(order, page, talk),
        }
    }
}

/// Runs one of two processes.
fn alone<C: Pairing>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, order.role, 0);
    let partner = attach::<C>(order.links.first().map(|link| &link.address), &task)?;
    let slots = order.slots;
    // Closes the links' descriptors; otherwise a partner's end would go undetected.
    drop(order);
    talk.exchange(vec![])?;
    threads::play_alone(partner, page, talk, slots, &task)
}

fn attach<C: Pairing>(address: Option<&Address>, task: &Task) -> io::Result<Box<dyn Attached>> {
    let (_, end) = ROLES[usize::from(task.slot > 0)];
    Ok(Box::new(Worker::<C>(C::attach(address, end)?)))
}

/// Runs both roles as threads of this process.
fn host<C: Pairing>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let tasks: Vec<Task> = (0..).zip(ROLES).map(|(index, (role, _))| Task::of(order, role, index)).collect();
    let address = C::create()?;
    talk.exchange(vec![])?;
    let attach = |task: &Task| attach::<C>(address.as_ref(), task);
    threads::play(order, page, talk, &tasks, threads::alike(&tasks, &attach), &|led, followed| {
        threads::both(led, followed, true)
    })
}

/// Attached role.
struct Worker<C: Pairing>(C::Partner);

impl<C: Pairing> Attached for Worker<C> {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        parallel::lead(self.0, leader, task)
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        parallel::follow(self.0, member, task)
    }
}
