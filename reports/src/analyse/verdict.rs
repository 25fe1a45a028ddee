//! Verdict on a case: the first of these rules that applies.
//!
//! 1. every repetition was skipped: **skipped**;
//! 2. a check failed in any repetition, or a repetition broke: **invalid**, since the same error may be undetected in
//!    others;
//! 3. a check failed as expected, since there was no lock: **caught**;
//! 4. any repetition missed its offered rate: **overloaded**;
//! 5. more than one repetition in five was disturbed: **disturbed**;
//! 6. the repetitions fall into several modes, by the rule of [`collapse`](super::collapse): **unstable**;
//! 7. more than one repetition in five was in doubt, or the 95 % interval reaches beyond 10 % of the median: **noisy**;
//! 8. fewer than five repetitions: no verdict;
//! 9. else **stable**.
//!
//! Untimed cases (cost model, conformance) have no interval: they are stable if every repetition passed. So are locks
//! that were never acquired again after a kill.

use std::fmt::Write as _;

use ipcmark_record::{Measure, Outcome, Record, Status, Verdict};

use super::collapse::{Collapse, collapse, moved};
use super::statistics::{Estimate, REPETITIONS_FOR_AN_INTERVAL};
use super::trials::{cost_ns, usable};
use crate::format;

/// Repetitions needed to show stability or a difference.
pub const REPETITIONS_FOR_A_VERDICT: usize = REPETITIONS_FOR_AN_INTERVAL;
/// Widest interval of a stable case, as a share of the median.
pub const WIDEST_SPREAD: f64 = 0.10;
/// Share of disturbed repetitions above which a case is disturbed, and of doubtful ones above which it is noisy.
const DISTURBED_SHARE: f64 = 0.20;

/// Repetitions by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepetitionCounts {
    /// Measured, and every check passed.
    pub measured: usize,
    /// Measured, but a check failed; their numbers are not used.
    pub invalid: usize,
    /// Broken before the end.
    pub failed: usize,
    /// Not able to run here.
    pub skipped: usize,
}

impl RepetitionCounts {
    /// Counts outcomes.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut counts = Self::default();
        for record in records {
            *match record.outcome.status {
                Status::Measured if is_invalid(&record.outcome) => &mut counts.invalid,
                Status::Measured => &mut counts.measured,
                Status::Failed => &mut counts.failed,
                Status::Skipped => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// All repetitions.
    pub fn all(self) -> usize {
        self.measured + self.invalid + self.failed + self.skipped
    }
}

/// Whether a measured outcome failed a check.
pub fn is_invalid(outcome: &Outcome) -> bool {
    outcome.verdict == Some(Verdict::Invalid)
}

/// Returns the verdict, or `None` with too few repetitions, and its reason. `estimate` is the main metric over the
/// usable repetitions; `timed` is false for cases that measure no time.
pub fn judge(records: &[&Record], estimate: Option<&Estimate>, timed: bool) -> (Option<Verdict>, String) {
    let counts = RepetitionCounts::of(records.iter().copied());
    let with = |verdict: Verdict| {
        records.iter().filter(move |r| r.outcome.status == Status::Measured && r.outcome.verdict == Some(verdict))
    };
    if counts.skipped == counts.all() {
        return (Some(Verdict::Skipped), reason(records.iter()));
    }
    let broken = || records.iter().filter(|r| r.outcome.status == Status::Failed || is_invalid(&r.outcome));
    if counts.invalid + counts.failed > 0 {
        let why = of_repetitions(counts.invalid + counts.failed, &counts, "broke or failed a check", broken());
        return (Some(Verdict::Invalid), why);
    }
    let caught = with(Verdict::Caught).count();
    if caught > 0 {
        return (Some(Verdict::Caught), of_repetitions(caught, &counts, "were caught", with(Verdict::Caught).take(1)));
    }
    let overloaded = with(Verdict::Overloaded).count();
    if overloaded > 0 {
        let why = of_repetitions(overloaded, &counts, "missed the offered rate", with(Verdict::Overloaded));
        return (Some(Verdict::Overloaded), why);
    }
    let unsure = [(Verdict::Disturbed, "disturbed"), (Verdict::Noisy, "in doubt")];
    for (verdict, word) in unsure {
        let some = with(verdict).count();
        if some as f64 > DISTURBED_SHARE * counts.measured as f64 {
            return (Some(verdict), of_repetitions(some, &counts, &format!("were {word}"), with(verdict)));
        }
        // A collapse also raises doubts, and says more.
        if let Some(why) = collapsed(records).filter(|_| timed && verdict == Verdict::Disturbed) {
            return (Some(Verdict::Unstable), why);
        }
    }
    let never = records[0].case.measure == Measure::Recover && estimate.is_none();
    let (verdict, mut why) =
        if timed && !never { by_spread(counts.measured, estimate, records) } else { by_check(&counts) };
    if never {
        why = format!("{why}; {}", reason(records.iter()));
    }
    for (verdict, word) in unsure.into_iter().filter(|&(verdict, _)| with(verdict).next().is_some()) {
        why = format!("{why}; {}", of_repetitions(with(verdict).count(), &counts, word, with(verdict)));
    }
    (verdict, why)
}

/// `3 of 5 repetitions collapsed: ...`, if the repetitions fall into several modes.
fn collapsed(records: &[&Record]) -> Option<String> {
    let costs: Vec<f64> = usable(records).filter_map(cost_ns).collect();
    let Collapse { collapsed, repetitions, times } = collapse(&costs, &floors(records))?;
    let times = format::whole(times as u64);
    Some(format!("{collapsed} of {repetitions} repetitions collapsed: they took at least {times} times as long"))
}

/// Whether the floors of the repetitions differ by more than half of the lowest, as when a hypervisor moves virtual
/// CPUs.
fn floor_moved(records: &[&Record]) -> bool {
    moved(&floors(records)) > 1.5
}

/// Floors beside the usable repetitions.
fn floors(records: &[&Record]) -> Vec<f64> {
    usable(records).filter_map(|record| Some(record.outcome.floor.as_ref()?.ns)).collect()
}

fn by_spread(repetitions: usize, estimate: Option<&Estimate>, records: &[&Record]) -> (Option<Verdict>, String) {
    let Some(estimate) = estimate else {
        return (Some(Verdict::Invalid), "measured, but its record holds no main metric".into());
    };
    match estimate.spread() {
        Some(spread) if spread > WIDEST_SPREAD => {
            let limit = format::percent(WIDEST_SPREAD);
            let together = if floor_moved(records) {
                ", and so did the floor beside it: the CPUs were near each other in some repetitions and far in others"
            } else {
                ""
            };
            (Some(Verdict::Noisy), format!("its repetitions differed by more than {limit}{together}"))
        }
        _ if repetitions < REPETITIONS_FOR_A_VERDICT => {
            (None, format!("stable needs {REPETITIONS_FOR_A_VERDICT} repetitions; this case has {repetitions}"))
        }
        Some(spread) => {
            (Some(Verdict::Stable), format!("{repetitions} repetitions agree within {}", format::percent(spread)))
        }
        None => (None, "one repetition shows no spread".into()),
    }
}

fn by_check(counts: &RepetitionCounts) -> (Option<Verdict>, String) {
    (Some(Verdict::Stable), format!("every check passed in {}", repetitions(counts.measured)))
}

/// `2 of 5 repetitions broke: reason`.
fn of_repetitions<'a, 'r: 'a>(
    some: usize,
    counts: &RepetitionCounts,
    what: &str,
    records: impl Iterator<Item = &'a &'r Record>,
) -> String {
    let head = match (some, counts.all()) {
        (1, 1) => format!("the only repetition {}", what.replace("were", "was")),
        (some, all) if some == all => format!("all {all} repetitions {what}"),
        (some, all) => format!("{some} of {all} repetitions {what}"),
    };
    match reason(records) {
        why if why.is_empty() => head,
        why => format!("{head}: {why}"),
    }
}

/// Up to two recorded reasons without repeats, most frequent first.
pub fn reason<'a, 'r: 'a>(records: impl Iterator<Item = &'a &'r Record>) -> String {
    at_most_two(records.filter_map(|record| record.outcome.why.as_deref()))
}

/// Up to two of the `whys` without repeats, most frequent first.
pub fn at_most_two<'a>(whys: impl Iterator<Item = &'a str>) -> String {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for why in whys {
        match reasons.iter_mut().find(|(seen, _)| *seen == why) {
            Some((_, times)) => *times += 1,
            None => reasons.push((why, 1)),
        }
    }
    reasons.sort_by_key(|&(_, times)| std::cmp::Reverse(times));
    let more = reasons.len().saturating_sub(2);
    let mut text = reasons.iter().take(2).map(|&(why, _)| why).collect::<Vec<_>>().join("; ");
    if more > 0 {
        let _ = write!(text, "; and {more} more reasons");
    }
    text
}

fn repetitions(count: usize) -> String {
    if count == 1 { "1 repetition".into() } else { format!("{count} repetitions") }
}
