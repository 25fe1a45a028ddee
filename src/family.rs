//! The families behind one door: what there is, what a case needs, who plays which role.
//!
//! The harness knows no mechanism; it asks here. A new family adds one arm to each function.

use std::io;

use crate::address::{End, Name};
use crate::measure::locks::{self, Concluded, Ledger};
use crate::protocol::Link;
use crate::protocol::Report;
use crate::record::{Anatomy, Case};
use crate::{lock, measure, transport};

pub use crate::contestant::{Contestant, RoleSpec};

/// The role of a process that only burns CPU time beside a trial.
pub const HOG: &str = "hog";

/// Every contestant of every family, with what this machine lacks.
pub fn contestants() -> Vec<Contestant> {
    transport::contestants().into_iter().chain(lock::contestants()).collect()
}

/// Whether `case` can run, before any process starts.
///
/// Errors: the reason, with the limit that stands in the way.
pub fn supports(case: &Case) -> Result<(), String> {
    if case.family == measure::floors::FAMILY {
        return Ok(());
    }
    if case.family == lock::FAMILY {
        lock::supports(case)?;
        return locks::supports(case, lock::prepare::guard(case));
    }
    transport::supports(case)?;
    transport::delivery(case).map_or(Ok(()), |delivery| measure::supports(case, delivery))
}

/// The case with what its mechanism decides where the plan left it open, as a record should name it. Its key stays that
/// of the plan.
pub fn resolved(case: &Case) -> Case {
    match case.family.as_str() {
        measure::floors::FAMILY => case.clone(),
        lock::FAMILY => lock::resolved(case),
        _ => transport::resolved(case),
    }
}

/// Makes the objects of a trial and says which roles it wants; slot 0, the first, leads. Two processes also share memory
/// for the paired floor. Hogs come last and have no slot: they take no part in phases.
///
/// The harness keeps the result until every role is ready, then [`release`]s it.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    if case.family == measure::floors::FAMILY {
        return measure::floors::roles();
    }
    let mut roles = if case.family == lock::FAMILY { lock_roles(case)? } else { transport::prepare(case)? };
    if let [first, second] = roles.as_mut_slice() {
        let memory = measure::paired::Floor::memory(case.message_bytes.unwrap_or(0) as usize)?;
        for (role, end) in [(first, End::Sender), (second, End::Receiver)] {
            role.links.push(Link { channel: measure::paired::CHANNEL, end, address: memory.only(end) });
        }
    }
    let hog = || RoleSpec { role: HOG, links: vec![], slots: 0 };
    roles.extend(std::iter::repeat_with(hog).take(case.hogs.unwrap_or(0) as usize));
    Ok(roles)
}

/// The holders of a lock share what it protects, too.
fn lock_roles(case: &Case) -> io::Result<Vec<RoleSpec>> {
    let mut roles = lock::prepare(case)?;
    let ledger = Ledger::create()?;
    for role in roles.iter_mut().filter(|role| role.role == lock::prepare::ROLE) {
        role.links.push(Link { channel: locks::CHANNEL, end: End::Sender, address: ledger.only(End::Sender) });
    }
    Ok(roles)
}

/// Roles of a trial that are at work at the same time.
pub fn roles(case: &Case) -> u32 {
    if case.family == lock::FAMILY { lock::prepare::holders(case) } else { transport::Cast::of(case).roles() }
}

/// Whether the roles count the same messages, so that each must have done what all agreed on; else the leader has checked
/// the sum.
pub fn counts_agree(case: &Case) -> bool {
    case.family == transport::FAMILY && transport::Cast::of(case).is_pair()
}

/// The place of the role on `slot` when CPUs are dealt out in turn.
pub fn turn(case: &Case, slot: u32) -> u32 {
    if case.family == lock::FAMILY { slot } else { transport::Cast::of(case).turn(slot) }
}

/// What the reports of all roles say together, where no single one can say it.
pub fn conclude(case: &Case, reports: &[Report]) -> Concluded {
    let guard = if case.family == lock::FAMILY { lock::prepare::guard(case) } else { None };
    guard.map_or_else(Concluded::default, |guard| locks::conclude(reports, guard))
}

/// Removes the names a trial used, once all have attached. Descriptors close as the specs are dropped. Gives back the
/// names that have to stay until the roles are done.
#[must_use]
pub fn release(roles: Vec<RoleSpec>) -> Vec<Name> {
    roles.into_iter().flat_map(|role| role.links).filter_map(|link| link.address.release()).collect()
}

/// What one message of `case` is declared to cost, where the mechanism declares it.
pub fn anatomy(case: &Case) -> Option<Anatomy> {
    match case.family.as_str() {
        measure::floors::FAMILY => None,
        lock::FAMILY => lock::anatomy(case),
        _ => transport::anatomy(case),
    }
}
