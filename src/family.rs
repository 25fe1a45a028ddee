//! The families behind one door: what there is, what a case needs, who plays which role.
//!
//! The harness knows no mechanism; it asks here. A new family is a file below that implements `Family`, and its line in
//! `FAMILIES`.

mod concurrency;
mod floors;
mod isolation;
mod launch;
mod lock;
mod participant;
mod play;
mod pool;
mod queue;
mod server;
mod shared_state;
mod transport;

use std::io;

use crate::address::{Endpoint, Name};
use crate::control::Page;
use crate::lock::Lock;
use crate::measure::{MeasureResult, paired};
use crate::protocol::{Link, Order, Report};
use crate::record::{Anatomy, Case};
use crate::transport::Transport;

pub use crate::measure::locks::Concluded;
pub use crate::variant::{RoleSpec, Variant};
pub(crate) use play::Talk;
pub(crate) use play::launch::{NEWBORN_ARGUMENT, be_newborn};

/// The role of a process that only burns CPU time beside a trial.
pub const HOG: &str = "hog";

/// Every family.
const FAMILIES: &[&dyn Family] = &[
    &transport::Transports,
    &lock::Locks,
    &launch::Launches,
    &isolation::Isolations,
    &pool::Pools,
    &queue::Queues,
    &shared_state::SharedStates,
    &server::Servers,
    &concurrency::Concurrencies,
    &floors::Floors,
];

/// What a family says about its mechanisms and their trials.
trait Family: Sync {
    /// Its name in cases and keys.
    fn name(&self) -> &'static str;
    /// Every way its mechanisms can be run, with what this machine lacks.
    fn variants(&self) -> Vec<Variant>;
    /// Whether `case` can run, before any process starts.
    ///
    /// Errors: the reason, with the limit that stands in the way.
    fn supports(&self, case: &Case) -> Result<(), String>;
    /// The case with what its mechanism decides where the plan left it open.
    fn resolved(&self, case: &Case) -> Case;
    /// Makes the objects of a trial and says which roles it wants; slot 0, the first, leads.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>>;
    /// Plays the order's role, in its worker.
    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult;
    /// Roles of a trial that are at work at the same time.
    fn roles(&self, case: &Case) -> u32;
    /// Whether two roles of a trial also share memory for the paired floor.
    fn has_paired_floor(&self) -> bool {
        false
    }
    /// Whether the roles count the same messages, so that each must have done what all agreed on; else the leader has
    /// checked the sum.
    fn counts_agree(&self, _: &Case) -> bool {
        false
    }
    /// The place of the role on `slot` when CPUs are dealt out in turn.
    fn turn(&self, _: &Case, slot: u32) -> u32 {
        slot
    }
    /// What the reports of all roles say together, where no single one can say it.
    fn conclude(&self, _: &Case, _: &[Report]) -> Concluded {
        Concluded::default()
    }
    /// What one unit of work is declared to cost, where the mechanism declares it.
    fn anatomy(&self, _: &Case) -> Option<Anatomy> {
        None
    }
}

/// One worker that plays all roles, `slots` of them, and makes what it needs itself.
fn hosted(slots: u32) -> Vec<RoleSpec> {
    vec![RoleSpec { role: "host", links: vec![], slots }]
}

fn of(case: &Case) -> io::Result<&'static dyn Family> {
    if case.program.is_some() {
        return Ok(&participant::Participants);
    }
    let found = FAMILIES.iter().find(|family| family.name() == case.family);
    found.copied().ok_or_else(|| io::Error::other(format!("there is no family `{}`", case.family)))
}

/// Plays the order's role, in its worker. The leader then ends the trial for CPU hogs too.
pub(crate) fn play(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    if order.role == HOG {
        return play::hog::burn(&page, talk);
    }
    let (leads, shared) = (order.slot == 0, page.clone());
    let found = of(&order.case)?.play(order, page, talk);
    if leads {
        shared.set_over();
    }
    found
}

/// Adds a transport of another crate beside those of this one, as the first thing in `main`, in workers too.
///
/// Panics: the name is taken, or does not end in the transport's own wait.
pub fn add_transport<T: Transport>(name: &'static str) {
    transport::add::<T>(name);
}

/// Adds a lock of another crate beside those of this one, as the first thing in `main`, in workers too.
///
/// Panics: the name is taken, or does not end in the lock's own wait.
pub fn add_lock<L: Lock>(name: &'static str) {
    lock::add::<L>(name);
}

/// Checks that a row's name is `mechanism/wait`, or `mechanism` where nothing waits, as cases spell it.
fn check_name(name: &str, all: &[Variant]) {
    let due = all.first().map_or_else(String::new, Variant::row);
    assert!(due == name, "a row is named by its mechanism and its wait: `{due}`, not `{name}`");
}

/// Every variant of every family, with what this machine lacks.
///
/// ```
/// let variants = ipcmark::family::variants();
/// let pipe = variants.iter().find(|variant| variant.mechanism == "pipe").expect("a row of ours");
/// assert_eq!(pipe.family, "transport");
/// ```
pub fn variants() -> Vec<Variant> {
    FAMILIES.iter().flat_map(|family| family.variants()).collect()
}

/// The families that a plan can ask, whoever plays their roles.
pub fn names() -> Vec<&'static str> {
    let names = FAMILIES.iter().map(|family| family.name());
    names.filter(|name| *name != crate::measure::floors::FAMILY).collect()
}

/// Whether `case` can run, before any process starts.
///
/// Errors: the reason, with the limit that stands in the way.
///
/// ```
/// use ipcmark::family;
/// use ipcmark::record::{Measure, Wait};
///
/// let variants = family::variants();
/// let mailbox = variants.iter().find(|variant| variant.row() == "shm-mailbox/spin").expect("a row of ours");
/// let case = mailbox.case(Measure::Stream);
/// assert!(family::supports(&case.clone().with(|p| p.message_bytes = Some(64))).is_ok());
/// assert!(family::supports(&case.with(|p| p.depth = Some(2))).unwrap_err().contains("one message"));
/// ```
pub fn supports(case: &Case) -> Result<(), String> {
    of(case).map_err(|error| error.to_string())?.supports(case)
}

/// The case with what its mechanism decides where the plan left it open, as a record should name it. Its key stays that
/// of the plan.
pub fn resolved(case: &Case) -> Case {
    of(case).map_or_else(|_| case.clone(), |family| family.resolved(case))
}

/// Makes the objects of a trial and says which roles it wants; slot 0, the first, leads. Two processes also share memory
/// for the paired floor. Hogs come last and have no slot: they take no part in phases.
///
/// The harness keeps the result until every role is ready, then [`release`]s it.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    let family = of(case)?;
    let mut roles = family.prepare(case)?;
    if let ([first, second], true) = (roles.as_mut_slice(), family.has_paired_floor()) {
        let memory = paired::Floor::memory(case.params.message_bytes.unwrap_or(0) as usize)?;
        for (role, end) in [(first, Endpoint::Sender), (second, Endpoint::Receiver)] {
            role.links.push(Link { channel: paired::CHANNEL, end, address: memory.only(end) });
        }
    }
    let hog = || RoleSpec { role: HOG, links: vec![], slots: 0 };
    roles.extend(std::iter::repeat_with(hog).take(case.params.hogs.unwrap_or(0) as usize));
    Ok(roles)
}

/// Roles of a trial that are at work at the same time.
pub fn roles(case: &Case) -> u32 {
    of(case).map_or(1, |family| family.roles(case))
}

/// Whether the roles count the same messages, so that each must have done what all agreed on; else the leader has checked
/// the sum.
pub fn counts_agree(case: &Case) -> bool {
    of(case).is_ok_and(|family| family.counts_agree(case))
}

/// The place of the role on `slot` when CPUs are dealt out in turn.
pub fn turn(case: &Case, slot: u32) -> u32 {
    of(case).map_or(slot, |family| family.turn(case, slot))
}

/// What the reports of all roles say together, where no single one can say it.
pub fn conclude(case: &Case, reports: &[Report]) -> Concluded {
    of(case).map_or_else(|_| Concluded::default(), |family| family.conclude(case, reports))
}

/// Removes the names a trial used, once all have attached. Descriptors close as the specs are dropped. Gives back the
/// names that have to stay until the roles are done.
#[must_use]
pub fn release(roles: Vec<RoleSpec>) -> Vec<Name> {
    roles.into_iter().flat_map(|role| role.links).filter_map(|link| link.address.release()).collect()
}

/// What one message of `case` is declared to cost, where the mechanism declares it.
pub fn anatomy(case: &Case) -> Option<Anatomy> {
    of(case).ok().and_then(|family| family.anatomy(case))
}
