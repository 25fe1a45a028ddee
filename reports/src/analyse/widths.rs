//! Widths of the intervals, which decide where a run adds repetitions.

use ipcmark_record::{Record, Verdict};

use super::distance::Distances;
use super::statistics::Estimate;
use super::study::group;
use super::verdict::REPETITIONS_FOR_A_VERDICT;

/// Width of the interval of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Width {
    /// Recorded case key.
    pub case_key: String,
    /// Distance from the median to the farther end of the interval, relative to the median; infinite with too few
    /// repetitions for an interval.
    pub spread: f64,
}

/// Widths of all timed cases that more repetitions can make narrower, the widest first. Where the CPUs moved, the width is
/// that of the repetitions at the report's distance. Cases without a number are left out, and so are those whose verdict
/// more repetitions cannot change: caught and overloaded.
pub fn widths(records: &[Record]) -> Vec<Width> {
    let settled = |verdict| matches!(verdict, Some(Verdict::Caught | Verdict::Overloaded));
    let mut widths: Vec<Width> = group(records, &Distances::of(records))
        .into_iter()
        .filter(|study| !settled(study.summary.verdict))
        .filter_map(|study| {
            let enough = |typical: &Estimate| typical.repetitions >= REPETITIONS_FOR_A_VERDICT;
            let spread = match &study.summary.typical {
                Some(typical) => typical.spread().filter(|spread| enough(typical) && !spread.is_nan()),
                None if study.summary.elsewhere.is_empty() => return None,
                None => None,
            };
            let spread = spread.unwrap_or(f64::INFINITY);
            Some(Width { case_key: study.key.to_owned(), spread })
        })
        .collect();
    widths.sort_by(|a, b| b.spread.total_cmp(&a.spread).then_with(|| a.case_key.cmp(&b.case_key)));
    widths
}
