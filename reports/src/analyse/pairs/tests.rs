//! Made-up pairs: the rate of false verdicts, and what is found how soon.

use super::*;
use crate::analyse::statistics::{Random, quantile};

/// A machine that drifts, stalls now and then, and favours whatever runs second.
struct Noise {
    random: Random,
    drift: f64,
}

impl Noise {
    fn seeded(seed: u64) -> Self {
        Self { random: Random::new(seed), drift: 0.0 }
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        self.random.next_u64() as f64 / u64::MAX as f64
    }

    /// Roughly normal with a standard deviation of 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }

    /// Time of a trial that takes 1 on an idle machine.
    fn trial(&mut self, spread: f64) -> f64 {
        self.drift = 0.9 * self.drift + 0.05 * self.normal();
        let stall = if self.share() < 0.05 { 1.0 + 3.0 * self.share() } else { 1.0 };
        (self.drift + spread * self.normal()).exp() * stall
    }

    /// A pair of which the second side takes `slower` times as long.
    fn pair(&mut self, spread: f64, slower: f64) -> Pair {
        let (first, second) = (self.trial(spread), 0.95 * self.trial(spread));
        let (a, b) = if self.share() < 0.5 { (first, second) } else { (second, first) };
        Pair { ratio: b * slower / a, group: 0 }
    }
}

/// Whether an interval shows a difference.
fn differs(interval: Interval) -> Option<bool> {
    (interval.low > 1.0).then_some(true).or((interval.high < 1.0).then_some(false))
}

/// Share of `cases` with a verdict among up to `pairs` pairs, and the pairs that these took on average.
fn verdicts(cases: u64, pairs: usize, spread: f64, slower: f64, wanted: Option<bool>) -> (f64, f64) {
    let found: Vec<usize> = (0..cases)
        .filter_map(|seed| {
            let mut noise = Noise::seeded(seed);
            let made: Vec<_> = (0..pairs).map(|_| Some(noise.pair(spread, slower))).collect();
            let judged = judge(&made, true, differs);
            judged.verdict.filter(|verdict| wanted.is_none_or(|wanted| wanted == *verdict))?;
            judged.ratio.map(|ratio| ratio.pairs)
        })
        .collect();
    (found.len() as f64 / cases as f64, found.iter().sum::<usize>() as f64 / found.len().max(1) as f64)
}

#[test]
fn equal_sides_are_called_different_in_at_most_one_case_in_a_hundred() {
    for (pairs, cases) in [(9, 20_000), (20, 5_000), (76, 1_000)] {
        let (share, _) = verdicts(cases, pairs, 0.05, 1.0, None);
        assert!(share <= ERROR, "{share} of {cases} cases of up to {pairs} pairs");
    }
}

#[test]
fn two_hundred_equal_cases_have_no_more_than_ten_false_verdicts() {
    let (share, _) = verdicts(200, 54, 0.05, 1.0, None);
    assert!(share <= 0.05, "{share} of 200 cases");
}

#[test]
fn three_percent_are_found_on_a_noisy_machine() {
    // A trial of the usual length takes 0.13 s, so ten minutes have 2,300 pairs.
    let (share, pairs) = verdicts(40, 1_132, 0.05, 1.03, Some(true));
    assert!(share >= 0.95, "{share} found, after {pairs:.0} pairs on average");
    let (share, pairs) = verdicts(100, 107, 0.05, 1.10, Some(true));
    assert!(share >= 0.95, "{share} found, after {pairs:.0} pairs on average");
    let (share, _) = verdicts(40, 1_132, 0.05, 1.0 / 1.03, Some(false));
    assert!(share >= 0.95, "{share} found");
}

#[test]
fn a_bootstrap_of_nine_pairs_would_be_too_narrow() {
    const CASES: u64 = 600;
    let level = ERROR / 2.0;
    let wrong = (0..CASES).filter(|&seed| {
        let mut noise = Noise::seeded(seed);
        let logs: Vec<f64> = (0..FIRST_LOOK).map(|_| noise.pair(0.05, 1.0).ratio.ln()).collect();
        let mut draw = || {
            let mut drawn: Vec<f64> = logs.iter().map(|_| logs[noise.random.below(logs.len())]).collect();
            drawn.sort_by(f64::total_cmp);
            quantile(&drawn, 0.5)
        };
        let mut draws: Vec<f64> = (0..2_000).map(|_| draw()).collect();
        draws.sort_by(f64::total_cmp);
        quantile(&draws, level / 2.0) > 0.0 || quantile(&draws, 1.0 - level / 2.0) < 0.0
    });
    let share = wrong.count() as f64 / CASES as f64;
    assert!(share > 3.0 * level, "{share}, at a level of {level}");
}

#[test]
fn looks_are_numerous_enough_to_decide_and_share_the_error() {
    let all: Vec<usize> = looks().collect();
    assert_eq!(all[..6], [9, 13, 19, 27, 38, 54]);
    assert_eq!(all.last(), Some(&PAIRS_MAX));
    let spent: f64 = (0..all.len()).map(|look| 1.0 / ((look + 1) * (look + 2)) as f64).sum();
    assert!(spent < 1.0);
    assert!(rejected(FIRST_LOOK, ERROR / 2.0).is_some() && rejected(FIRST_LOOK - 1, ERROR / 2.0).is_none());
}

#[test]
fn ranks_agree_with_published_tables() {
    // Critical values of Wilcoxon's test: the largest sum that a two-sided test at this level rejects.
    for (pairs, level, largest) in [(10, 0.05, 8), (10, 0.01, 3), (20, 0.05, 52), (20, 0.01, 37), (50, 0.01, 373)] {
        assert_eq!(rejected(pairs, level), Some(largest + 1), "{pairs} pairs at {level}");
    }
    assert_eq!(rejected(5, 0.05), None);
    assert!((normal_tail(0.025) - 1.95996).abs() < 5e-4 && (normal_tail(1e-5) - 4.26489).abs() < 5e-4);
}

#[test]
fn many_pairs_get_an_interval_that_is_at_most_a_little_wider() {
    for level in [0.01, 1e-4] {
        let exact = rejected(EXACT_MAX, level).expect("a hundred pairs") as f64;
        let normal = rejected(EXACT_MAX + 1, level).expect("a hundred and one") as f64;
        // A pair more moves it by its rank on average.
        assert!(normal > exact && normal < exact + EXACT_MAX as f64 / 2.0, "{exact} {normal}");
    }
}

#[test]
fn only_the_largest_group_counts() {
    let pair = |ratio, group| Some(Pair { ratio, group });
    let mut pairs: Vec<_> = (0..12).map(|i| pair(1.1 + f64::from(i) / 1e4, 1)).collect();
    pairs.extend((0..7).map(|_| pair(5.0, 0)));
    pairs.extend([None, None]);
    let judged = judge(&pairs, true, |interval| (interval.low > 1.0).then_some(()));
    let ratio = judged.ratio.expect("twelve pairs");
    // The first look, at nine pairs, has nine of them.
    assert_eq!((ratio.pairs, judged.verdict), (9, Some(())));
    assert!(ratio.value > 1.1 && ratio.value < 1.11, "{ratio:?}");
}

#[test]
fn nothing_is_concluded_between_looks_or_from_too_few_pairs() {
    let pairs = vec![Some(Pair { ratio: 2.0, group: 0 }); 12];
    assert!(judge(&pairs[..8], false, differs).ratio.is_none());
    let few = judge(&pairs[..8], true, differs);
    assert!(few.verdict.is_none() && few.ratio.is_some_and(|ratio| ratio.interval.is_none()));
    assert_eq!(judge(&pairs[..9], false, differs).verdict, Some(true));
    assert_eq!(judge(&[None; 30], true, differs), Judged { ratio: None, verdict: None });
}
