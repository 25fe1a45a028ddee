//! Changes reported by a comparison.

use std::sync::Arc;

use crate::common;
use ipcmark_record::{GroupLimits, Measure, Placement, Record, metric};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{Change, Recording, compare, mismatches};

/// Repetitions of one case with a cost of `ns` and a relative `noise`.
fn recording(ns: f64, noise: f64, repetitions: u32, measure: Measure) -> Recording {
    let one = common::variants()[1];
    let case = common::case(&one, measure, Placement::SameL3, 8);
    let record = |repetition: u32| -> Record {
        let mut record = common::measured(&one, case.clone(), repetition, &mut Random::new(1));
        let value = ns * (1.0 + noise * (f64::from(repetition % 3) - 1.0));
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        metrics.insert(metric::ROUND_TRIP_NS.into(), value);
        metrics.insert(metric::MESSAGES_PER_S.into(), 1e9 / value);
        record.outcome.windows = None;
        record
    };
    Recording { records: (0..repetitions).map(record).collect(), bad_lines: Vec::new() }
}

fn word(a: &Recording, b: &Recording) -> Change {
    let compared = compare(a, b);
    assert_eq!(compared.len(), 1);
    compared[0].change
}

#[test]
fn the_four_words() {
    for measure in [Measure::RoundTrip, Measure::Stream] {
        let of = |ns, noise| recording(ns, noise, 6, measure);
        assert_eq!(word(&of(100.0, 0.02), &of(50.0, 0.02)), Change::Faster);
        assert_eq!(word(&of(100.0, 0.02), &of(150.0, 0.02)), Change::Slower);
        assert_eq!(word(&of(100.0, 0.02), &of(102.0, 0.02)), Change::Equal);
        assert_eq!(word(&of(100.0, 0.3), &of(105.0, 0.3)), Change::CantTell);
    }
}

#[test]
fn fewer_than_five_repetitions_show_nothing() {
    let (few, many) = (recording(100.0, 0.0, 4, Measure::RoundTrip), recording(10.0, 0.0, 9, Measure::RoundTrip));
    let compared = compare(&few, &many);
    assert_eq!(compared[0].change, Change::CantTell);
    assert!(compared[0].ratio.is_some() && compared[0].why.contains("5 repetitions"), "{}", compared[0].why);
}

#[test]
fn a_case_on_one_side_is_named_with_the_others_reason() {
    let a = recording(100.0, 0.0, 5, Measure::RoundTrip);
    let skipped = common::skipped(a.records[0].case.clone(), 0, "no second CPU");
    let b = Recording { records: vec![skipped], bad_lines: Vec::new() };
    let compared = compare(&a, &b);
    assert_eq!((compared[0].change, compared[0].why.as_str()), (Change::OnlyFirst, "no second CPU"));
    assert_eq!(word(&b, &a), Change::OnlySecond);
    assert!(compare(&b, &b).is_empty());
    assert_eq!(word(&a, &Recording::default()), Change::OnlyFirst);
}

#[test]
fn what_differs_besides_the_numbers_is_said() {
    let a = recording(100.0, 0.0, 5, Measure::RoundTrip);
    assert!(mismatches(&a, &a).is_empty());
    let mut b = a.clone();
    for record in &mut b.records {
        Arc::make_mut(&mut record.suite).plan_hash = "fedcba".into();
        Arc::make_mut(&mut record.suite).version = "9.9.9".into();
    }
    let said = mismatches(&a, &b);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("plan") && said[1].contains("9.9.9"), "{said:?}");
}

#[test]
fn another_price_of_a_pause_hint_is_said() {
    let priced = |pause_ns: f64| {
        let mut priced = recording(100.0, 0.0, 5, Measure::RoundTrip);
        for role in priced.records.iter_mut().flat_map(|record| record.outcome.roles.iter_mut().flatten()) {
            role.pause_ns = Some(pause_ns);
        }
        priced
    };
    assert!(mismatches(&priced(24.5), &priced(25.0)).is_empty());
    assert!(mismatches(&recording(100.0, 0.0, 5, Measure::RoundTrip), &priced(25.0)).is_empty());
    let said = mismatches(&priced(13.3), &priced(46.7));
    assert_eq!(said, ["the price of a pause hint differs: 13.3 ns in the first, 46.7 ns in the second"]);
}

#[test]
fn another_cpu_quota_is_said() {
    let a = recording(100.0, 0.0, 5, Measure::RoundTrip);
    let mut b = a.clone();
    for record in &mut b.records {
        Arc::make_mut(&mut record.machine).facts.group_limits =
            Some(GroupLimits { quota_cpus: Some(0.5), ..GroupLimits::default() });
    }
    let said = mismatches(&a, &b);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("CPU quota, weight or cpuset differs: \"none\"") && said[0].contains("0.5"), "{said:?}");
    assert!(mismatches(&b, &b).is_empty());
}
