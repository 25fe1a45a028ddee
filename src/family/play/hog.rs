//! A process that only burns CPU time beside the trial's own roles.

use super::Talk;
use crate::abort;
use crate::control::Page;
use crate::measure::MeasureResult;
use crate::protocol::Report;

/// Rounds between two looks at the control page, a line that the leader seldom writes.
const ROUNDS: u32 = 10_000;

/// Computes until the trial is over.
pub(in crate::family) fn burn(page: &Page, talk: &mut Talk) -> MeasureResult {
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let mut number = 1u64;
    while !page.is_over() && !abort::requested() {
        for _ in 0..ROUNDS {
            number = std::hint::black_box(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7));
        }
    }
    Ok(Report::default())
}
