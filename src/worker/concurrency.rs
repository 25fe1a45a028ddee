//! One of two who share work: as a process of its own, or both as threads of one.

use std::io;
use std::marker::PhantomData;

use super::Talk;
use super::host::both;
use super::threads::{self, Troupe};
use crate::address::{Address, End};
use crate::concurrency::prepare::ROLES;
use crate::concurrency::{Company, Visitor, visit};
use crate::control::{Leader, Member, Page};
use crate::measure::{Findings, Task, parallel};
use crate::protocol::Order;

/// Plays the order's role.
pub(super) fn play(order: Order, page: Page, talk: &mut Talk) -> Findings {
    let (row, stranger) = (order.case.row(), super::unknown_row(&order));
    visit(&row, Play { order, page, talk }).unwrap_or(Err(stranger))
}

struct Play<'a> {
    order: Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = Findings;

    fn visit<C: Company>(self) -> Findings {
        let Self { order, page, talk } = self;
        match order.role.as_str() {
            "host" => host::<C>(&order, &page, talk),
            _ => alone::<C>(order, page, talk),
        }
    }
}

/// One process of two.
fn alone<C: Company>(order: Order, page: Page, talk: &mut Talk) -> Findings {
    let task = Task::of(&order, ROLES[usize::from(order.slot > 0)], 0);
    let partner = C::attach(order.links.first().map(|link| &link.address), end(task.slot))?;
    let slots = order.slots;
    // With the links go their descriptors, or a partner's end would never be noticed.
    drop(order);
    talk.exchange(vec![])?;
    talk.ready_go()?;
    if task.slot == 0 {
        parallel::lead(partner, &mut Leader::new(page, slots), &task)
    } else {
        parallel::follow(partner, &mut Member::new(page, task.slot), &task)
    }
}

fn end(slot: u32) -> End {
    if slot == 0 { End::Sender } else { End::Receiver }
}

/// Both as threads of this process.
fn host<C: Company>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    let tasks: Vec<Task> = ROLES.iter().enumerate().map(|(index, role)| Task::of(order, role, index)).collect();
    let address = C::create()?;
    talk.exchange(vec![])?;
    let partners = Partners::<C> { address, company: PhantomData };
    threads::play(&partners, order, page, talk, &tasks, vec![(); tasks.len()])
}

struct Partners<C> {
    address: Option<Address>,
    company: PhantomData<fn() -> C>,
}

impl<C: Company> Troupe for Partners<C> {
    type Seat = ();
    type Part = C::Partner;

    fn attach(&self, (): (), task: &Task) -> io::Result<C::Partner> {
        C::attach(self.address.as_ref(), end(task.slot))
    }

    fn lead(&self, partner: C::Partner, leader: &mut Leader, task: &Task) -> Findings {
        parallel::lead(partner, leader, task)
    }

    fn follow(&self, partner: C::Partner, member: &mut Member, task: &Task) -> Findings {
        parallel::follow(partner, member, task)
    }

    fn merge(&self, led: Findings, followed: Findings) -> Findings {
        threads::merge(led, followed, |led, followed| both(led, followed, true))
    }
}
