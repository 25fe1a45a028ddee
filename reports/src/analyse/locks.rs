//! Selection of lock cases for charts and sentences, by variant, work and number of contenders.

use std::fmt;

use ipcmark_record::{Case, Contest, Fairness, Isolation, Kind, Measure, Placement, Spacing, metric};

use super::series::{LOCKS, Manner};
use super::statistics::{Estimate, median};
use super::study::{CaseStudy, Study};
use super::trials::{estimate, value};
use crate::format;

/// Window length for fairness: several acquisitions of a slow lock, but short enough to show an unserved contender.
pub const FAIRNESS_WINDOW_NS: u64 = 10_000_000;

/// Work of each contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Work {
    /// Critical section.
    pub critical_section_ns: u64,
    /// Think time between two acquisitions.
    pub think_time_ns: u64,
    /// Distribution of the think time, if there is any.
    pub spacing: Option<Spacing>,
    /// Cache lines changed in the critical section.
    pub lines: u32,
}

impl Work {
    /// Work of a case; absent times are 0, absent lines 1.
    pub fn of(case: &Case) -> Self {
        Self {
            critical_section_ns: case.params.critical_section_ns.unwrap_or(0),
            think_time_ns: case.params.think_time_ns.unwrap_or(0),
            spacing: case.params.spacing.filter(|_| case.params.think_time_ns.unwrap_or(0) > 0),
            lines: case.params.lines.unwrap_or(1),
        }
    }

    /// Identifier of letters, digits and `-`.
    pub fn id(self) -> String {
        format!("{}-{}-{}", self.critical_section_ns, self.think_time_ns, self.lines)
    }
}

/// `nothing but the lock`, or `1 µs critical section, 9 µs think time (exponential)`.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |ns: u64| format::time(ns as f64).trimmed();
        match (self.critical_section_ns, self.think_time_ns) {
            (0, 0) => write!(f, "nothing but the lock")?,
            (inside, outside) => write!(f, "{} critical section, {} think time", time(inside), time(outside))?,
        }
        if self.spacing == Some(Spacing::Exponential) {
            write!(f, " (exponential)")?;
        }
        if self.lines > 1 { write!(f, ", {} lines", self.lines) } else { Ok(()) }
    }
}

/// Extra time of an acquisition after another core; `None` if it is negative beyond its interval, since then it is no
/// cost.
pub fn remote(case: &CaseStudy<'_>) -> Option<Estimate> {
    let estimate = estimate(&case.records, Kind::Cost, metric::ACQUIRE_REMOTE_NS)?;
    let high = estimate.interval.map_or(estimate.value, |interval| interval.high);
    (high >= 0.0).then_some(estimate)
}

/// Contenders of a case; 2 by default.
pub fn contenders(case: &Case) -> u32 {
    case.params.contenders.unwrap_or(2)
}

/// Measured lock cases of one measure, with and without CPU hogs. A variant measured between processes is not repeated
/// between threads.
pub fn with_hogs<'s, 'a>(
    study: &'s Study<'a>,
    measure: Measure,
    placement: Placement,
) -> impl Iterator<Item = &'s CaseStudy<'a>> {
    let between_processes = move |row: &str| {
        let same = |case: &CaseStudy<'_>| case.case.isolation == Isolation::Process && case.series.row() == row;
        study.all_measured(measure, placement).any(same)
    };
    study.all_measured(measure, placement).filter(move |case| {
        case.case.family == LOCKS
            && (case.case.isolation == Isolation::Process || !between_processes(&case.series.row()))
    })
}

/// Cases of [`with_hogs`] without CPU hogs.
pub fn rivals<'s, 'a>(study: &'s Study<'a>, measure: Measure, placement: Placement) -> Vec<&'s CaseStudy<'a>> {
    with_hogs(study, measure, placement).filter(|case| case.case.params.hogs.is_none_or(|hogs| hogs == 0)).collect()
}

/// True for a lock, false for a row without one.
pub fn excludes(case: &CaseStudy<'_>) -> bool {
    case.series.manner != Manner::NeverWaits
}

/// Placement of most cases of a measure.
pub fn placement_of(study: &Study<'_>, measure: Measure) -> Option<Placement> {
    let count = |placement: Placement| {
        let measured = study.cases.iter().filter(|case| case.summary.typical.is_some() && case.case.family == LOCKS);
        measured.filter(|case| case.case.measure == measure && case.case.placement == placement).count()
    };
    // On ties `max_by_key` takes the last.
    Placement::ALL.iter().rev().copied().max_by_key(|&at| count(at)).filter(|&at| count(at) > 0)
}

/// Placement whose cases a chart shows in the section of `placement`. The first section takes the most frequent
/// placement if it has no cases of its own; `None` in the section of that placement.
pub fn home(study: &Study<'_>, measure: Measure, placement: Placement) -> Option<Placement> {
    let first = study.placement?;
    let moved = rivals(study, measure, first).is_empty();
    let most = placement_of(study, measure);
    match placement == first {
        true if moved => most,
        false if moved && most == Some(placement) => None,
        _ => Some(placement),
    }
}

/// Work and number of contenders shared by most of `cases`; on ties one contender per CPU, then the least work.
pub fn common_ground(study: &Study<'_>, cases: &[&CaseStudy<'_>]) -> Option<(Work, u32)> {
    let ground = |case: &CaseStudy<'_>| (Work::of(case.case), contenders(case.case));
    let mut grounds: Vec<(Work, u32)> =
        cases.iter().map(|case| ground(case)).filter(|(_, contenders)| *contenders > 1).collect();
    grounds.sort_unstable();
    grounds.dedup();
    let at = |one: &(Work, u32)| cases.iter().filter(|case| ground(case) == *one).count();
    grounds.into_iter().rev().max_by_key(|one| (at(one), Some(one.1) == study.cpus()))
}

/// `cases` at one work and number of contenders.
pub fn on_ground<'s, 'a>(cases: &[&'s CaseStudy<'a>], (work, n): (Work, u32)) -> Vec<&'s CaseStudy<'a>> {
    cases.iter().copied().filter(|case| Work::of(case.case) == work && contenders(case.case) == n).collect()
}

/// Work and number of contenders in words: `2 contenders, nothing but the lock`.
pub fn describe_ground((work, n): (Work, u32)) -> String {
    format!("{n} {}, {work}", if n == 1 { "contender" } else { "contenders" })
}

/// Offered utilisation of the lock: `n * C / (C + N)`. Without calibrated work C is the measured hold time.
pub fn utilisation(case: &CaseStudy<'_>) -> Option<f64> {
    let work = Work::of(case.case);
    let critical_section_ns = if work.critical_section_ns > 0 {
        work.critical_section_ns as f64
    } else {
        value(case, metric::HOLD_NS).unwrap_or(1.0).max(1.0)
    };
    Some(
        f64::from(case.case.params.contenders?) * critical_section_ns
            / (critical_section_ns + work.think_time_ns as f64),
    )
}

/// Jain's index over windows of this length, median over repetitions; over the whole run if there are none.
pub fn fairness(case: &CaseStudy<'_>, window_ns: u64) -> Option<f64> {
    over_windows(case, window_ns, |fairness| fairness.jain_mean).or_else(|| value(case, metric::JAIN))
}

/// Fairness metric over windows of one length, median over repetitions.
pub fn over_windows(case: &CaseStudy<'_>, window_ns: u64, read: fn(&Fairness) -> f64) -> Option<f64> {
    let of_repetitions = case.usable().filter_map(|record| {
        let contest = record.outcome.contest.as_ref()?;
        contest.fairness.iter().find(|fairness| fairness.window_ns == window_ns).map(read)
    });
    median(of_repetitions)
}

/// Window lengths recorded by `cases`, shortest first.
pub fn windows_ns(cases: &[&CaseStudy<'_>]) -> Vec<u64> {
    let contests = cases.iter().flat_map(|case| case.usable()).filter_map(|record| record.outcome.contest.as_ref());
    let mut lengths: Vec<u64> = contests.flat_map(|contest| &contest.fairness).map(|one| one.window_ns).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// Length of the counted window, median over repetitions.
pub fn whole_window_ns(case: &CaseStudy<'_>) -> Option<f64> {
    let whole = |windows: &Vec<ipcmark_record::Window>| windows.iter().map(|window| window.elapsed_ns).sum::<u64>();
    median(case.usable().filter_map(|record| record.outcome.windows.as_ref().map(whole)).map(|ns| ns as f64))
}

/// Share of hand-offs from one contender to another, `shares[from][to]`: means over repetitions, so that all sum to 1.
pub fn hand_off_shares(case: &CaseStudy<'_>) -> Option<Vec<Vec<f64>>> {
    let of_repetitions: Vec<_> = case.usable().filter_map(|record| record.outcome.contest.as_ref()).collect();
    let n = of_repetitions.first()?.hand_offs.len();
    let total = |all: &[Vec<u64>]| all.iter().flatten().sum::<u64>() as f64;
    let text: Vec<_> =
        of_repetitions.iter().filter(|one| one.hand_offs.len() == n && total(&one.hand_offs) > 0.0).collect();
    if text.is_empty() {
        return None;
    }
    let share = |from: usize, to: usize| {
        let of = |one: &&&Contest| {
            let count = one.hand_offs.get(from).and_then(|row| row.get(to)).copied().unwrap_or(0);
            count as f64 / total(&one.hand_offs)
        };
        text.iter().map(of).sum::<f64>() / text.len() as f64
    };
    Some((0..n).map(|from| (0..n).map(|to| share(from, to)).collect()).collect())
}
