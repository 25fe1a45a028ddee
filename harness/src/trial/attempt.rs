//! From a case to reports: creates shared objects, directory, control page and orders, then runs the workers.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;

use ipcmark::address::{Descriptor, Name};
use ipcmark::control::Page;
use ipcmark::family::{self, RoleSpec};
use ipcmark::protocol::{Order, PROTOCOL, Report, Timing};
use ipcmark::record::{Count, RoleCost};

use tempfile::TempDir;

use super::{Session, TrialOrder, TrialResult};
use crate::lease;
use crate::supervise::{Limits, Workers};
use crate::trace::{Calls, Post, Tracer};

/// Default message count of a trial that counts calls instead of timing.
const COUNTED_MESSAGES: u64 = 500;

/// Why a trial has no reports.
pub(super) enum Stopped {
    /// The case cannot run on this machine.
    Skipped(String),
    /// The trial failed.
    Failed(String),
}

/// Reports of one trial's workers.
pub(super) struct Attempt {
    /// In order of role; the leader's first.
    pub(super) reports: Vec<Report>,
    /// Roles and endpoints of the workers.
    pub(super) posts: Vec<Post>,
    /// CPUs that they were pinned to.
    pub(super) cpus: Vec<u32>,
    /// Message count on the control page.
    pub(super) page_count: u64,
    /// System calls while hot, in order of role, when they were traced.
    pub(super) calls: Option<Vec<Calls>>,
}

impl Attempt {
    /// Costs of all roles, in order of slots.
    pub(super) fn roles(&self) -> impl Iterator<Item = &RoleCost> {
        self.reports.iter().flat_map(|report| &report.roles)
    }

    pub(super) fn migrations(&self) -> u64 {
        self.roles().map(|role| role.migrations).sum()
    }

    /// Fills in what the record contains beside the outcome.
    pub(super) fn describe(self, result: &mut TrialResult) {
        result.cpus = self.cpus;
        if let Some(leader) = self.reports.into_iter().next() {
            result.count = Count { messages: leader.messages, chosen_by: leader.chosen_by };
            result.warm_up_ns = leader.warm_up_ns;
            result.floors = leader.floors;
        }
    }
}

/// Objects of a trial. Dropping it removes their names.
struct Objects {
    roles: Vec<RoleSpec>,
    /// Names that must exist until the workers have finished.
    names: Vec<Name>,
}

impl Objects {
    fn of(roles: Vec<RoleSpec>) -> Self {
        Self { roles, names: vec![] }
    }

    /// Called once all workers are attached: closes descriptors and removes names where that is possible.
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

/// The trial's directory for temporary files of the workers. Dropping it removes it with its contents.
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

/// Timing of a pass that counts calls: a fixed count and no floor.
pub(super) fn untimed(timing: &Timing) -> Timing {
    Timing { floor_ns: 0, fixed_count: timing.fixed_count.or(Some(COUNTED_MESSAGES)), ..timing.clone() }
}

/// Runs fresh workers from start to exit. On every path they are killed and reaped before this returns.
pub(super) fn run(session: &Session, trial: &TrialOrder) -> Result<Attempt, Stopped> {
    let TrialOrder { case, timing, traced, .. } = trial;
    if let Some(signal) = session.signals.arrived() {
        return Err(Stopped::Failed(format!("interrupted by {signal}")));
    }
    let objects = family::prepare(case).map_err(|e| failed("cannot create the shared objects", &e))?;
    let mut objects = Objects::of(objects);
    let home = Home::make(session).map_err(|e| failed("cannot create the trial's directory", &e))?;
    let (page, control) = Page::create().map_err(|e| failed("cannot create the control page", &e))?;

    let orders = orders(session, trial, &objects.roles, &control)?;
    let cpus: Vec<u32> = orders.iter().flat_map(|order| order.cpus.clone()).collect();
    let posts = objects.roles.iter().map(Post::of).collect();
    let limits = Limits::of(case, timing);
    let program = session.program_of(case).map_err(|e| Stopped::Failed(format!("{e:#}")))?;
    let mut workers =
        Workers::start(&program, home.0.path(), orders, &page, &session.signals, limits).map_err(Stopped::Failed)?;
    workers.attach().map_err(Stopped::Failed)?;
    // All are attached. Descriptors left open here would keep the workers from seeing end of file and EPIPE.
    objects.release();
    drop(control);

    if *traced {
        workers.trace_with(Tracer::seize(&workers.pids()).map_err(|e| refused(&e))?);
    }
    let reports = workers.work().map_err(Stopped::Failed)?;
    let calls = workers.tracer().map(Tracer::calls).transpose().map_err(|e| refused(&e))?;
    Ok(Attempt { reports, posts, cpus, page_count: page.count(), calls })
}

/// One order per role. Slots and CPUs are assigned in order.
fn orders(
    session: &Session,
    trial: &TrialOrder,
    roles: &[RoleSpec],
    control: &Descriptor,
) -> Result<Vec<Order>, Stopped> {
    let TrialOrder { case, cpus, timing, fault, .. } = trial;
    let slots: u32 = roles.iter().map(|role| role.slots).sum();
    let spread = case.placement.deals();
    if !cpus.is_empty() && !spread && cpus.len() < slots as usize {
        return Err(Stopped::Failed(format!("{slots} roles cannot be pinned to {} CPUs, one each", cpus.len())));
    }
    // One CPU per role, reused in turn where there are fewer. Hogs have no slot: the first shares the first role's CPU.
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
            role: role.role,
            slot,
            slots,
            case: case.clone(),
            links: role.links.clone(),
            control: control.clone(),
            cpus: match role.slots {
                0 => hog_cpus.by_ref().take(1).collect(),
                _ => cpus.get(own).unwrap_or_default().to_vec(),
            },
            trial_cpus: cpus.clone(),
            spread_over: if spread { trial.cpus.clone() } else { vec![] },
            timing: timing.clone(),
            fault: *fault,
        });
        slot += role.slots;
    }
    Ok(orders)
}

fn failed(what: &str, error: &io::Error) -> Stopped {
    Stopped::Failed(format!("{what}: {error}"))
}

/// A machine may forbid tracing (Yama, a container's seccomp filter), which is not the mechanism's fault.
fn refused(error: &io::Error) -> Stopped {
    Stopped::Skipped(format!("system calls cannot be traced here: {error}; see ptrace(2) and kernel.yama.ptrace_scope"))
}
