//! Objects and roles of a trial; the same for every lock.

use std::io;

use super::{FAMILY, Lock, MAX_HOLDERS};
use crate::address::{Address, Endpoint};
use crate::protocol::Link;
use crate::record::{Anatomy, Case, Isolation, KillPoint, Measure};
use crate::variant::{RoleSpec, Variant, answers};

/// Number of the channel of the lock.
pub const CHANNEL: u32 = 0;

/// Contenders of the case's lock: the plan's number, else two; for conformance four, so that some wait while one holds
/// the lock and another one arrives.
pub fn holders(case: &Case) -> u32 {
    case.params.contenders.unwrap_or(if case.measure == Measure::Conformance { 4 } else { 2 })
}

/// All variants of the row: one per isolation.
pub fn describe<L: Lock>(name: &'static str) -> Vec<Variant> {
    let one = |isolation: &Isolation| Variant {
        wait: L::WAIT,
        summary: L::SUMMARY,
        measures: L::MEASURES,
        polls: L::POLLS,
        unavailable: L::unavailable(),
        ..Variant::of(FAMILY, name, L::GROUP, *isolation)
    };
    L::ISOLATIONS.iter().map(one).collect()
}

/// Checks that the mechanism can run the case.
///
/// Errors: the reason, with the limit.
pub fn supports<L: Lock>(case: &Case) -> Result<(), String> {
    answers(case, L::ISOLATIONS, L::MEASURES)?;
    if !(1..=MAX_HOLDERS).contains(&holders(case)) {
        return Err(format!("a lock trial has 1 to {MAX_HOLDERS} contenders, not {}", holders(case)));
    }
    if case.measure == Measure::Recover && case.isolation == Isolation::Thread {
        return Err("a thread cannot be killed without its process, so none would be left to recover".into());
    }
    if case.params.kill_point == Some(KillPoint::Releasing) && !L::WAKES {
        return Err(format!(
            "`{}` is released without a separate system call that wakes a waiter, so the holder cannot be killed between the two",
            case.row()
        ));
    }
    Ok(())
}

/// Makes the objects of a trial and assigns them to its roles.
pub fn prepare<L: Lock>(case: &Case) -> io::Result<Vec<RoleSpec>> {
    // The killed processes and their successors are children of one worker, which makes a new lock each time; they use
    // its two slots.
    if case.measure == Measure::Recover {
        return Ok(vec![RoleSpec { role: WARDEN, links: vec![], slots: 2 }]);
    }
    if case.isolation == Isolation::Thread {
        return Ok(vec![RoleSpec { role: "host", links: vec![], slots: holders(case) }]);
    }
    let address = L::create(holders(case))?;
    let role = |_| RoleSpec { role: ROLE, links: vec![link(&address)], slots: 1 };
    Ok((0..holders(case)).map(role).collect())
}

/// Name of each contender's role.
pub const ROLE: &str = "holder";

/// Name of the role whose children are killed.
pub const WARDEN: &str = "warden";

/// Link to the lock, the same for all contenders.
fn link(address: &Address) -> Link {
    Link { channel: CHANNEL, end: Endpoint::Sender, address: address.only(Endpoint::Sender) }
}

/// Declared cost of one operation of the case.
pub fn cost<L: Lock>(case: &Case) -> Anatomy {
    let cost = L::cost();
    if case.measure == Measure::Acquire || holders(case) == 1 {
        return Anatomy { sender: cost.alone, ..Anatomy::default() };
    }
    Anatomy { sender: cost.release, receiver: cost.acquire }
}

/// The case, completed with the mechanism's choices where the plan leaves them open.
pub fn resolved<L: Lock>(case: &Case) -> Case {
    Case { group: Some(L::GROUP), ..case.clone() }
}
