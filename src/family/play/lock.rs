//! A holder of a lock: as a process of its own, or all of them as threads of one.

use std::io;

use super::Talk;
use super::threads::{self, Role};
use crate::address::{self, Address, Endpoint};
use crate::conformance::lock::Examined;
use crate::control::{Leader, Member, Page};
use crate::lock::erased::{AnyHolder, AnyLock};
use crate::lock::{ContenderId, Lock, prepare};
use crate::measure::locks::acquire::Taker;
use crate::measure::locks::anatomy::Counted;
use crate::measure::locks::contention::Contender;
use crate::measure::locks::read_mostly::Accessor;
use crate::measure::locks::tickets::Seller;
use crate::measure::locks::{self, Part, ProtectedState, recover};
use crate::measure::paired::{self, Floor};
use crate::measure::{MeasureError, MeasureResult, Task};
use crate::protocol::Order;
use crate::record::Measure;

/// Plays the order's role with the lock `L`.
pub(crate) fn play<L: Lock>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    match order.role.as_str() {
        "host" => host::<L>(&order, &page, talk),
        prepare::WARDEN => warden(&AnyLock::of::<L>(), &order, &page, talk),
        _ => alone::<L>(order, page, talk),
    }
}

/// What one holder needs to play.
struct Equipment<L: Lock> {
    holder: L::Holder,
    ledger: ProtectedState,
    floor: Floor,
}

impl<L: Lock> Equipment<L> {
    fn attach(lock: &Address, ledger: &Address, floor: Option<(&Address, Endpoint)>, task: &Task) -> io::Result<Self> {
        let contender = ContenderId { index: task.slot, contenders: prepare::holders(&task.case) };
        let floor = floor.map(|(memory, end)| Floor::attach(task, memory, end)).transpose()?;
        Ok(Self {
            holder: L::attach(lock, contender)?,
            ledger: ProtectedState::attach(ledger)?,
            floor: floor.unwrap_or_else(Floor::none),
        })
    }

    /// What the measure asks of this holder.
    fn part(self, task: &Task) -> Result<(Box<dyn Part>, Floor), MeasureError> {
        let Self { holder, ledger, floor } = self;
        let part: Box<dyn Part> = match task.case.measure {
            Measure::Acquire => Box::new(Taker::<L>::new(holder, ledger, task)),
            Measure::Contention => Box::new(Contender::<L>::new(holder, ledger, task)),
            Measure::ReadMostly => Box::new(Accessor::<L>::new(holder, ledger, task)),
            Measure::Tickets => Box::new(Seller::<L>::new(holder, ledger, task)),
            Measure::CostModel => Box::new(Counted::new(&AnyLock::of::<L>(), AnyHolder::new(holder), ledger, task)),
            Measure::Conformance => Box::new(Examined::new(AnyLock::of::<L>(), AnyHolder::new(holder), ledger, task)),
            other => return Err(io::Error::other(format!("no lock can be asked for `{other}`")).into()),
        };
        Ok((part, floor))
    }
}

impl<L: Lock> Role for Equipment<L> {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        let (mut part, mut floor) = self.part(task)?;
        part.lead(leader, task, &mut floor)
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        let (mut part, mut floor) = self.part(task)?;
        part.follow(member, task, &mut floor)
    }
}

/// One process of several.
fn alone<L: Lock>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, prepare::ROLE, 0);
    let link = |channel: u32| {
        let found = order.links.iter().find(|link| link.channel == channel);
        found.ok_or_else(|| io::Error::other(format!("a holder's order comes with channel {channel}")))
    };
    let floor = order.links.iter().find(|link| link.channel == paired::CHANNEL);
    let floor = floor.map(|link| (&link.address, link.end));
    let (lock, ledger) = (link(prepare::CHANNEL)?, link(locks::CHANNEL)?);
    let equipment = Equipment::<L>::attach(&lock.address, &ledger.address, floor, &task)?;
    let slots = order.slots;
    // With the links go their descriptors.
    drop(order);
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(equipment), page, talk, slots, &task)
}

/// A process of one thread whose children want the lock, and are killed.
fn warden(lock: &AnyLock, order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    address::lease_as_worker(&order.run_id)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    recover::watch(lock, order, page)
}

/// All holders as threads of this process, which also makes the lock.
fn host<L: Lock>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, prepare::ROLE, slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let (lock, ledger) = (L::create(order.slots)?, ProtectedState::create()?);
    let floor = if tasks.len() == 2 { Some(Floor::memory(0)?) } else { None };
    talk.exchange(vec![])?;
    let attach = |task: &Task| -> io::Result<Box<dyn Role>> {
        let end = if task.slot == 0 { Endpoint::Sender } else { Endpoint::Receiver };
        let floor = floor.as_ref().map(|memory| (memory, end));
        Ok(Box::new(Equipment::<L>::attach(&lock, &ledger, floor, task)?))
    };
    threads::play(order, page, talk, &tasks, threads::alike(&tasks, &attach), &threads::gather)
}
