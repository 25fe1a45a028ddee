//! Locks between processes or threads.

use std::io;
use std::marker::PhantomData;

use super::threads::{self, Attached};
use super::{AnyMechanism, Concluded, Mechanism, Talk, unasked};
use crate::address::{self, Address, Endpoint};
use crate::conformance::lock::Examined;
use crate::control::{Leader, Member, Page};
use crate::lock::erased::{AnyHandle, AnyLock};
use crate::lock::{ContenderId, Entry, FAMILY, Lock, MAX_CONTENDERS, contenders};
use crate::measure::locks::acquire::Acquirer;
use crate::measure::locks::contention::Contender;
use crate::measure::locks::cost_model::Counted;
use crate::measure::locks::read_mostly::Accessor;
use crate::measure::locks::tickets::Seller;
use crate::measure::locks::{self, Part, ProtectedState, recover};
use crate::measure::paired::{self, Floor};
use crate::measure::{MeasureError, MeasureResult, Task};
use crate::protocol::RoleSpec;
use crate::protocol::{Link, Order, Report};
use crate::record::{Case, CostModel, Counts, Group, Isolation, KillPoint, Measure, Role};
use crate::variant::{Variant, answers};

/// Number of the channel that carries the lock.
const CHANNEL: u32 = 0;

struct Row<L>(PhantomData<fn() -> L>);

impl Entry for AnyMechanism {
    fn of<L: Lock>() -> Self {
        &Row::<L>(PhantomData)
    }
}

impl<L: Lock> Mechanism for Row<L> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            wait: L::WAIT,
            summary: L::SUMMARY,
            measures: L::MEASURES,
            polls: L::POLLS,
            unavailable: L::unavailable(),
            ..Variant::of(FAMILY, row, L::GROUP, *isolation)
        };
        L::ISOLATIONS.iter().map(one).collect()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, L::ISOLATIONS, L::MEASURES)?;
        if !(1..=MAX_CONTENDERS).contains(&contenders(case)) {
            return Err(format!("a lock trial has 1 to {MAX_CONTENDERS} contenders, not {}", contenders(case)));
        }
        if case.measure == Measure::Recover && case.isolation == Isolation::Thread {
            return Err("a thread cannot be killed without its process, so none would be left to recover".to_owned());
        }
        if case.params.kill_point == Some(KillPoint::Releasing) && !L::WAKES {
            return Err(format!(
                "`{}` is released without a separate system call that wakes a waiter, so the holder cannot be killed between the two",
                case.row()
            ));
        }
        locks::supports(case, Some(L::GUARD))
    }

    fn group(&self) -> Option<Group> {
        Some(L::GROUP)
    }

    fn roles(&self, case: &Case) -> u32 {
        contenders(case)
    }

    /// The contenders also share the protected state.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        // One worker forks the processes that are killed or recover the lock, and creates a lock for each kill. They
        // use its two slots.
        if case.measure == Measure::Recover {
            return Ok(vec![RoleSpec { role: Role::Warden, links: vec![], slots: 2 }]);
        }
        let contenders = contenders(case);
        if case.isolation == Isolation::Thread {
            return Ok(vec![RoleSpec::host(contenders)]);
        }
        let (lock, ledger) = (L::create(contenders)?, ProtectedState::create()?);
        // All contenders get the same endpoint.
        let link = |channel, address: &Address| Link {
            channel,
            end: Endpoint::Sender,
            address: address.only(Endpoint::Sender),
        };
        let links = || vec![link(CHANNEL, &lock), link(locks::CHANNEL, &ledger)];
        Ok((0..contenders).map(|_| RoleSpec { role: Role::Contender, links: links(), slots: 1 }).collect())
    }

    fn has_paired_floor(&self) -> bool {
        true
    }

    fn conclude(&self, _: &Case, reports: &[Report]) -> Concluded {
        locks::conclude(reports, L::GUARD)
    }

    /// Returns `None` for mixed reads and writes, since no single access is typical.
    fn cost_model(&self, case: &Case) -> Option<CostModel> {
        let cost = L::cost();
        match case.measure {
            Measure::ReadMostly => None,
            measure if measure == Measure::Acquire || contenders(case) == 1 => {
                Some(CostModel { sender: cost.alone, ..CostModel::default() })
            }
            _ => {
                // A lock that is free without a system call needs one only for a waiter that sleeps.
                let side = |counts: Counts| match cost.alone.system_calls {
                    0.0 => Counts { calls_to_sleep: counts.system_calls, ..counts },
                    _ => counts,
                };
                Some(CostModel { sender: side(cost.release), receiver: side(cost.acquire), ..CostModel::default() })
            }
        }
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        match order.role {
            Role::Host => host::<L>(&order, &page, talk),
            Role::Warden => warden(&AnyLock::of::<L>(), &order, &page, talk),
            _ => alone::<L>(order, page, talk),
        }
    }
}

/// A contender's lock, protected state and floor.
struct Equipment<L: Lock> {
    holder: L::Handle,
    ledger: ProtectedState,
    floor: Floor,
}

impl<L: Lock> Equipment<L> {
    fn attach(lock: &Address, ledger: &Address, floor: Option<(&Address, Endpoint)>, task: &Task) -> io::Result<Self> {
        let contender = ContenderId { index: task.slot, contenders: contenders(&task.case) };
        let floor = floor.map(|(memory, end)| Floor::attach(task, memory, end)).transpose()?;
        Ok(Self {
            holder: L::attach(lock, contender)?,
            ledger: ProtectedState::attach(ledger)?,
            floor: floor.unwrap_or_else(Floor::none),
        })
    }

    /// Creates the role's code for the measure.
    fn part(self, task: &Task) -> Result<(Box<dyn Part>, Floor), MeasureError> {
        let Self { holder, ledger, floor } = self;
        let part: Box<dyn Part> = match task.case.measure {
            Measure::Acquire => Box::new(Acquirer::<L>::new(holder, ledger, task)),
            Measure::Contention => Box::new(Contender::<L>::new(holder, ledger, task)),
            Measure::ReadMostly => Box::new(Accessor::<L>::new(holder, ledger, task)),
            Measure::Tickets => Box::new(Seller::<L>::new(holder, ledger, task)),
            Measure::CostModel => Box::new(Counted::new(&AnyLock::of::<L>(), AnyHandle::new(holder), ledger, task)),
            Measure::Conformance => Box::new(Examined::new(AnyLock::of::<L>(), AnyHandle::new(holder), ledger, task)),
            _ => return Err(unasked(&task.case)),
        };
        Ok((part, floor))
    }
}

impl<L: Lock> Attached for Equipment<L> {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        let (mut part, mut floor) = self.part(task)?;
        part.lead(leader, task, &mut floor)
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        let (mut part, mut floor) = self.part(task)?;
        part.follow(member, task, &mut floor)
    }
}

/// Runs one of several processes.
fn alone<L: Lock>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, order.role, 0);
    let floor = order.link(paired::CHANNEL).ok().map(|link| (&link.address, link.end));
    let (lock, ledger) = (order.link(CHANNEL)?, order.link(locks::CHANNEL)?);
    let equipment = Equipment::<L>::attach(&lock.address, &ledger.address, floor, &task)?;
    let slots = order.slots;
    // Closes the links' descriptors.
    drop(order);
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(equipment), page, talk, slots, &task)
}

/// Runs the single-threaded process whose children use the lock and are killed.
fn warden(lock: &AnyLock, order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    address::lease_as_worker(&order.run_id)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    recover::watch(lock, order, page)
}

/// Runs all contenders as threads of this process, which also creates the lock.
fn host<L: Lock>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, Role::Contender, slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let (lock, ledger) = (L::create(order.slots)?, ProtectedState::create()?);
    let floor = if tasks.len() == 2 { Some(Floor::memory(0)?) } else { None };
    talk.exchange(vec![])?;
    let attach = |task: &Task| -> io::Result<Box<dyn Attached>> {
        let end = if task.slot == 0 { Endpoint::Sender } else { Endpoint::Receiver };
        let floor = floor.as_ref().map(|memory| (memory, end));
        Ok(Box::new(Equipment::<L>::attach(&lock, &ledger, floor, task)?))
    };
    threads::play(order, page, talk, &tasks, threads::alike(&tasks, &attach), &threads::gather)
}
