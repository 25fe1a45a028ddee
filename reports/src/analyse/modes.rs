//! Several speeds within a trial, found from its windows: a case that changes between them has no typical time.
//!
//! The times per message of the windows are sorted and cut wherever one is at least 25 % above the one before. A group
//! with at least 15 % of the windows is a *speed*; smaller groups are stalls, and windows in which the speed changed. Two
//! neighbouring speeds must be further apart than 2.5 times the width of the middle half of either (on a logarithmic scale),
//! or they are one speed with noise. Drift and noise leave no such gap, so they remain one speed.

use ipcmark_record::{Record, Window};

use super::statistics::quantile;
use super::trials::usable;
use crate::format;

/// Least number of windows of a trial that is searched.
const WINDOWS_MIN: usize = 12;
/// Ratio of neighbouring times that separates two groups.
const GAP: f64 = 1.25;
/// Least share of the windows in a speed.
const SHARE_MIN: f64 = 0.15;
/// Least gap between two speeds, over the width of the middle half of either.
const GAP_OVER_WIDTH: f64 = 2.5;
/// Least share of the searched trials with several speeds for a case to be said to have them.
const TRIALS_MIN: f64 = 1.0 / 3.0;

/// One speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Median time per message.
    pub ns: f64,
    /// Share of the windows.
    pub share: f64,
}

/// Speeds in the times per message of windows, the fastest first; one if they do not differ, none with too few windows.
pub fn speeds(mut times: Vec<f64>) -> Vec<Speed> {
    if times.len() < WINDOWS_MIN {
        return Vec::new();
    }
    times.sort_by(f64::total_cmp);
    let enough = |group: &&[f64]| group.len() as f64 >= SHARE_MIN * times.len() as f64;
    let mut groups: Vec<Vec<f64>> =
        times.chunk_by(|low, high| high / low < GAP).filter(enough).map(<[f64]>::to_vec).collect();
    while let Some(at) = (1..groups.len()).find(|&at| !apart(&groups[at - 1], &groups[at])) {
        let slower = groups.remove(at);
        groups[at - 1].extend(slower);
    }
    let share = |group: &[f64]| group.len() as f64 / times.len() as f64;
    groups.iter().map(|group| Speed { ns: quantile(group, 0.5), share: share(group) }).collect()
}

/// Whether the gap between two sorted groups is wide enough for their own widths.
fn apart(fast: &[f64], slow: &[f64]) -> bool {
    let width = |group: &[f64]| (quantile(group, 0.75) / quantile(group, 0.25)).ln();
    let gap = (quantile(slow, 0.0) / quantile(fast, 1.0)).ln();
    gap > GAP_OVER_WIDTH * width(fast).max(width(slow))
}

/// Speeds within the usable trials of a case in words; `None` if fewer than a third of them have several.
pub fn describe(records: &[&Record]) -> Option<String> {
    let time = |window: &Window| window.elapsed_ns as f64 / window.messages as f64;
    let windows = |record: &Record| -> Vec<f64> {
        record.outcome.windows.iter().flatten().filter(|window| window.messages > 0).map(time).collect()
    };
    let searched: Vec<Vec<f64>> = usable(records).map(windows).filter(|times| times.len() >= WINDOWS_MIN).collect();
    let several: Vec<Vec<f64>> = searched.iter().filter(|times| speeds((*times).clone()).len() > 1).cloned().collect();
    if several.is_empty() || (several.len() as f64) < TRIALS_MIN * searched.len() as f64 {
        return None;
    }
    // The speeds may differ from trial to trial, as between near and far CPUs; then one trial is the example.
    let together = speeds(several.concat());
    let (found, example) = match together.len() {
        0 | 1 => (speeds(several[0].clone()), " (one of them)"),
        _ => (together, ""),
    };
    let each: Vec<String> = found
        .iter()
        .map(|speed| format!("{} in {} of the windows", format::ns(speed.ns), format::percent(speed.share)))
        .collect();
    let number = match found.len() {
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        more => more.to_string(),
    };
    Some(format!("{number} speeds within {} of {} trials{example}: {}", several.len(), searched.len(), each.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::statistics::Random;
    use super::*;

    /// Factor with a logarithm of mean 0 and standard deviation `sigma`: the sum of twelve uniform draws.
    fn noise(sigma: f64, random: &mut Random) -> f64 {
        let sum: f64 = (0..12).map(|_| random.below(1_000_000) as f64 / 1e6).sum();
        (sigma * (sum - 6.0)).exp()
    }

    /// Windows of `counts` at each time, with noise.
    fn windows(counts: &[(f64, usize)], sigma: f64, random: &mut Random) -> Vec<f64> {
        let mut times: Vec<f64> = Vec::new();
        for &(ns, count) in counts {
            times.extend((0..count).map(|_| ns * noise(sigma, random)));
        }
        times
    }

    /// Share of 500 made-up trials with as many speeds as `expected`.
    fn found(expected: usize, mut trial: impl FnMut(&mut Random) -> Vec<f64>) -> f64 {
        let mut random = Random::new(12);
        (0..500).filter(|_| speeds(trial(&mut random)).len() == expected).count() as f64 / 500.0
    }

    #[test]
    fn noise_of_any_width_is_one_speed() {
        for sigma in [0.01, 0.05, 0.1, 0.2, 0.3, 0.5] {
            let one = found(1, |random| windows(&[(200.0, 20)], sigma, random));
            assert!(one >= 0.98, "{one} at {sigma}");
        }
        // Two stalls and two windows between are no speed.
        assert!(found(1, |random| windows(&[(200.0, 17), (300.0, 1), (9_000.0, 2)], 0.03, random)) >= 0.98);
    }

    #[test]
    fn two_and_three_speeds_are_found_with_their_shares() {
        assert!(found(2, |random| windows(&[(200.0, 12), (400.0, 8)], 0.05, random)) >= 0.95);
        assert!(found(3, |random| windows(&[(200.0, 8), (400.0, 6), (650.0, 6)], 0.03, random)) >= 0.95);
        // A window in which the speed changed lies between both.
        let both = speeds(windows(&[(200.0, 11), (290.0, 1), (400.0, 8)], 0.01, &mut Random::new(1)));
        assert_eq!(both.len(), 2);
        assert!((both[0].ns / 200.0 - 1.0).abs() < 0.02 && (both[0].share - 0.55).abs() < 1e-9, "{both:?}");
        assert!((both[1].ns / 400.0 - 1.0).abs() < 0.02 && (both[1].share - 0.40).abs() < 1e-9, "{both:?}");
    }

    #[test]
    fn drift_is_one_speed() {
        let drift = |times: f64| (0..20).map(|at| 200.0 * (1.0 + (times - 1.0) * f64::from(at) / 19.0)).collect();
        assert!([1.2, 2.0, 4.0].into_iter().all(|times| speeds(drift(times)).len() == 1));
        assert!(speeds(vec![200.0; 11]).is_empty(), "too few windows");
    }
}
