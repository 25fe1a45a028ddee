//! One who uses shared state, as a process of its own or all of them as threads of one; and the process that keeps it.

use std::io;
use std::thread;

use super::Talk;
use super::threads::{self, Attach, Role};
use crate::address::{self, Address};
use crate::conformance::shared_state::Examined;
use crate::control::{Leader, Member, Page};
use crate::measure::access::{self, Accessor};
use crate::measure::{MeasureResult, Task};
use crate::protocol::Order;
use crate::record::Measure;
use crate::shared_state::{Shape, State, Visitor, prepare, visit};

/// Plays the order's role.
pub(in crate::family) fn play(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let (row, stranger) = (order.case.row(), super::unknown_row(&order));
    visit(&row, Play { order, page, talk }).unwrap_or(Err(stranger))
}

/// Plays the order's role with the state's type at hand.
struct Play<'a> {
    order: Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = MeasureResult;

    fn visit<S: State>(self) -> MeasureResult {
        let Self { order, page, talk } = self;
        match order.role.as_str() {
            "host" => host::<S>(&order, &page, talk),
            prepare::KEEPER => keep::<S>(order, page, talk),
            _ => alone::<S>(order, page, talk),
        }
    }
}

/// What one user does, by what is asked.
enum Part<S: State> {
    Access(Box<Accessor<S>>),
    Conformance(Box<Examined<S>>),
}

impl<S: State> Part<S> {
    fn attach(address: &Address, task: &Task) -> io::Result<Self> {
        let shape = Shape::of(&task.case);
        let handle = S::attach(address, &shape, task.slot)?;
        match task.case.measure {
            Measure::Access => Ok(Self::Access(Box::new(Accessor::new(handle, task)?))),
            Measure::Conformance => Ok(Self::Conformance(Box::new(Examined::new(handle, shape, task.slot)))),
            other => Err(io::Error::other(format!("no state can be asked for `{other}`"))),
        }
    }
}

impl<S: State> Role for Part<S> {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        match *self {
            Self::Access(mut accessor) => access::lead(&mut accessor, leader, task),
            Self::Conformance(mut examined) => examined.lead(leader, task),
        }
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        match *self {
            Self::Access(mut accessor) => access::follow(&mut accessor, member, task),
            Self::Conformance(mut examined) => examined.follow(member, task),
        }
    }
}

/// The address of the order's state. The order's own copy goes with the order, and with it its descriptors.
fn state_of(order: &Order) -> io::Result<Address> {
    let link = order.links.iter().find(|link| link.channel == prepare::CHANNEL);
    link.map(|link| link.address.clone())
        .ok_or_else(|| io::Error::other("an order of this family comes with the state"))
}

/// One process of several.
fn alone<S: State>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, prepare::ROLE, 0);
    let part = Part::<S>::attach(&state_of(&order)?, &task)?;
    let slots = order.slots;
    drop(order);
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(part), page, talk, slots, &task)
}

/// The process that keeps the state. It answers from threads of its own until everybody has gone, which is after the trial:
/// the leader looks at everything once more in the end.
fn keep<S: State>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, prepare::KEEPER, 0);
    let (address, shape) = (state_of(&order)?, Shape::of(&order.case));
    drop(order);
    thread::scope(|scope| {
        let service = scope.spawn(|| S::keep(address, &shape));
        talk.exchange(vec![])?;
        talk.ready_go()?;
        let report = access::beside(&mut Member::new(page, task.slot), &task)?;
        service.join().map_err(|_| io::Error::other("the keeper's thread panicked"))??;
        Ok(report)
    })
}

/// All users as threads of this process, which also makes the state.
fn host<S: State>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, prepare::ROLE, slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let places = S::create(&Shape::of(&order.case))?;
    talk.exchange(vec![])?;
    let role = |address: Address| -> Attach { Box::new(move |task| Ok(Box::new(Part::<S>::attach(&address, task)?))) };
    let roles = places.seats.into_iter().map(role).collect();
    threads::play(order, page, talk, &tasks, roles, &threads::gather)
}
