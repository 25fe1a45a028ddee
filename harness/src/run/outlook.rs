//! Description and predicted time of a run before it starts.

use std::time::Duration;

use super::retry::retry_limit;
use crate::plan::{Plan, UntilStable};
use crate::progress::whole_seconds;
use crate::schedule::Trial;

/// Predicted time of the floors in nanoseconds.
const FLOORS_NS: u64 = 4_000_000_000;

/// Name, question, extent and predicted time of a run, as lines of text.
pub fn describe(plan: &Plan, seed: u64, trials: &[Trial<'_>], floors_tried: bool) -> String {
    let skipped = trials.iter().filter(|trial| trial.planned.obstacle.is_some()).count();
    let skips = if skipped == 0 { String::new() } else { format!(" ({skipped} cannot run here)") };
    let floors_ns = if floors_tried { 0 } else { FLOORS_NS };
    let time = whole_seconds(Duration::from_nanos(floors_ns + predicted_ns(plan, trials)));
    let counted = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let retries = whole_seconds(retry_limit(plan, plan.retry_budget()));
    let added = plan.until_stable.map_or_else(String::new, |UntilStable { share, budget }| {
        let budget = whole_seconds(budget);
        format!(
            "\nthen repetitions are added until every timed case is within ±{share}; both take at most {budget} in all"
        )
    });
    format!(
        "{}: {}\n{}{skips}, {}, {}, about {time}, seed {seed}\nthen disturbed trials are tried again, for at most {retries}{added}",
        plan.name,
        plan.question,
        counted(plan.cases.len(), "case"),
        counted(plan.repetitions as usize, "repetition"),
        counted(trials.len() - skipped, "trial"),
    )
}

/// Predicted time of `trials`.
pub(super) fn predicted_ns(plan: &Plan, trials: &[Trial<'_>]) -> u64 {
    trials.iter().map(|trial| plan.predicted_ns(trial.planned)).sum()
}
