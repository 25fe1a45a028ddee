//! Turns records into analysis, charts and one self-contained page.
//!
//! The pipeline is four plain functions: [`read`] takes `records.jsonl` files apart, [`summarise`] says what each case
//! came to and how far to trust it, [`compare`] sets two recordings side by side, and [`write()`] draws the page.
//! Nothing here opens shared memory, starts a process or reads a clock: the same records give the same page, byte for
//! byte.

pub mod analyse;
mod chart;
mod compare;
pub mod format;
mod page;
mod read;

pub use analyse::statistics::{Estimate, Interval, paired_ratio};
pub use analyse::study::summarise;
pub use analyse::summary::{CaseSummary, RepetitionCounts, shown};
pub use compare::{Change, ComparedCase, compare, mismatches};
pub use page::write;
pub use read::{BadLine, Recording, read};
