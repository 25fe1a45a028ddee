//! Registry of all mechanisms, by family: variants, support, roles and cost of a case.
//!
//! The harness names no mechanism; it calls the functions of this module. A new family is a file below with an
//! implementation of `Mechanism`, and its line in `FAMILIES`.

mod concurrency;
mod core_to_core;
mod floors;
mod isolation;
mod launch;
mod lock;
mod participant;
mod pool;
mod queue;
mod server;
mod shared_state;
mod talk;
mod threads;
mod transport;

use std::io;
use std::sync::{LazyLock, PoisonError, RwLock};

use crate::abort;
use crate::address::{Endpoint, Name};
use crate::control::Page;
use crate::lock::Lock;
use crate::measure::{MeasureError, MeasureResult, paired};
use crate::protocol::{Link, Order, Report};
use crate::record::{Case, CostModel, Group, Role};
use crate::transport::Transport;

pub use crate::measure::locks::Concluded;
pub use crate::protocol::RoleSpec;
pub use crate::variant::Variant;
pub(crate) use launch::{STARTED_ARGUMENT, run_started};
pub(crate) use talk::Talk;

/// A mechanism that can be measured: describes itself, and prepares and plays the roles of a trial. Each family implements
/// it for its mechanisms' types.
trait Mechanism: Sync {
    /// All variants of this row, with the reason if this machine cannot run one.
    fn variants(&self, row: &'static str) -> Vec<Variant>;
    /// Checks that `case` can run, before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(&self, case: &Case) -> Result<(), String>;
    /// Kind of mechanism, for records.
    fn group(&self) -> Option<Group> {
        None
    }
    /// The case, completed with the mechanism's choices where the plan leaves them open.
    fn resolved(&self, case: &Case) -> Case {
        case.clone()
    }
    /// Number of roles that run at the same time.
    fn roles(&self, case: &Case) -> u32;
    /// Makes the objects of a trial and describes its roles; slot 0, the first, is the leader.
    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok(vec![RoleSpec::host(self.roles(case))])
    }
    /// Plays the role of an order, in its worker.
    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult;
    /// True if two roles of a trial also share memory for the paired floor.
    fn has_paired_floor(&self) -> bool {
        false
    }
    /// True if all roles count the same messages, so that each must have reached the agreed count; otherwise the leader
    /// has checked the sum.
    fn counts_agree(&self, _: &Case) -> bool {
        false
    }
    /// Index of the role on `slot` in the list of CPUs.
    fn turn(&self, _: &Case, slot: u32) -> u32 {
        slot
    }
    /// Results computed from the reports of all roles together.
    fn conclude(&self, _: &Case, _: &[Report]) -> Concluded {
        Concluded::default()
    }
    /// Declared cost of one unit of work, if the mechanism declares it.
    fn cost_model(&self, _: &Case) -> Option<CostModel> {
        None
    }
}

/// A mechanism of any family.
type AnyMechanism = &'static dyn Mechanism;

/// Mechanisms of one family by row: `mechanism/wait`, or `mechanism` where nothing waits.
type Mechanisms = Vec<(&'static str, AnyMechanism)>;

/// A family's name in cases and keys, and its mechanisms.
type Family = (&'static str, fn() -> Mechanisms);

/// Every family.
const FAMILIES: &[Family] = &[
    (crate::transport::FAMILY, crate::transport::rows),
    (crate::lock::FAMILY, crate::lock::rows),
    (crate::launch::FAMILY, launch::rows),
    (crate::isolation::FAMILY, crate::isolation::rows),
    (crate::pool::FAMILY, crate::pool::rows),
    (crate::queue::FAMILY, crate::queue::rows),
    (crate::shared_state::FAMILY, crate::shared_state::rows),
    (crate::server::FAMILY, crate::server::rows),
    (crate::concurrency::FAMILY, crate::concurrency::rows),
    (crate::measure::floors::FAMILY, floors::rows),
];

/// A row of the registry.
#[derive(Clone, Copy)]
struct Row {
    family: &'static str,
    name: &'static str,
    mechanism: AnyMechanism,
}

/// The registry: the rows of this library, and those that a program adds.
static ROWS: LazyLock<RwLock<Vec<Row>>> = LazyLock::new(|| {
    let rows = FAMILIES
        .iter()
        .flat_map(|(family, rows)| rows().into_iter().map(|(name, mechanism)| Row { family, name, mechanism }));
    RwLock::new(rows.collect())
});

fn rows() -> Vec<Row> {
    ROWS.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The mechanism of the case.
fn of(case: &Case) -> io::Result<AnyMechanism> {
    if case.program.is_some() {
        return Ok(&participant::Participant);
    }
    let name = case.row();
    let rows = ROWS.read().unwrap_or_else(PoisonError::into_inner);
    let found = rows.iter().find(|row| row.family == case.family && row.name == name);
    let unknown = || io::Error::other(format!("there is no {} `{name}`; `ipcmark list` names all", case.family));
    found.map(|row| row.mechanism).ok_or_else(unknown)
}

/// Error for an order that [`supports`] should have refused before.
fn unasked(case: &Case) -> MeasureError {
    io::Error::other(format!("`{}` cannot be asked for `{}`", case.row(), case.measure)).into()
}

/// Adds a row at the end of its family.
///
/// Panics: the name is taken, or does not end in the mechanism's own wait.
fn add(family: &'static str, name: &'static str, mechanism: AnyMechanism) {
    let due = mechanism.variants(name).first().map_or_else(String::new, Variant::row);
    assert!(due == name, "a row is named by its mechanism and its wait: `{due}`, not `{name}`");
    let mut rows = ROWS.write().unwrap_or_else(PoisonError::into_inner);
    let taken = rows.iter().any(|row| row.family == family && row.name == name);
    assert!(!taken, "there is a row `{name}` already");
    let at = rows.iter().rposition(|row| row.family == family).map_or(rows.len(), |last| last + 1);
    rows.insert(at, Row { family, name, mechanism });
}

/// Adds a transport of another crate, as the first thing in `main`, in workers too.
///
/// Panics: the name is taken, or does not end in the transport's own wait.
pub fn add_transport<T: Transport>(name: &'static str) {
    add(crate::transport::FAMILY, name, <AnyMechanism as crate::transport::Entry>::of::<T>());
}

/// Adds a lock of another crate, as the first thing in `main`, in workers too.
///
/// Panics: the name is taken, or does not end in the lock's own wait.
pub fn add_lock<L: Lock>(name: &'static str) {
    add(crate::lock::FAMILY, name, <AnyMechanism as crate::lock::Entry>::of::<L>());
}

/// Plays the order's role, in its worker. The leader then ends the trial for CPU hogs too.
pub(crate) fn play(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    if order.role == Role::Hog {
        return burn(&page, talk);
    }
    let (leads, shared) = (order.slot == 0, page.clone());
    let found = of(&order.case)?.play(order, page, talk);
    if leads {
        shared.set_over();
    }
    found
}

/// Rounds between two looks at the control page, a line that the leader seldom writes.
const HOG_ROUNDS: u32 = 10_000;

/// Burns CPU time until the trial is over.
fn burn(page: &Page, talk: &mut Talk) -> MeasureResult {
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let mut number = 1u64;
    while !page.is_over() && !abort::requested() {
        for _ in 0..HOG_ROUNDS {
            number = std::hint::black_box(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7));
        }
    }
    Ok(Report::default())
}

/// Every variant of every family, with what this machine lacks.
///
/// ```
/// let variants = ipcmark::family::variants();
/// let pipe = variants.iter().find(|variant| variant.mechanism == "pipe").expect("a row of ours");
/// assert_eq!(pipe.family, "transport");
/// ```
pub fn variants() -> Vec<Variant> {
    rows().iter().flat_map(|row| row.mechanism.variants(row.name)).collect()
}

/// Families that a plan may name, whichever program plays their roles.
pub fn names() -> Vec<&'static str> {
    let names = FAMILIES.iter().map(|(name, _)| *name);
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
    of(case).map_or_else(
        |_| case.clone(),
        |mechanism| Case { group: mechanism.group().or(case.group), ..mechanism.resolved(case) },
    )
}

/// Makes the objects of a trial and its roles; slot 0, the first, leads. Two processes also share memory for the paired
/// floor. Hogs come last and have no slot: they take no part in phases.
///
/// The harness keeps the result until every role is ready, then [`release`]s it.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    let mechanism = of(case)?;
    let mut roles = mechanism.prepare(case)?;
    if let ([first, second], true) = (roles.as_mut_slice(), mechanism.has_paired_floor()) {
        let memory = paired::Floor::memory(case.params.message_bytes.unwrap_or(0) as usize)?;
        for (role, end) in [(first, Endpoint::Sender), (second, Endpoint::Receiver)] {
            role.links.push(Link { channel: paired::CHANNEL, end, address: memory.only(end) });
        }
    }
    let hog = || RoleSpec { role: Role::Hog, links: vec![], slots: 0 };
    roles.extend(std::iter::repeat_with(hog).take(case.params.hogs.unwrap_or(0) as usize));
    Ok(roles)
}

/// Number of roles that work at the same time.
pub fn roles(case: &Case) -> u32 {
    of(case).map_or(1, |mechanism| mechanism.roles(case))
}

/// Whether the roles count the same messages, so that each must have done what all agreed on; else the leader has checked
/// the sum.
pub fn counts_agree(case: &Case) -> bool {
    of(case).is_ok_and(|mechanism| mechanism.counts_agree(case))
}

/// The place of the role on `slot` when CPUs are dealt out in turn.
pub fn turn(case: &Case, slot: u32) -> u32 {
    of(case).map_or(slot, |mechanism| mechanism.turn(case, slot))
}

/// Results that take the reports of all roles.
pub fn conclude(case: &Case, reports: &[Report]) -> Concluded {
    of(case).map_or_else(|_| Concluded::default(), |mechanism| mechanism.conclude(case, reports))
}

/// Removes the names a trial used, once all have attached. Descriptors close as the specs are dropped. Gives back the
/// names that have to stay until the roles are done.
#[must_use]
pub fn release(roles: Vec<RoleSpec>) -> Vec<Name> {
    roles.into_iter().flat_map(|role| role.links).filter_map(|link| link.address.release()).collect()
}

/// Declared cost of one message of `case`, if the mechanism declares it.
pub fn cost_model(case: &Case) -> Option<CostModel> {
    of(case).ok().and_then(|mechanism| mechanism.cost_model(case))
}
