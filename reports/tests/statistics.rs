//! Bootstrap on cases with known answers.
#![allow(clippy::float_cmp)] // round numbers in, the same round numbers out

use crate::common;
use ipcmark_record::Kind;
use ipcmark_reports::analyse::statistics::{
    Ends, Interval, Random, RepetitionValue, Repetitions, Within, median, quantile,
};
use proptest::prelude::*;

fn plain(values: &[f64]) -> Repetitions {
    Repetitions::new(
        Kind::Cost,
        Within::Total,
        values.iter().map(|&value| RepetitionValue { value, windows: Vec::new() }),
    )
}

#[test]
fn medians_and_quantiles_by_hand() {
    assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median([]), None);
    assert!((quantile(&[0.0, 10.0, 20.0, 30.0], 0.25) - 7.5).abs() < 1e-12);
}

#[test]
fn the_generator_follows_its_published_sequence() {
    // First outputs of SplitMix64 for seed 1234567.
    let mut random = Random::new(1_234_567);
    assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
    assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
}

#[test]
fn equal_repetitions_leave_no_doubt() {
    let estimate = plain(&[5.0; 7]).estimate().expect("seven repetitions");
    assert_eq!((estimate.value, estimate.interval), (5.0, Some(Interval { low: 5.0, high: 5.0 })));
    assert_eq!(estimate.spread(), Some(0.0));
}

#[test]
fn one_repetition_has_no_interval_and_none_no_estimate() {
    assert_eq!(plain(&[5.0]).estimate().expect("one repetition").interval, None);
    assert!(plain(&[]).estimate().is_none());
    assert!(plain(&[f64::NAN]).estimate().is_none());
}

#[test]
fn below_five_repetitions_the_ends_are_the_range_seen() {
    let three = plain(&[12.0, 10.0, 19.0]).estimate().expect("three repetitions");
    assert_eq!((three.value, three.interval), (12.0, Some(Interval { low: 10.0, high: 19.0 })));
    assert_eq!(three.ends().map(|ends| ends.to_string()).as_deref(), Some("range of 3 repetitions"));
    assert_eq!(three.plus_minus().map(|words| words.replace('\u{202f}', " ")).as_deref(), Some("±58 %"));
    let ratio = plain(&[20.0, 30.0]).ratio_to(&plain(&[10.0, 12.0])).expect("two repetitions each");
    assert_eq!(ratio.interval, Some(Interval { low: 20.0 / 12.0, high: 3.0 }));
    let five = plain(&[10.0, 11.0, 12.0, 13.0, 14.0]).estimate().expect("five repetitions");
    assert_eq!(five.ends(), Some(Ends::Confidence));
    assert_eq!(plain(&[5.0]).estimate().expect("one").ends(), None);
}

#[test]
fn repetitions_that_differ_are_wider_than_windows_that_differ() {
    let windows = |slow: f64| (0..20).map(|i| (if i % 2 == 0 { slow } else { 1.0 }, 1.0)).collect::<Vec<_>>();
    let within = Repetitions::new(
        Kind::Cost,
        Within::Total,
        (0..10).map(|_| RepetitionValue { value: 1.0, windows: windows(1.1) }),
    );
    let between = Repetitions::new(
        Kind::Cost,
        Within::Total,
        (0..10).map(|i| RepetitionValue { value: 1.0 + 0.1 * f64::from(i % 2), windows: vec![] }),
    );
    let spread = |repetitions: &Repetitions| {
        repetitions.estimate().and_then(|estimate| estimate.spread()).expect("ten repetitions")
    };
    assert!(spread(&within) > 0.0);
    assert!(spread(&between) > 2.0 * spread(&within));
}

#[test]
fn among_many_repetitions_the_windows_of_each_do_not_matter() {
    let estimate = |count: u64, stalled: f64| {
        let mut random = Random::new(5);
        let repetitions = (0..count).map(|_| {
            let value = 100.0 + random.below(1_000) as f64 / 100.0;
            RepetitionValue { value, windows: vec![(value, 1.0), (value, 1.0), (value * stalled, 1.0)] }
        });
        Repetitions::new(Kind::Cost, Within::Total, repetitions).estimate().expect("many repetitions").interval
    };
    assert_eq!(estimate(31, 1.0), estimate(31, 3.0));
    assert_ne!(estimate(30, 1.0), estimate(30, 3.0));
}

#[test]
fn a_rate_and_its_cost_have_the_same_interval_upside_down() {
    let windows: Vec<_> = (0..12).map(|i| (100.0 + f64::from(i), 10.0)).collect();
    let values = [90.0, 100.0, 103.0, 110.0, 95.0];
    let of = |kind, invert: bool| {
        let repetition =
            |&v: &f64| RepetitionValue { value: if invert { 1.0 / v } else { v }, windows: windows.clone() };
        Repetitions::new(kind, Within::Total, values.iter().map(repetition)).estimate().expect("five repetitions")
    };
    let (cost, rate) = (of(Kind::Cost, false), of(Kind::Rate, true));
    let (cost_interval, rate_interval) = (cost.interval.expect("five"), rate.interval.expect("five"));
    assert!((cost.value * rate.value - 1.0).abs() < 1e-9);
    assert!((cost_interval.low * rate_interval.high - 1.0).abs() < 1e-3);
    assert!((cost_interval.high * rate_interval.low - 1.0).abs() < 1e-3);
}

#[test]
fn one_stalled_window_moves_a_total_and_not_a_median() {
    let mut windows = vec![(100.0, 10.0); 19];
    windows.push((5_000.0, 10.0));
    let of = |within| {
        let repetitions = (0..6).map(|_| RepetitionValue { value: 10.0, windows: windows.clone() });
        Repetitions::new(Kind::Cost, within, repetitions).estimate().and_then(|e| e.spread()).expect("six repetitions")
    };
    assert!(of(Within::Median) < 1e-9);
    assert!(of(Within::Total) > 0.05);
}

#[test]
fn intervals_cover_the_truth_about_as_often_as_they_say() {
    let mut random = Random::new(2024);
    let covered = (0..300)
        .filter(|_| {
            let values: Vec<f64> = (0..12).map(|_| 100.0 + 5.0 * common::gauss(&mut random)).collect();
            let Interval { low, high } =
                plain(&values).estimate().and_then(|e| e.interval).expect("twelve repetitions");
            (low..=high).contains(&100.0)
        })
        .count();
    // 95 % nominal; a percentile bootstrap of a median of twelve may deviate by a few points.
    assert!((264..=299).contains(&covered), "{covered} of 300");
}

#[test]
fn a_ratio_of_independent_sides_is_the_ratio_of_their_medians() {
    let (a, b) = (plain(&[10.0, 11.0, 9.0, 10.0, 10.0]), plain(&[20.0, 21.0, 19.0, 20.0, 20.0]));
    let ratio = b.ratio_to(&a).expect("five repetitions each");
    assert_eq!(ratio.value, 2.0);
    let Interval { low, high } = ratio.interval.expect("five repetitions each");
    assert!(low >= 19.0 / 11.0 && high <= 21.0 / 9.0 && low < 2.0 && high > 2.0);
}

proptest! {
    #[test]
    fn an_interval_holds_its_median_and_stays_within_its_sets(values in prop::collection::vec(1.0..1e6f64, 2..12)) {
        let estimate = plain(&values).estimate().expect("at least two");
        let Interval { low, high } = estimate.interval.expect("at least two");
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        let most = values.iter().copied().fold(0.0, f64::max);
        prop_assert!(low <= estimate.value && estimate.value <= high);
        prop_assert!(least <= low && high <= most);
    }

    #[test]
    fn the_unit_does_not_matter(values in prop::collection::vec(1.0..1e3f64, 2..8), scale in 0.001..1e3f64) {
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        let (plain_estimate, scaled_estimate) = (plain(&values).estimate(), plain(&scaled).estimate());
        let (a, b) = (plain_estimate.expect("some"), scaled_estimate.expect("some"));
        prop_assert!((a.value * scale - b.value).abs() <= 1e-9 * b.value);
        let (a, b) = (a.interval.expect("two"), b.interval.expect("two"));
        prop_assert!((a.low * scale - b.low).abs() <= 1e-9 * b.low && (a.high * scale - b.high).abs() <= 1e-9 * b.high);
    }
}
