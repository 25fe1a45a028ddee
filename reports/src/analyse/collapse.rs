//! Modes between the repetitions of a case: groups of costs far apart, such as those of a lock that collapses in some.
//!
//! Rule: the costs are sorted, and a new group begins where one is more than three times the one before it. That limit is
//! raised by the factor between the highest and the lowest floor beside them, since CPUs that are far from each other in
//! some repetitions explain that much. A group of one repetition is an outlier. With two other groups or more the case is
//! unstable, and the repetitions above the first of these have collapsed.

use super::verdict::REPETITIONS_FOR_A_VERDICT;

/// Factor between two neighbouring costs above which they belong to different groups.
pub const APART: f64 = 3.0;
/// Fewest repetitions of a mode.
const REPETITIONS_OF_A_MODE: usize = 2;

/// Repetitions that fall into several modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Collapse {
    /// Repetitions slower than the fastest mode.
    pub collapsed: usize,
    /// All repetitions.
    pub repetitions: usize,
    /// Least cost of a collapsed repetition over the highest one of the fastest mode.
    pub times: f64,
}

/// Modes of the `costs` of one case; `None` if there is one. `floors` are those beside them, if any.
pub fn collapse(costs: &[f64], floors: &[f64]) -> Option<Collapse> {
    let mut sorted: Vec<f64> = costs.iter().copied().filter(|cost| cost.is_finite() && *cost > 0.0).collect();
    if sorted.len() < REPETITIONS_FOR_A_VERDICT {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    let limit = APART * moved(floors);
    let groups: Vec<&[f64]> = sorted.chunk_by(|a, b| *b <= limit * *a).collect();
    let is_mode = |group: &&[f64]| group.len() >= REPETITIONS_OF_A_MODE;
    if groups.iter().filter(|group| is_mode(group)).count() < 2 {
        return None;
    }
    let fastest = groups.iter().find(|group| is_mode(group)).and_then(|group| group.last())?;
    let slower: Vec<f64> = sorted.iter().copied().filter(|cost| cost > fastest).collect();
    Some(Collapse { collapsed: slower.len(), repetitions: sorted.len(), times: slower.first()? / fastest })
}

/// Highest over lowest floor; 1 without floors.
pub fn moved(floors: &[f64]) -> f64 {
    let known = floors.iter().copied().filter(|floor| floor.is_finite() && *floor > 0.0);
    let (low, high) = known.fold((f64::INFINITY, 0.0_f64), |(low, high), ns| (low.min(ns), high.max(ns)));
    (high / low).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rates(rates: &[f64]) -> Option<Collapse> {
        collapse(&rates.iter().map(|rate| 1e9 / rate).collect::<Vec<_>>(), &[])
    }

    #[test]
    fn a_collapse_between_repetitions_is_found() {
        let found = of_rates(&[225_872.0, 152.0, 122_638.0, 231.0, 94.0]).expect("two modes");
        assert_eq!((found.collapsed, found.repetitions), (3, 5));
        assert!((found.times - 122_638.0 / 231.0).abs() < 1e-6, "{found:?}");
        let three = collapse(&[1.0, 1.1, 10.0, 11.0, 100.0, 110.0], &[]).expect("three modes");
        assert_eq!((three.collapsed, three.repetitions), (4, 6));
    }

    #[test]
    fn noise_and_single_outliers_are_no_modes() {
        assert_eq!(of_rates(&[100.0, 180.0, 90.0, 240.0, 130.0]), None);
        assert_eq!(collapse(&[10.0, 10.1, 10.2, 10.3, 500.0], &[]), None);
        assert_eq!(collapse(&[1.0, 10.0, 10.1, 10.2, 10.3], &[]), None);
        // Wide, but without a gap.
        assert_eq!(collapse(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0], &[]), None);
    }

    #[test]
    fn few_or_broken_values_are_not_judged() {
        assert_eq!(collapse(&[1.0, 1.0, 90.0, 90.0], &[]), None);
        assert_eq!(collapse(&[1.0, 1.0, 90.0, f64::INFINITY, 0.0, f64::NAN], &[]), None);
    }

    #[test]
    fn a_floor_that_moved_explains_as_much() {
        let costs = [65.0, 66.0, 349.0, 350.0, 351.0];
        assert!(collapse(&costs, &[24.0, 25.0, 24.0, 26.0, 24.0]).is_some());
        assert_eq!(collapse(&costs, &[24.0, 25.0, 300.0, 310.0, 320.0]), None);
    }
}
