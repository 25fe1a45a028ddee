//! One of two who share work: as a process of its own, or both as threads of one.

use std::io;

use super::Talk;
use super::host::both;
use super::threads::{self, Role};
use crate::address::Endpoint;
use crate::concurrency::prepare::ROLES;
use crate::concurrency::{Company, Visitor, visit};
use crate::control::{Leader, Member, Page};
use crate::measure::{MeasureResult, Task, parallel};
use crate::protocol::Order;

/// Plays the order's role.
pub(in crate::family) fn play(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let (row, stranger) = (order.case.row(), super::unknown_row(&order));
    visit(&row, Play { order, page, talk }).unwrap_or(Err(stranger))
}

struct Play<'a> {
    order: Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = MeasureResult;

    fn visit<C: Company>(self) -> MeasureResult {
        let Self { order, page, talk } = self;
        match order.role.as_str() {
            "host" => host::<C>(&order, &page, talk),
            _ => alone::<C>(order, page, talk),
        }
    }
}

/// One process of two.
fn alone<C: Company>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, ROLES[usize::from(order.slot > 0)], 0);
    let partner = C::attach(order.links.first().map(|link| &link.address), end(task.slot))?;
    let slots = order.slots;
    // With the links go their descriptors, or a partner's end would never be noticed.
    drop(order);
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(Worker::<C>(partner)), page, talk, slots, &task)
}

fn end(slot: u32) -> Endpoint {
    if slot == 0 { Endpoint::Sender } else { Endpoint::Receiver }
}

/// Both as threads of this process.
fn host<C: Company>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let tasks: Vec<Task> = ROLES.iter().enumerate().map(|(index, role)| Task::of(order, role, index)).collect();
    let address = C::create()?;
    talk.exchange(vec![])?;
    let attach = |task: &Task| -> io::Result<Box<dyn Role>> {
        Ok(Box::new(Worker::<C>(C::attach(address.as_ref(), end(task.slot))?)))
    };
    threads::play(order, page, talk, &tasks, threads::alike(&tasks, &attach), &|led, followed| {
        both(led, followed, true)
    })
}

/// One of the two, attached.
struct Worker<C: Company>(C::Partner);

impl<C: Company> Role for Worker<C> {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        parallel::lead(self.0, leader, task)
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        parallel::follow(self.0, member, task)
    }
}
