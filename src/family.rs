//! The families behind one door: what there is, what a case needs, who plays which role.
//!
//! The harness knows no mechanism; it asks here. A new family adds one arm to each function.

use std::io;

use crate::address::{End, Name};
use crate::protocol::Link;
use crate::record::{Anatomy, Case};
use crate::{measure, transport};

pub use crate::contestant::{Contestant, RoleSpec};

/// The role of a process that only burns CPU time beside a trial.
pub const HOG: &str = "hog";

/// Every contestant of every family, with what this machine lacks.
pub fn contestants() -> Vec<Contestant> {
    transport::contestants()
}

/// Whether `case` can run, before any process starts.
///
/// Errors: the reason, with the limit that stands in the way.
pub fn supports(case: &Case) -> Result<(), String> {
    if case.family == measure::floors::FAMILY {
        return Ok(());
    }
    transport::supports(case)?;
    transport::delivery(case).map_or(Ok(()), |delivery| measure::supports(case, delivery))
}

/// The case with what its mechanism decides where the plan left it open, as a record should name it. Its key stays that
/// of the plan.
pub fn resolved(case: &Case) -> Case {
    match case.family.as_str() {
        measure::floors::FAMILY => case.clone(),
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
    let mut roles = transport::prepare(case)?;
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
        _ => transport::anatomy(case),
    }
}
