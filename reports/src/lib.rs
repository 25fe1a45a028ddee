//! Turns records into analysis, charts and one self-contained page.
//!
//! [`read`] parses `records.jsonl` files, [`summarise`] computes results and verdicts, [`compare`] compares two
//! recordings, and [`write()`] renders the page. The crate uses no shared memory, processes or clocks: equal records
//! give equal pages.

pub mod advise;
pub mod analyse;
mod chart;
mod compare;
pub mod export;
pub mod format;
mod identity;
mod in_turns;
mod page;
mod read;

pub use analyse::cross_check::below_floor;
pub use analyse::pairs;
pub use analyse::statistics::{Ends, Estimate, Interval};
pub use analyse::study::summarise;
pub use analyse::summary::{CaseSummary, RepetitionCounts, shown};
pub use analyse::widths::{Width, widths};
pub use compare::{
    Against, Arm, Change, Collector, ComparedCase, Comparison, DRIFT, FactRow, FloorRow, Gate, GateVerdict, Typical,
    compare, mismatches,
};
pub use identity::{Machines, machine_id};
pub use in_turns::{CaseInTurns, gate_in_turns, judge_in_turns};
pub use page::{Report, write};
pub use read::{BadLine, Reader, Recording, counting, read, supersedes, tried_again, visit};
