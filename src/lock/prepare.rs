//! From a case to the objects and roles of a trial, for every lock alike.

use std::io;

use super::{FAMILY, Guard, Lock, MAX_HOLDERS, ROWS, Visitor, visit};
use crate::address::{Address, End};
use crate::protocol::Link;
use crate::record::{Anatomy, Case, Death, Isolation, Measure};
use crate::variant::{RoleSpec, Variant, answers};

/// Number of the channel that carries the lock itself.
pub const CHANNEL: u32 = 0;

/// Every row, once per isolation it can have.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().flat_map(|row| visit(row, Describe { row }).unwrap_or_default()).collect()
}

/// Holders of the case's lock that run at the same time: as many as it says, else one and another; where promises are
/// checked, enough that some wait while one is inside and one comes.
pub fn holders(case: &Case) -> u32 {
    case.holders.unwrap_or(if case.measure == Measure::Conformance { 4 } else { 2 })
}

/// Whether the case can be asked of its mechanism.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case) -> Result<(), String> {
    visit(&case.row(), Supports { case }).unwrap_or_else(|| Err(no_such_row(case)))
}

/// Makes the lock of a trial and deals it out.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    visit(&case.row(), Prepare { case }).unwrap_or_else(|| Err(io::Error::other(no_such_row(case))))
}

/// What one acquisition of the case is declared to cost: with others about, one hand-over. Of reads and writes in a mixture
/// no single one is typical, so nothing is declared.
pub fn anatomy(case: &Case) -> Option<Anatomy> {
    if case.measure == Measure::ReadMostly { None } else { visit(&case.row(), Declared { case }) }
}

/// What the mechanism does for its holders' updates.
pub fn guard(case: &Case) -> Option<Guard> {
    visit(&case.row(), Guarded)
}

/// The case with what follows from its mechanism.
pub fn resolved(case: &Case) -> Case {
    visit(&case.row(), Resolve { case }).unwrap_or_else(|| case.clone())
}

fn no_such_row(case: &Case) -> String {
    format!("there is no lock `{}`; `ipcmark list` names them all", case.row())
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Vec<Variant>;

    fn visit<L: Lock>(self) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            wait: L::WAIT,
            summary: L::SUMMARY,
            measures: L::MEASURES,
            polls: L::POLLS,
            unavailable: L::unavailable(),
            ..Variant::of(FAMILY, self.row, L::GROUP, *isolation)
        };
        L::ISOLATIONS.iter().map(one).collect()
    }
}

struct Supports<'a> {
    case: &'a Case,
}

impl Visitor for Supports<'_> {
    type Output = Result<(), String>;

    fn visit<L: Lock>(self) -> Result<(), String> {
        let case = self.case;
        answers(case, L::ISOLATIONS, L::MEASURES)?;
        if !(1..=MAX_HOLDERS).contains(&holders(case)) {
            return Err(format!("a lock trial has 1 to {MAX_HOLDERS} holders, not {}", holders(case)));
        }
        if case.measure == Measure::Recover && case.isolation == Isolation::Thread {
            return Err("a thread cannot be killed without its process, so nobody would be left to recover".into());
        }
        if case.death == Some(Death::Releasing) && !L::WAKES {
            return Err(format!(
                "letting `{}` go takes no system call of its own to wake the next, so no death can fall between the two",
                case.row()
            ));
        }
        Ok(())
    }
}

struct Prepare<'a> {
    case: &'a Case,
}

impl Visitor for Prepare<'_> {
    type Output = io::Result<Vec<RoleSpec>>;

    fn visit<L: Lock>(self) -> io::Result<Vec<RoleSpec>> {
        let case = self.case;
        // The killed and those who come after them are children of one worker, which makes a new lock each time. They have
        // its two places.
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
}

/// Name of every role that wants the lock.
pub const ROLE: &str = "holder";

/// Name of the role whose children are killed.
pub const WARDEN: &str = "warden";

/// Every holder sees the same of it.
fn link(address: &Address) -> Link {
    Link { channel: CHANNEL, end: End::Sender, address: address.only(End::Sender) }
}

struct Declared<'a> {
    case: &'a Case,
}

impl Visitor for Declared<'_> {
    type Output = Anatomy;

    fn visit<L: Lock>(self) -> Anatomy {
        let cost = L::cost();
        if self.case.measure == Measure::Acquire || holders(self.case) == 1 {
            return Anatomy { sender: cost.alone, ..Anatomy::default() };
        }
        Anatomy { sender: cost.release, receiver: cost.acquire }
    }
}

struct Guarded;

impl Visitor for Guarded {
    type Output = Guard;

    fn visit<L: Lock>(self) -> Guard {
        L::GUARD
    }
}

struct Resolve<'a> {
    case: &'a Case,
}

impl Visitor for Resolve<'_> {
    type Output = Case;

    fn visit<L: Lock>(self) -> Case {
        Case { group: Some(L::GROUP), ..self.case.clone() }
    }
}
