//! Summaries and verdicts, by the rules of `analyse::verdict`.
#![allow(clippy::float_cmp)] // round numbers in, the same round numbers out

use std::sync::Arc;

use crate::common;
use hdrhistogram::Histogram;
use ipcmark_record::{Measure, Outcome, PairedFloor, Placement, Record, Status, Verdict, Window, metric};
use ipcmark_reports::analyse::best::Best;
use ipcmark_reports::analyse::distribution::Distribution;
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::Study;
use ipcmark_reports::analyse::trials::{self, Stamping};
use ipcmark_reports::{CaseSummary, summarise, widths};

/// Repetitions of one round-trip case with these values.
fn repetitions(values: &[f64]) -> Vec<Record> {
    let one = common::variants()[1];
    let case = common::case(&one, Measure::RoundTrip, Placement::SameL3, 8);
    let record = |(repetition, value): (usize, &f64)| {
        let mut record = common::measured(&one, case.clone(), repetition as u32, &mut Random::new(1));
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        metrics.insert(metric::ROUND_TRIP_NS.into(), *value);
        record.outcome.windows = None;
        record
    };
    values.iter().enumerate().map(record).collect()
}

fn only(records: &[Record]) -> CaseSummary {
    let mut summaries = summarise(records);
    assert_eq!(summaries.len(), 1);
    summaries.remove(0)
}

#[test]
fn five_repetitions_that_agree_are_stable() {
    let summary = only(&repetitions(&[100.0, 101.0, 99.0, 102.0, 98.0]));
    assert_eq!(summary.verdict, Some(Verdict::Stable), "{}", summary.why);
    assert_eq!(summary.typical.expect("measured").value, 100.0);
    assert_eq!(summary.repetitions.measured, 5);
}

#[test]
fn repetitions_that_disagree_are_noisy() {
    let summary = only(&repetitions(&[100.0, 150.0, 99.0, 130.0, 80.0]));
    assert_eq!(summary.verdict, Some(Verdict::Noisy));
    assert!(summary.why.contains('%'), "{}", summary.why);
}

#[test]
fn repetitions_in_two_modes_are_unstable_and_say_how_many_collapsed() {
    let of_rates = |doubted: usize| {
        let mut records = repetitions(&[225_872.0, 152.0, 122_638.0, 231.0, 94.0].map(|rate| 1e9 / rate));
        for record in &mut records {
            record.outcome.floor = None;
        }
        for record in &mut records[..doubted] {
            record.outcome.verdict = Some(Verdict::Noisy);
        }
        only(&records)
    };
    let summary = of_rates(0);
    assert_eq!(summary.verdict, Some(Verdict::Unstable));
    assert_eq!(summary.why, "3 of 5 repetitions collapsed: they took at least 530 times as long");
    assert_eq!(of_rates(3).verdict, Some(Verdict::Unstable), "a collapse raises doubts of its own");
}

#[test]
fn four_repetitions_are_not_judged() {
    let summary = only(&repetitions(&[100.0, 101.0, 99.0, 100.0]));
    assert_eq!(summary.verdict, None);
    assert!(summary.why.contains("needs 5 repetitions"), "{}", summary.why);
}

#[test]
fn one_disturbed_repetition_of_five_is_mentioned_and_two_are_too_many() {
    let mut records = repetitions(&[100.0; 5]);
    let disturb = |record: &mut Record| {
        record.outcome.verdict = Some(Verdict::Disturbed);
        record.outcome.why = Some("a CPU was taken away".into());
    };
    disturb(&mut records[0]);
    let summary = only(&records);
    assert_eq!(summary.verdict, Some(Verdict::Stable));
    assert!(summary.why.contains("a CPU was taken away"), "{}", summary.why);
    disturb(&mut records[1]);
    let summary = only(&records);
    assert_eq!(summary.verdict, Some(Verdict::Disturbed));
    assert_eq!(summary.why, "2 of 5 repetitions were disturbed: a CPU was taken away");
    for record in &mut records[..2] {
        record.outcome.verdict = Some(Verdict::Noisy);
    }
    assert_eq!(only(&records).verdict, Some(Verdict::Noisy), "its own doubts are no disturbance");
}

#[test]
fn a_failed_check_takes_the_number_away() {
    let mut records = repetitions(&[100.0; 5]);
    records[3].outcome.verdict = Some(Verdict::Invalid);
    records[3].outcome.why = Some("message 7 arrived twice".into());
    let summary = only(&records);
    assert_eq!(summary.verdict, Some(Verdict::Invalid));
    assert!(summary.typical.is_none() && summary.p50_ns.is_none() && summary.to_floor.is_none());
    assert!(
        summary.why.contains("1 of 5 repetitions broke or failed a check: message 7 arrived twice"),
        "{}",
        summary.why
    );
}

#[test]
fn a_repetition_that_broke_makes_a_case_invalid() {
    let mut records = repetitions(&[100.0; 5]);
    let broken = Outcome::failed("the worker was killed by signal 9");
    records[0].outcome = broken.clone();
    let summary = only(&records);
    assert_eq!((summary.verdict, summary.repetitions.failed), (Some(Verdict::Invalid), 1));
    for record in &mut records {
        record.outcome = broken.clone();
    }
    let summary = only(&records);
    assert_eq!(summary.verdict, Some(Verdict::Invalid));
    assert!(summary.why.contains("signal 9"), "{}", summary.why);
}

#[test]
fn a_skipped_case_says_why() {
    let one = common::variants()[1];
    let case = common::case(&one, Measure::Stream, Placement::CrossNode, 8);
    let summary = only(&[common::skipped(case, 0, "one memory node")]);
    assert_eq!((summary.verdict, summary.why.as_str()), (Some(Verdict::Skipped), "one memory node"));
}

#[test]
fn ratios_to_the_floor_are_paired() {
    // Case and floor drift together; only pairs show a constant ratio.
    let mut records = repetitions(&[100.0, 200.0, 400.0, 800.0, 1_600.0]);
    for record in &mut records {
        let typical = record.outcome.metrics.as_ref().expect("measured")[metric::ROUND_TRIP_NS];
        record.outcome.floor = Some(PairedFloor {
            name: "two_line_round_trip".into(),
            ns: typical / 1.25,
            reference: false,
            line_round_trip_ns: None,
            transfer_serial_ns: None,
            futex_hop_ns: None,
        });
    }
    let ratio = only(&records).to_floor.expect("every repetition has a floor");
    let interval = ratio.interval.expect("five repetitions");
    assert!((ratio.value - 1.25).abs() < 1e-9 && (interval.high - interval.low).abs() < 1e-9);
}

#[test]
fn percentiles_need_ten_samples_beyond_them() {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("constant bounds");
    for latency in 1..=1_000u64 {
        histogram.saturating_record(latency);
    }
    let one = Distribution::merge([common::encode(&histogram).as_str()]).expect("just encoded");
    for at in [Distribution::at, Distribution::typical_at] {
        assert_eq!(at(&one, 0.5), Some(500.0));
        assert_eq!(at(&one, 0.99), Some(990.0));
        assert_eq!(at(&one, 0.999), None);
    }

    let texts = vec![common::encode(&histogram); 10];
    let merged = Distribution::merge(texts.iter().map(String::as_str)).expect("ten readable ones");
    assert_eq!(merged.samples(), 10_000);
    assert!(merged.at(0.999).is_some() && merged.typical_at(0.999).is_none());
}

/// A histogram of a lock's waits has one entry for each acquisition, and one sample for many of them.
#[test]
fn a_weighted_entry_is_one_sample() {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("constant bounds");
    histogram.saturating_record_n(100, 10_000);
    let text = common::encode(&histogram);
    let mut records = repetitions(&[100.0; 5]);
    for record in &mut records {
        record.outcome.histogram = Some(text.clone());
        record.outcome.metrics.as_mut().expect("measured").insert(metric::SAMPLED_EVERY.into(), 100.0);
    }
    let latencies = trials::distribution(&records.iter().collect::<Vec<_>>()).expect("readable");
    assert_eq!(latencies.samples(), 5 * 100);
    assert!(latencies.typical_at(0.9).is_some() && latencies.typical_at(0.99).is_none());
    assert!(latencies.at(0.98).is_some() && latencies.at(0.99).is_none());
}

/// Five slow repetitions and one that is ten times faster, so that it has ten times as many samples.
fn one_fast_repetition() -> Vec<String> {
    let of = |ns: u64, samples: u64| {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("constant bounds");
        histogram.saturating_record_n(ns, samples);
        common::encode(&histogram)
    };
    [vec![of(350, 4_000); 5], vec![of(35, 40_000)]].concat()
}

#[test]
fn the_fastest_repetition_has_no_more_weight_than_the_others() {
    let texts = one_fast_repetition();
    let merged = Distribution::merge(texts.iter().map(String::as_str)).expect("six readable ones");
    assert_eq!((merged.at(0.1), merged.at(0.2), merged.at(0.5)), (Some(35.0), Some(350.0), Some(350.0)));
    assert_eq!((merged.samples(), merged.typical_at(0.5)), (60_000, Some(350.0)));
    // As good as 6 x 6 / (5 / 4,000 + 1 / 40,000) = 28,235 samples.
    assert!(merged.at(0.999).is_some() && merged.at(0.9997).is_none());

    let mut records = repetitions(&[350.0, 350.0, 350.0, 350.0, 350.0, 35.0]);
    for record in &mut records {
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        metrics.insert(metric::P50_NS.into(), metrics[metric::ROUND_TRIP_NS]);
        metrics.insert(metric::P99_NS.into(), 2.0 * metrics[metric::ROUND_TRIP_NS]);
    }
    for (record, text) in records.iter_mut().zip(texts) {
        record.outcome.histogram = Some(text);
    }
    let summary = only(&records);
    let p50 = summary.p50_ns.expect("every repetition has it");
    assert_eq!((p50.value, p50.repetitions, summary.p99()), (350.0, 6, Some(700.0)));
    assert!(p50.interval.is_some_and(|interval| interval.low < 350.0 && interval.high <= 350.0));
}

#[test]
fn a_percentile_that_one_repetition_cannot_give_is_withheld() {
    let mut records = repetitions(&[100.0; 5]);
    for record in &mut records {
        record.outcome.metrics.as_mut().expect("measured").insert(metric::P999_NS.into(), 900.0);
    }
    assert_eq!(only(&records).p999_ns.map(|p999| p999.value), Some(900.0));
    records[2].outcome.metrics.as_mut().expect("measured").remove(metric::P999_NS);
    assert!(only(&records).p999_ns.is_none());
}

#[test]
fn an_unreadable_histogram_costs_only_the_curve() {
    let mut records = repetitions(&[100.0; 5]);
    for record in &mut records {
        record.outcome.histogram = Some("bm90IGEgaGlzdG9ncmFt".into());
        record.outcome.metrics.as_mut().expect("measured").insert(metric::P50_NS.into(), 97.0);
    }
    let summary = only(&records);
    assert!(summary.typical.is_some());
    assert_eq!(summary.p50_ns.map(|p50| p50.value), Some(97.0));
}

/// Percentiles of 94 ns, 390 ns and 5 us, stamped by a counter of `hz`.
fn stamped_by(hz: u64) -> Vec<Record> {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("constant bounds");
    for (ns, samples) in [(94, 60_000), (390, 39_500), (5_000, 500)] {
        histogram.saturating_record_n(ns, samples);
    }
    let text = common::encode(&histogram);
    let mut records = repetitions(&[100.0; 5]);
    for record in &mut records {
        Arc::make_mut(&mut record.machine).facts.ticks_hz = Some(hz);
        record.outcome.histogram = Some(text.clone());
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        let values = [(metric::P50_NS, 94.0), (metric::P99_NS, 390.0), (metric::P999_NS, 5_000.0)];
        metrics.extend(values.map(|(name, ns)| (name.to_owned(), ns)));
        metrics.extend(
            [(metric::READ_P99_NS, 390.0), (metric::HAND_OFF_NS, 410.0)].map(|(name, ns)| (name.to_owned(), ns)),
        );
    }
    records
}

#[test]
fn a_coarse_clock_withholds_percentiles_that_it_cannot_tell() {
    let known = |records: &[Record]| {
        let summary = only(records);
        let all: Vec<&Record> = records.iter().collect();
        let curve = trials::distribution(&all).expect("readable");
        assert_eq!(curve.typical_at(0.5).is_some(), summary.p50_ns.is_some());
        assert_eq!(
            (curve.at(0.9).is_some(), curve.min().is_some()),
            (summary.p99_ns.is_some(), summary.p50_ns.is_some())
        );
        assert!(curve.at(0.999).is_some());
        let of_locks =
            [metric::READ_P99_NS, metric::HAND_OFF_NS].map(|name| trials::over_repetitions(&all, name).is_some());
        ([summary.p50_ns, summary.p99_ns, summary.p999_ns].map(|it| it.is_some()), of_locks, summary.why)
    };
    let (all, of_locks, why) = known(&stamped_by(3_000_000_000));
    assert_eq!((all, of_locks), ([true; 3], [true; 2]), "{why}");
    assert!(!why.contains("step of the clock"), "{why}");

    let (some, of_locks, why) = known(&stamped_by(25_000_000));
    assert_eq!((some, of_locks), ([false, false, true], [false, true]), "{why}");
    let reason = "p50 and p99 withheld: one step of the clock, 40.0 ns, is more than a tenth";
    assert!(why.replace(['\u{202f}', '\u{a0}'], " ").contains(reason), "{why}");
    let page = common::page(stamped_by(25_000_000)).replace(['\u{202f}', '\u{a0}'], " ");
    assert!(page.contains(reason));
    assert_eq!(only(&stamped_by(25_000_000)).typical.expect("counted in blocks").value, 100.0);

    // The clock that stamped a trial counts, not the frequency of its counter.
    let mut records = stamped_by(3_000_000_000);
    for record in &mut records {
        record.outcome.metrics.as_mut().expect("measured").insert(metric::CLOCK_STEP_NS.into(), 9.0);
    }
    assert_eq!(known(&records).0, [true; 3]);
    records[2].outcome.metrics.as_mut().expect("measured").insert(metric::CLOCK_STEP_NS.into(), 10.0);
    assert_eq!(known(&records).0, [false, true, true]);
}

#[test]
fn a_median_of_single_events_that_the_clock_cannot_tell_is_marked() {
    let wakes = |hz: u64| {
        let mut records = stamped_by(hz);
        for record in &mut records {
            record.case.measure = Measure::Wake;
            record.case_key = record.case.key();
            record.outcome.metrics.as_mut().expect("measured").insert(metric::WAKE_NS.into(), 390.0);
        }
        only(&records)
    };
    let (coarse, fine) = (wakes(25_000_000), wakes(3_000_000_000));
    assert!(coarse.typical.is_some() && coarse.coarse.is_some_and(|why| coarse.why.contains(&why)));
    assert_eq!(fine.coarse, None);
}

/// Counted trips of 100 ns, and stamped ones of `stamped_ns`.
fn stamped(stamped_ns: f64) -> Vec<Record> {
    let mut records = repetitions(&[100.0; 5]);
    for record in &mut records {
        record.outcome.windows =
            Some((0..4).map(|i| Window { start_ns: i * 1_000, elapsed_ns: 1_000, messages: 10 }).collect());
        record.outcome.metrics.as_mut().expect("measured").insert(metric::STAMPED_ROUND_TRIP_NS.into(), stamped_ns);
    }
    records
}

#[test]
fn a_clock_read_that_costs_more_than_five_percent_is_said_in_words() {
    let of = |records: &[Record]| Stamping::of(&records.iter().collect::<Vec<_>>());
    let warning = of(&stamped(123.0)).and_then(|both| both.warning()).expect("23 %");
    assert_eq!(
        warning.replace('\u{202f}', " "),
        "23 % slower with a clock read after every trip: 123 ns instead of 100 ns"
    );
    assert_eq!(of(&stamped(104.0)).and_then(|both| both.warning()), None);
    assert!(of(&stamped(90.0)).and_then(|both| both.warning()).is_some_and(|why| why.contains("faster")));
    assert!(of(&repetitions(&[100.0; 5])).is_none(), "no windows");

    let page = common::page(stamped(123.0));
    assert_eq!(page.matches("23 % slower with a clock read after every trip: 123 ns instead of 100 ns").count(), 3);
    assert!(page.contains("come from trips that were 23 % slower"));
    assert!(!common::page(stamped(104.0)).contains("clock read after every trip"));
}

/// Twelve windows of 200 ns and eight of 400 ns.
fn two_speeds(record: &mut Record) {
    let elapsed_ns = |at: u64| if at % 5 < 3 { 200_000 } else { 400_000 };
    let window = |at: u64| Window { start_ns: at * 400_000, elapsed_ns: elapsed_ns(at), messages: 1_000 };
    record.outcome.windows = Some((0..20).map(window).collect());
}

#[test]
fn several_speeds_within_trials_are_said_on_the_page() {
    let mut records = repetitions(&[200.0; 5]);
    assert_eq!(only(&records).speeds, None);
    records.iter_mut().for_each(two_speeds);
    let summary = only(&records);
    let speeds = "two speeds within 5 of 5 trials: 200 ns in 60 % of the windows, 400 ns in 40 % of the windows";
    assert!(summary.why.replace('\u{202f}', " ").ends_with(speeds), "{}", summary.why);
    assert!(common::page(records).contains(speeds));
}

#[test]
fn every_case_but_the_floors_has_one_summary() {
    let records = common::quick_run(2, 3);
    let mut keys: Vec<&str> = records.iter().map(|record| record.case_key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let summaries = summarise(&records);
    assert_eq!(summaries.len(), keys.len());
    let sentinel = |summary: &&CaseSummary| summary.repetitions.all() == 12;
    assert_eq!(summaries.iter().filter(sentinel).count(), 1);
    assert!(summaries.iter().filter(|summary| !sentinel(summary)).all(|summary| summary.repetitions.all() == 2));
    assert!(summaries.iter().filter(|s| s.case.measure == Measure::CostModel).all(|s| s.main.is_none()));
    assert!(records.iter().all(|record| record.outcome.status != Status::Failed));
}

#[test]
fn the_widest_interval_comes_first_and_too_few_repetitions_are_the_widest() {
    let of = |bytes: u64, values: &[f64]| {
        let mut records = repetitions(values);
        for record in &mut records {
            record.case.params.message_bytes = Some(bytes);
            record.case_key = record.case.key();
        }
        records
    };
    let (narrow, wide) = (of(8, &[100.0; 5]), of(64, &[100.0, 150.0, 99.0, 130.0, 80.0]));
    let few = of(1024, &[100.0; 4]);
    let mut broken = of(4096, &[100.0; 5]);
    broken[0].outcome = Outcome::failed("made up");
    let mut late = of(16_384, &[100.0, 150.0, 99.0, 130.0, 80.0]);
    late[0].outcome.verdict = Some(Verdict::Overloaded);
    let found = widths(&[narrow.clone(), few.clone(), broken, late, wide.clone()].concat());
    let keys: Vec<&str> = found.iter().map(|width| width.case_key.as_str()).collect();
    assert_eq!(keys, [&few, &wide, &narrow].map(|records| records[0].case_key.as_str()));
    assert_eq!(found[0].spread, f64::INFINITY);
    assert_eq!(found[1].spread, only(&wide).typical.and_then(|typical| typical.spread()).expect("five repetitions"));
    assert_eq!(found[2].spread, 0.0);
}

#[test]
fn only_intervals_that_say_something_tie() {
    let tie = |first: [f64; 7], second: [f64; 7]| {
        let mut records = repetitions(&first);
        records.extend(repetitions(&second).into_iter().map(|mut record| {
            record.case.mechanism = "another".into();
            record.case_key = record.case.key();
            record
        }));
        let recording = common::recording(records);
        let study = Study::of(&recording);
        let names = Best::among(study.cases.iter().collect()).expect("two cases").names();
        ["statistically tied with", "inconclusive against"].map(|words| names.contains(words))
    };
    let narrow = [100.0, 101.0, 99.0, 102.0, 98.0, 100.0, 101.0];
    let (near, far) = (narrow.map(|ns| ns + 1.0), narrow.map(|ns| 2.0 * ns));
    let wide = [50.0, 60.0, 70.0, 120.0, 160.0, 220.0, 260.0];
    assert_eq!(tie(narrow, near), [true, false], "they overlap and are narrow");
    assert_eq!(tie(narrow, wide), [false, true], "an interval over a factor of two ties with nothing");
    assert_eq!(tie(narrow, far), [false, false], "they do not overlap");
}
