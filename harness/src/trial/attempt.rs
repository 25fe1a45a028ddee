//! From a case to reports: objects, directory, page, orders, and the conversation with one set of workers.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;

use ipcmark::address::{Descriptor, Name};
use ipcmark::control::Page;
use ipcmark::family::{self, RoleSpec};
use ipcmark::protocol::{Order, PROTOCOL, Report, Timing};
use ipcmark::record::{Count, Placement, RoleCost};

use tempfile::TempDir;

use super::{Session, TrialOrder, TrialResult};
use crate::lease;
use crate::supervise::{Crew, Limits};
use crate::trace::{Calls, Post, Tracer};

/// Messages of a trial that counts instead of timing, unless its order says.
const COUNTED_MESSAGES: u64 = 500;

/// Why a trial has no reports.
pub(super) enum Stopped {
    /// It cannot run here.
    Skipped(String),
    /// It broke.
    Failed(String),
}

/// What one set of workers said and did.
pub(super) struct Attempt {
    /// In order of role; the leader's first.
    pub(super) reports: Vec<Report>,
    /// Who they were.
    pub(super) posts: Vec<Post>,
    /// The CPUs they were pinned to.
    pub(super) cpus: Vec<u32>,
    /// The count on the control page.
    pub(super) page_count: u64,
    /// System calls while hot, in order of role, when they were traced.
    pub(super) calls: Option<Vec<Calls>>,
}

impl Attempt {
    /// All roles' costs, in order of slot.
    pub(super) fn roles(&self) -> impl Iterator<Item = &RoleCost> {
        self.reports.iter().flat_map(|report| &report.roles)
    }

    pub(super) fn migrations(&self) -> u64 {
        self.roles().map(|role| role.migrations).sum()
    }

    /// Hands over what the record says beside the outcome.
    pub(super) fn describe(self, result: &mut TrialResult) {
        result.cpus = self.cpus;
        if let Some(leader) = self.reports.into_iter().next() {
            result.count = Count { messages: leader.messages, chosen_by: leader.chosen_by };
            result.warm_up_ns = leader.warm_up_ns;
            result.floors = leader.floors;
        }
    }
}

/// The objects of a trial. Names are removed when this goes, whatever happened.
struct Objects {
    roles: Vec<RoleSpec>,
    /// What was released and yet has to stay until the workers are done.
    names: Vec<Name>,
}

impl Objects {
    fn of(roles: Vec<RoleSpec>) -> Self {
        Self { roles, names: vec![] }
    }

    /// All are attached: descriptors close, and names go as far as they can.
    fn release(&mut self) {
        self.names.extend(family::release(std::mem::take(&mut self.roles)));
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.release();
        self.names.iter().for_each(Name::remove);
    }
}

/// The trial's directory, in which the workers put what is temporary. It goes with all that it holds.
struct Home(TempDir);

impl Home {
    fn make(session: &Session) -> io::Result<Self> {
        let private = Permissions::from_mode(0o700);
        tempfile::Builder::new().prefix("trial.").permissions(private).tempdir_in(&session.home).map(Self)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        lease::remove_names(self.0.path());
    }
}

/// A trial's timing when nothing is timed: a count and no floor.
pub(super) fn untimed(timing: &Timing) -> Timing {
    Timing { floor_ns: 0, fixed_count: timing.fixed_count.or(Some(COUNTED_MESSAGES)), ..timing.clone() }
}

/// Runs one fresh set of workers from start to end. Whatever happens, they are gone afterwards.
pub(super) fn run(session: &Session, trial: &TrialOrder) -> Result<Attempt, Stopped> {
    let TrialOrder { case, timing, traced, .. } = trial;
    if let Some(signal) = session.signals.arrived() {
        return Err(Stopped::Failed(format!("interrupted by {signal}")));
    }
    let objects = family::prepare(case).map_err(|e| broken("cannot make what the workers share", &e))?;
    let mut objects = Objects::of(objects);
    let home = Home::make(session).map_err(|e| broken("cannot make the trial's directory", &e))?;
    let (page, control) = Page::create().map_err(|e| broken("cannot make the control page", &e))?;

    let orders = orders(session, trial, &objects.roles, &control)?;
    let cpus: Vec<u32> = orders.iter().flat_map(|order| order.cpus.clone()).collect();
    let posts = objects.roles.iter().map(Post::of).collect();
    let limits = Limits::of(case, timing);
    let program = session.program_of(case).map_err(|e| Stopped::Failed(format!("{e:#}")))?;
    let mut crew =
        Crew::start(&program, home.0.path(), orders, &page, &session.signals, limits).map_err(Stopped::Failed)?;
    crew.attach().map_err(Stopped::Failed)?;
    // All are attached. What we still held open would keep end of file and EPIPE from ever arriving.
    objects.release();
    drop(control);

    if *traced {
        crew.trace_with(Tracer::seize(&crew.pids()).map_err(|e| refused(&e))?);
    }
    let reports = crew.work().map_err(Stopped::Failed)?;
    let calls = crew.tracer().map(Tracer::calls).transpose().map_err(|e| refused(&e))?;
    Ok(Attempt { reports, posts, cpus, page_count: page.count(), calls })
}

/// One order a role. Slots and CPUs are dealt out in order.
fn orders(
    session: &Session,
    trial: &TrialOrder,
    roles: &[RoleSpec],
    control: &Descriptor,
) -> Result<Vec<Order>, Stopped> {
    let TrialOrder { case, cpus, timing, fault, .. } = trial;
    let slots: u32 = roles.iter().map(|role| role.slots).sum();
    let spread = case.placement == Placement::Spread;
    if !cpus.is_empty() && !spread && cpus.len() < slots as usize {
        return Err(Stopped::Failed(format!("{slots} roles cannot be pinned to {} CPUs, one each", cpus.len())));
    }
    // One CPU a role, in turn where there are fewer. Hogs have no slot: the first shares the first role's CPU.
    let at = |slot: u32| if spread { family::turn(case, slot) } else { slot } as usize;
    let cpus: Vec<u32> = match cpus.len() {
        0 => vec![],
        places => (0..slots).map(|slot| cpus[at(slot) % places]).collect(),
    };
    let mut hog_cpus = cpus.iter().copied().cycle();
    let mut slot = 0;
    let mut orders = Vec::with_capacity(roles.len());
    for role in roles {
        let own = slot as usize..(slot + role.slots) as usize;
        orders.push(Order {
            protocol: PROTOCOL,
            run_id: session.run_id.clone(),
            role: role.role.to_owned(),
            slot,
            slots,
            case: case.clone(),
            links: role.links.clone(),
            control: control.clone(),
            cpus: match role.slots {
                0 => hog_cpus.by_ref().take(1).collect(),
                _ => cpus.get(own).unwrap_or_default().to_vec(),
            },
            timing: timing.clone(),
            fault: *fault,
        });
        slot += role.slots;
    }
    Ok(orders)
}

fn broken(what: &str, error: &io::Error) -> Stopped {
    Stopped::Failed(format!("{what}: {error}"))
}

/// A machine may well forbid tracing (Yama, a container's seccomp filter): no fault of the mechanism.
fn refused(error: &io::Error) -> Stopped {
    Stopped::Skipped(format!("system calls cannot be traced here: {error}; see ptrace(2) and kernel.yama.ptrace_scope"))
}
