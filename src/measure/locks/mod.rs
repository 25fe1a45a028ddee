//! The questions asked of locks. All of them check, inside the timed work, that the lock does its job.

pub mod acquire;
pub mod anatomy;
pub mod chain;
pub mod contention;
pub mod critical;
pub mod ledger;
mod outside;
pub mod read_mostly;
pub mod recover;
mod summary;
pub mod tickets;

use super::paired::Floor;
use super::{MeasureResult, Task};
use crate::control::{Leader, Member};
use crate::lock::Guard;
use crate::record::{Case, LINES_MAX, Measure, Stock};

pub use ledger::Ledger;
pub use summary::{Concluded, Expected, conclude};

/// Number of the channel that carries the ledger.
pub const CHANNEL: u32 = u32::MAX - 1;

/// One holder's part in a trial, whatever is asked of the lock.
pub trait Part {
    /// The role that opens phases.
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult;
    /// A role that goes along.
    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult;
}

/// Whether the measure can be taken of the case's shape.
///
/// Errors: the reason, with what would be right.
pub fn supports(case: &Case, guard: Option<Guard>) -> Result<(), String> {
    let lines = case.params.lines.unwrap_or(1);
    if !(1..=LINES_MAX).contains(&lines) {
        return Err(format!("a critical section touches 1 to {LINES_MAX} lines, not {lines}"));
    }
    if guard == Some(Guard::Retry) && lines > 1 {
        return Err(format!("one compare-and-swap changes one word, not {lines} lines"));
    }
    if let Some(percent) = case.params.reads_percent.filter(|percent| *percent > 100) {
        return Err(format!("of a hundred accesses 0 to 100 only read, not {percent}"));
    }
    let updates_one_word = matches!(guard, Some(Guard::Atomic | Guard::Retry));
    if case.measure == Measure::Tickets && case.params.stock == Some(Stock::JsonFile) && updates_one_word {
        return Err("one atomic update changes one word in memory, not a file; its stock is `memory`".to_owned());
    }
    let wanted = match case.measure {
        Measure::Contention if case.params.contenders.is_none() => "how many holders it has",
        Measure::ReadMostly if case.params.contenders.is_none() || case.params.reads_percent.is_none() => {
            "how many holders it has and how many of a hundred accesses only read"
        }
        Measure::Tickets if case.params.contenders.is_none() || case.params.stock.is_none() => {
            "how many holders it has and where the stock is kept"
        }
        Measure::Recover if case.params.kill_point.is_none() => "when the process is killed",
        _ => return Ok(()),
    };
    Err(format!("a case of `{}` names {wanted}", case.measure))
}
