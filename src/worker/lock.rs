//! A holder of a lock: as a process of its own, or all of them as threads of one.

use std::io;
use std::sync::mpsc;
use std::thread;

use super::Talk;
use super::host::CallOff;
use crate::address::{self, Address, End};
use crate::control::{Leader, Member, Page};
use crate::lock::{Lock, Seat, Visitor, prepare};
use crate::measure::locks::acquire::Taker;
use crate::measure::locks::contention::Contender;
use crate::measure::locks::tickets::Seller;
use crate::measure::locks::{self, Ledger};
use crate::measure::paired::{self, Floor};
use crate::measure::{Findings, Task, Trouble};
use crate::pin;
use crate::protocol::{Order, Report};
use crate::record::Measure;

/// Plays the order's role with the lock's type at hand.
pub(super) struct Play<'a> {
    pub(super) order: Order,
    pub(super) page: Page,
    pub(super) talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = Findings;

    fn visit<L: Lock>(self) -> Findings {
        let Self { order, page, talk } = self;
        match order.role.as_str() {
            "host" => host::<L>(&order, &page, talk),
            _ => alone::<L>(order, page, talk),
        }
    }
}

/// What one holder needs to play.
struct Equipment<L: Lock> {
    holder: L::Holder,
    ledger: Ledger,
    floor: Floor,
}

impl<L: Lock> Equipment<L> {
    fn attach(lock: &Address, ledger: &Address, floor: Option<(&Address, End)>, task: &Task) -> io::Result<Self> {
        let seat = Seat { index: task.slot, holders: prepare::holders(&task.case) };
        let floor = floor.map(|(memory, end)| Floor::attach(task, memory, end)).transpose()?;
        Ok(Self {
            holder: L::attach(lock, seat)?,
            ledger: Ledger::attach(ledger)?,
            floor: floor.unwrap_or_else(Floor::none),
        })
    }

    fn lead(self, leader: &mut Leader, task: &Task) -> Findings {
        let Self { holder, ledger, mut floor } = self;
        match task.case.measure {
            Measure::Acquire => Taker::<L>::new(holder, ledger, task).lead(leader, task, &mut floor),
            Measure::Contention => Contender::<L>::new(holder, ledger, task).lead(leader, task, &mut floor),
            Measure::Tickets => Seller::<L>::new(holder, ledger, task).lead(leader, task, &mut floor),
            other => Err(unknown(other)),
        }
    }

    fn follow(self, member: &mut Member, task: &Task) -> Findings {
        let Self { holder, ledger, mut floor } = self;
        match task.case.measure {
            Measure::Acquire => Taker::<L>::new(holder, ledger, task).follow(member, task, &mut floor),
            Measure::Contention => Contender::<L>::new(holder, ledger, task).follow(member, task, &mut floor),
            Measure::Tickets => Seller::<L>::new(holder, ledger, task).follow(member, task, &mut floor),
            other => Err(unknown(other)),
        }
    }
}

fn unknown(measure: Measure) -> Trouble {
    io::Error::other(format!("no lock can be asked for `{measure}`")).into()
}

/// One process of several.
fn alone<L: Lock>(order: Order, page: Page, talk: &mut Talk) -> Findings {
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
    talk.ready_go()?;
    if task.slot == 0 {
        equipment.lead(&mut Leader::new(page, slots), &task)
    } else {
        equipment.follow(&mut Member::new(page, task.slot), &task)
    }
}

/// All holders as threads of this process, which also makes the lock.
fn host<L: Lock>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, prepare::ROLE, slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let (lock, ledger) = (L::create(order.slots)?, Ledger::create()?);
    let memory = Floor::memory(0)?;
    let paired = tasks.len() == 2;
    talk.exchange(vec![])?;

    let (attached, all_attached) = mpsc::channel();
    let equip = |task: &Task, end: End| Equipment::<L>::attach(&lock, &ledger, paired.then_some((&memory, end)), task);
    thread::scope(|scope| {
        let members: Vec<_> = tasks[1..]
            .iter()
            .map(|task| {
                let (attached, control, equip) = (attached.clone(), order.control.clone(), &equip);
                scope.spawn(move || {
                    let page = Page::attach(&control)?;
                    let call_off = CallOff::unless_done(&page);
                    task.cpu.map_or(Ok(()), pin::pin_this_thread)?;
                    let equipment = equip(task, End::Receiver)?;
                    attached.send(()).map_err(io::Error::other)?;
                    let found = equipment.follow(&mut Member::new(page.clone(), task.slot), task)?;
                    call_off.done();
                    Ok(found)
                })
            })
            .collect();
        drop(attached);
        let mut lead = || {
            let call_off = CallOff::unless_done(page);
            let equipment = equip(&tasks[0], End::Sender)?;
            for _ in &tasks[1..] {
                all_attached.recv().map_err(|_| io::Error::other("another thread could not attach"))?;
            }
            talk.ready_go()?;
            let found = equipment.lead(&mut Leader::new(page.clone(), order.slots), &tasks[0])?;
            call_off.done();
            Ok(found)
        };
        let mut all = lead();
        for member in members {
            let followed = member.join().map_err(|_| io::Error::other("a thread panicked"))?;
            all = merge(all, followed);
        }
        all
    })
}

/// One report of all. A failed check outranks the call-off that it caused on the other side.
fn merge(led: Findings, followed: Findings) -> Findings {
    match (led, followed) {
        (Ok(mut led), Ok(Report { mut roles, mut holders, .. })) => {
            led.roles.append(&mut roles);
            led.holders.append(&mut holders);
            Ok(led)
        }
        (_, Err(Trouble::Invalid(why))) | (Err(Trouble::Invalid(why)), _) => Err(Trouble::Invalid(why)),
        (Err(led), _) => Err(led),
        (_, Err(followed)) => Err(followed),
    }
}
