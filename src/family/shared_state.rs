//! State that several processes or threads read and write.

use std::io;
use std::marker::PhantomData;
use std::thread;

use super::threads::{self, Attach, Attached};
use super::{AnyMechanism, Concluded, Mechanism, Talk};
use crate::address::{self, Address, Endpoint};
use crate::conformance::shared_state::Examined;
use crate::control::{Leader, MAX_SLOTS, Member, Page};
use crate::measure::access::{self, Accessor};
use crate::measure::{MeasureResult, Task};
use crate::protocol::RoleSpec;
use crate::protocol::{Link, Order, Report};
use crate::record::{Case, Group, Isolation, Measure, Role};
use crate::shared_state::{Addresses, Entry, FAMILY, Shape, State};
use crate::variant::{Variant, answers};

/// Number of the channel that carries the state.
const CHANNEL: u32 = 0;

/// Limits of a value: its first word holds the version, and a socket buffer must hold a response.
const VALUE_BYTES_MIN: u64 = 8;
const VALUE_BYTES_MAX: u64 = 64 << 10;
/// Maximum memory of one state.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Maximum number of keys with a manager, since one request per key fills the state before a trial.
const MANAGER_KEYS_MAX: u32 = 1 << 16;

const MEASURES: &[Measure] = &[Measure::Access, Measure::Conformance];

struct Row<S>(PhantomData<fn() -> S>);

impl Entry for AnyMechanism {
    fn of<S: State>() -> Self {
        &Row::<S>(PhantomData)
    }
}

impl<S: State> Mechanism for Row<S> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            wait: Some(S::WAIT),
            summary: S::SUMMARY,
            measures: MEASURES,
            polls: S::POLLS,
            ..Variant::of(FAMILY, row, S::GROUP, *isolation)
        };
        S::ISOLATIONS.iter().map(one).collect()
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        let shape = Shape::of(case);
        answers(case, S::ISOLATIONS, MEASURES)?;
        let users_max = MAX_SLOTS - u32::from(S::HAS_MANAGER);
        if !(1..=users_max).contains(&shape.users) {
            return Err(format!("1 to {users_max} can use `{}` in a trial, not {}", case.row(), shape.users));
        }
        let bytes = shape.value_bytes as u64;
        if !(VALUE_BYTES_MIN..=VALUE_BYTES_MAX).contains(&bytes) {
            return Err(format!("a value has {VALUE_BYTES_MIN} to {VALUE_BYTES_MAX} bytes, not {bytes}"));
        }
        if S::HAS_MANAGER && shape.keys > MANAGER_KEYS_MAX {
            return Err(format!(
                "`{}` is filled by one request a key, of which there may be {MANAGER_KEYS_MAX}, not {}",
                case.row(),
                shape.keys
            ));
        }
        let memory = S::memory_bytes(&shape);
        if memory > MEMORY_BYTES_MAX {
            return Err(format!(
                "{} keys of {bytes} bytes would take {memory} bytes here, and a state may take {MEMORY_BYTES_MAX}",
                shape.keys
            ));
        }
        if case.measure == Measure::Access { access::supports(case) } else { Ok(()) }
    }

    fn group(&self) -> Option<Group> {
        Some(S::GROUP)
    }

    fn resolved(&self, case: &Case) -> Case {
        let shape = Shape::of(case);
        case.clone().with(|p| {
            p.message_bytes = Some(shape.value_bytes as u64);
            p.keys = Some(shape.keys);
        })
    }

    fn roles(&self, case: &Case) -> u32 {
        Shape::of(case).users + u32::from(S::HAS_MANAGER)
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        let shape = Shape::of(case);
        if case.isolation == Isolation::Thread {
            return Ok(vec![RoleSpec::host(shape.users)]);
        }
        let Addresses { manager, users } = S::create(&shape)?;
        let role =
            |role, end, address| RoleSpec { role, links: vec![Link { channel: CHANNEL, end, address }], slots: 1 };
        let users = users.into_iter().map(|address| role(Role::Accessor, Endpoint::Sender, address));
        Ok(users.chain(manager.map(|address| role(Role::Manager, Endpoint::Receiver, address))).collect())
    }

    fn conclude(&self, _: &Case, reports: &[Report]) -> Concluded {
        access::conclude(reports)
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        match order.role {
            Role::Host => host::<S>(&order, &page, talk),
            Role::Manager => keep::<S>(order, page, talk),
            _ => alone::<S>(order, page, talk),
        }
    }
}

/// Code of one user for the measure.
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

impl<S: State> Attached for Part<S> {
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

/// Runs one of several processes.
fn alone<S: State>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, order.role, 0);
    let part = Part::<S>::attach(&order.link(CHANNEL)?.address, &task)?;
    let slots = order.slots;
    drop(order);
    talk.exchange(vec![])?;
    threads::play_alone(Box::new(part), page, talk, slots, &task)
}

/// Runs the manager, which serves from separate threads until the last user disconnects, after the trial: at the end
/// the leader reads all keys.
fn keep<S: State>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, order.role, 0);
    let (address, shape) = (order.link(CHANNEL)?.address.clone(), Shape::of(&order.case));
    drop(order);
    thread::scope(|scope| {
        let service = scope.spawn(|| S::run_manager(address, &shape));
        talk.exchange(vec![])?;
        talk.ready_go()?;
        let report = access::beside(&mut Member::new(page, task.slot), &task)?;
        service.join().map_err(|_| io::Error::other("the manager's thread panicked"))??;
        Ok(report)
    })
}

/// Runs all users as threads of this process, which also creates the state.
fn host<S: State>(order: &Order, page: &Page, talk: &mut Talk) -> MeasureResult {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, Role::Accessor, slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let places = S::create(&Shape::of(&order.case))?;
    talk.exchange(vec![])?;
    let role = |address: Address| -> Attach { Box::new(move |task| Ok(Box::new(Part::<S>::attach(&address, task)?))) };
    let roles = places.users.into_iter().map(role).collect();
    threads::play(order, page, talk, &tasks, roles, &threads::gather)
}
