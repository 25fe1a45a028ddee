//! Measures of locks. Each checks mutual exclusion within the timed work.

pub mod acquire;
pub mod contention;
pub mod cost_model;
pub mod critical_section;
pub mod protected_state;
pub mod read_mostly;
pub mod recover;
mod summary;
pub mod tickets;
pub mod work;

use super::paired::Floor;
use super::{MeasureResult, Task};
use crate::control::{Leader, Member};
use crate::lock::Guard;
use crate::record::{Case, LINES_MAX, Measure, Stock};

pub use protected_state::ProtectedState;
pub use summary::{Concluded, Expected, conclude};

/// Number of the channel that carries the address of the protected state.
pub const CHANNEL: u32 = u32::MAX - 1;

/// Code of one role of a trial, for one measure.
pub trait Part {
    /// Runs the role that opens phases.
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult;
    /// Runs a role that takes part in the leader's phases.
    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult;
}

/// Checks that the measure supports the parameters of the case.
///
/// Errors: the reason, with the values that are supported.
pub fn supports(case: &Case, guard: Option<Guard>) -> Result<(), String> {
    let lines = case.params.lines.unwrap_or(1);
    if !(1..=LINES_MAX).contains(&lines) {
        return Err(format!("a critical section touches 1 to {LINES_MAX} lines, not {lines}"));
    }
    if guard == Some(Guard::Retry) && lines > 1 {
        return Err(format!("one compare-and-swap changes one word, not {lines} lines"));
    }
    if let Some(percent) = case.params.reads_percent.filter(|percent| *percent > 100) {
        return Err(format!("the percentage of reads is 0 to 100, not {percent}"));
    }
    let updates_one_word = matches!(guard, Some(Guard::Atomic | Guard::Retry));
    if case.measure == Measure::Tickets && case.params.stock == Some(Stock::JsonFile) && updates_one_word {
        return Err("one atomic update changes one word in memory, not a file; use stock `memory`".to_owned());
    }
    let wanted = match case.measure {
        Measure::Contention if case.params.contenders.is_none() => "the number of contenders",
        Measure::ReadMostly if case.params.contenders.is_none() || case.params.reads_percent.is_none() => {
            "the number of contenders and the percentage of reads"
        }
        Measure::Tickets if case.params.contenders.is_none() || case.params.stock.is_none() => {
            "the number of contenders and where the stock is kept"
        }
        Measure::Recover if case.params.kill_point.is_none() => "the kill point",
        _ => return Ok(()),
    };
    Err(format!("a case of `{}` needs {wanted}", case.measure))
}
