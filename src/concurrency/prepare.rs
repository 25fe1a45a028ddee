//! From a case to the objects and roles of a trial.

use std::io;

use super::{Company, FAMILY, ROWS, Visitor, visit};
use crate::address::Endpoint;
use crate::protocol::Link;
use crate::record::{Case, Group, Isolation, Measure};
use crate::variant::{RoleSpec, Variant};

/// Names of the two, the one who leads first.
pub const ROLES: [&str; 2] = ["first", "second"];
/// Work between two steps, where the case leaves it open: a scheduler's time slice is many of these, and a wake-up a few
/// hundredths of one.
pub const STEP_NS: u64 = 100_000;

const MEASURES: &[Measure] = &[Measure::Parallel];

/// Every row, once for each isolation.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().flat_map(|row| visit(row, Describe { row }).unwrap_or_default()).collect()
}

/// The calibrated length of one step.
pub fn step_ns(case: &Case) -> u64 {
    case.params.grain_ns.unwrap_or(STEP_NS)
}

/// Whether the case can be asked of its mechanism.
///
/// Errors: the reason.
pub fn supports(case: &Case) -> Result<(), String> {
    if !ROWS.contains(&case.row().as_str()) {
        return Err(no_such_row(case));
    }
    if !MEASURES.contains(&case.measure) {
        return Err(format!("`{}` cannot be asked for `{}`", case.row(), case.measure));
    }
    if step_ns(case) == 0 {
        return Err("a step that takes 0 ns is no work, and cannot be shared".to_owned());
    }
    Ok(())
}

/// Makes what the two need, and deals it out.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    if case.isolation == Isolation::Thread {
        return Ok(vec![RoleSpec { role: "host", links: vec![], slots: ROLES.len() as u32 }]);
    }
    let address = visit(&case.row(), Create).ok_or_else(|| io::Error::other(no_such_row(case)))??;
    let role = |(role, end): (&'static str, Endpoint)| {
        let link = address.as_ref().map(|address| Link { channel: 0, end, address: address.only(end) });
        RoleSpec { role, links: link.into_iter().collect(), slots: 1 }
    };
    Ok(ROLES.into_iter().zip([Endpoint::Sender, Endpoint::Receiver]).map(role).collect())
}

fn no_such_row(case: &Case) -> String {
    format!("there is no `{}`; `ipcmark list` names them all", case.row())
}

struct Create;

impl Visitor for Create {
    type Output = io::Result<Option<crate::address::Address>>;

    fn visit<C: Company>(self) -> Self::Output {
        C::create()
    }
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Vec<Variant>;

    fn visit<C: Company>(self) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            summary: C::SUMMARY,
            measures: MEASURES,
            ..Variant::of(FAMILY, self.row, Group::Processes, *isolation)
        };
        Isolation::ALL.iter().map(one).collect()
    }
}
