//! What can be asked of whom.

use super::{FAMILY, ROWS, Sharing, Visitor, visit};
use crate::record::{Case, Group, Isolation, Measure};
use crate::variant::Variant;

const MEASURES: &[Measure] = &[Measure::FirstWrite];

/// Every row.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().filter_map(|row| visit(row, Describe { row })).collect()
}

/// Whether the case can be asked of its mechanism.
///
/// Errors: the reason.
pub fn supports(case: &Case) -> Result<(), String> {
    match visit(&case.row(), Between) {
        None => Err(format!("there is no `{}`; `ipcmark list` names them all", case.row())),
        Some(between) if between != case.isolation => {
            Err(format!("`{}` is between {between}s, not {}s", case.row(), case.isolation))
        }
        Some(_) if !MEASURES.contains(&case.measure) => {
            Err(format!("`{}` cannot be asked for `{}`", case.row(), case.measure))
        }
        Some(_) => Ok(()),
    }
}

struct Between;

impl Visitor for Between {
    type Output = Isolation;

    fn visit<S: Sharing>(self) -> Isolation {
        S::ISOLATION
    }
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Variant;

    fn visit<S: Sharing>(self) -> Variant {
        Variant {
            summary: S::SUMMARY,
            measures: MEASURES,
            ..Variant::of(FAMILY, self.row, Group::Processes, S::ISOLATION)
        }
    }
}
