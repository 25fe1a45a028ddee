//! From a case to a pool, for every pool alike.

use super::{FAMILY, MAX_WORKERS, Pool, ROWS, Staff, Visitor, visit};
use crate::record::{Case, Measure};
use crate::variant::{Variant, answers};

/// Workers of a case that does not say.
const WORKERS: u32 = 2;
/// Frames that are out at a time, unless the case says: more than a few workers can finish before the next is handed out.
const IN_FLIGHT: u32 = 64;

/// Every row.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().filter_map(|row| visit(row, Describe { row })).collect()
}

/// How many work.
pub fn workers(case: &Case) -> u32 {
    case.params.workers.unwrap_or(WORKERS)
}

/// How many frames are out at a time, at most.
pub fn in_flight(case: &Case) -> u32 {
    case.params.depth.unwrap_or(IN_FLIGHT)
}

/// Whether the case's mechanism can be asked for it with `staff`.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case, staff: &Staff) -> Result<(), String> {
    let unknown = || Err(format!("there is no pool `{}`; `ipcmark list` names them all", case.row()));
    visit(&case.row(), Supports { case, staff }).unwrap_or_else(unknown)
}

/// The case with what follows from its mechanism.
pub fn resolved(case: &Case) -> Case {
    visit(&case.row(), Resolve { case }).unwrap_or_else(|| case.clone())
}

/// True when the dispatcher does the work itself.
pub fn is_serial(case: &Case) -> bool {
    visit(&case.row(), Serial).unwrap_or(false)
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Variant;

    fn visit<P: Pool>(self) -> Variant {
        Variant {
            wait: P::WAIT,
            summary: P::SUMMARY,
            measures: P::MEASURES,
            polls: P::POLLS,
            unavailable: P::unavailable(),
            ..Variant::of(FAMILY, self.row, P::GROUP, P::ISOLATION)
        }
    }
}

struct Supports<'a> {
    case: &'a Case,
    staff: &'a Staff,
}

impl Visitor for Supports<'_> {
    type Output = Result<(), String>;

    fn visit<P: Pool>(self) -> Result<(), String> {
        let Self { case, staff } = self;
        answers(case, &[P::ISOLATION], P::MEASURES)?;
        if !(1..=MAX_WORKERS).contains(&staff.workers) {
            return Err(format!("a pool has 1 to {MAX_WORKERS} workers, not {}", staff.workers));
        }
        P::supports(staff)
    }
}

struct Resolve<'a> {
    case: &'a Case,
}

impl Visitor for Resolve<'_> {
    type Output = Case;

    fn visit<P: Pool>(self) -> Case {
        let case = self.case;
        let hands_out = matches!(case.measure, Measure::Dispatch | Measure::Paced);
        Case { group: Some(P::GROUP), ..case.clone() }.with(|p| {
            p.workers = Some(workers(case));
            p.depth = case.params.depth.or_else(|| hands_out.then(|| in_flight(case)));
        })
    }
}

struct Serial;

impl Visitor for Serial {
    type Output = bool;

    fn visit<P: Pool>(self) -> bool {
        P::SERIAL
    }
}
