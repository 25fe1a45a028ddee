//! Groups of repetitions by the distance of their CPUs, on made-up readings.
#![allow(clippy::float_cmp)] // round numbers in, the same round numbers out

use crate::common;
use ipcmark_record::{Measure, PairedFloor, Placement, Record, Verdict, metric};
use ipcmark_reports::analyse::distance::{Distance, groups};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{CaseSummary, Change, compare, summarise};

const NEAR: f64 = 70.0;
const FAR: f64 = 340.0;

/// Trials of one case in the given order: two-line round trip of the CPUs, if read, and measured value.
fn trials(measure: Measure, order: u32, values: &[(Option<f64>, f64)]) -> Vec<Record> {
    let one = common::variants()[1];
    let case = common::case(&one, measure, Placement::SameL3, 8);
    let record = |(repetition, &(line_ns, value)): (usize, &(Option<f64>, f64))| {
        let repetition = repetition as u32;
        let mut record = common::measured(&one, case.clone(), repetition, &mut Random::new(1));
        record.order_in_run = order + 10 * repetition;
        record.outcome.windows = None;
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        metrics.insert(metric::ROUND_TRIP_NS.into(), value);
        metrics.insert(metric::MESSAGES_PER_S.into(), 1e9 / value);
        record.outcome.floor = Some(PairedFloor {
            name: "two_line_round_trip".into(),
            ns: 100.0,
            reference: false,
            line_round_trip_ns: line_ns,
            transfer_serial_ns: None,
            futex_hop_ns: None,
        });
        record
    };
    values.iter().enumerate().map(record).collect()
}

fn round_trips(values: &[(f64, f64)]) -> Vec<Record> {
    let values: Vec<_> = values.iter().map(|&(line_ns, value)| (Some(line_ns), value)).collect();
    trials(Measure::RoundTrip, 0, &values)
}

fn of(records: &[Record], measure: Measure) -> CaseSummary {
    let found = summarise(records).into_iter().find(|case| case.case.measure == measure);
    found.expect("one case of the measure")
}

fn sizes(readings: &[f64]) -> Vec<usize> {
    groups(readings).iter().map(Vec::len).collect()
}

/// Six far, three near.
fn mixed() -> Vec<(f64, f64)> {
    let far = [340.0, 352.0, 331.0, 347.0, 360.0, 338.0].map(|value| (value, value));
    let near = [60.0, 70.0, 80.0].map(|value| (value, value));
    far[..3].iter().chain(&near).chain(&far[3..]).copied().collect()
}

#[test]
fn readings_split_where_a_factor_of_two_lies_between_them() {
    assert_eq!(sizes(&[]), [0; 0]);
    assert_eq!(sizes(&[55.0, 94.0, 70.0, 63.0, 81.0, 104.0]), [6], "one distance");
    assert_eq!(sizes(&[340.0, 66.0, 90.0, 260.0, 418.0]), [2, 3], "two distances");
    assert_eq!(sizes(&[30.0, 31.0, 90.0, 95.0, 91.0, 340.0, 360.0]), [2, 3, 2], "three distances");
    assert_eq!(groups(&[90.0, 30.0, 85.0, 31.0]), [[30.0, 31.0], [85.0, 90.0]], "sorted, the nearest first");
}

#[test]
fn one_stray_reading_is_no_distance() {
    assert_eq!(sizes(&[340.0, 352.0, 15_079.0, 331.0]), [3]);
    assert_eq!(sizes(&[340.0]), [0; 0], "one reading is no group");
    assert_eq!(sizes(&[340.0, 70.0]), [0; 0]);
}

#[test]
fn a_few_trials_during_which_the_cpus_moved_do_not_join_two_distances() {
    let mut readings: Vec<f64> = (0..60).map(|i| NEAR + f64::from(i % 30)).collect();
    readings.extend((0..60).map(|i| FAR + f64::from(i)));
    readings.extend([150.0, 215.0]);
    assert_eq!(groups(&readings).len(), 2);
    // A tenth of all readings between them is a continuum.
    readings.extend((0..12).map(|i| 110.0 + 20.0 * f64::from(i)));
    assert_eq!(groups(&readings).len(), 1);
}

/// The groups, found by trying every number of readings between two that are apart.
fn by_the_rule(readings: &[f64], stray: usize) -> Vec<Vec<f64>> {
    for between in 0..=stray {
        let apart = |at: usize| readings[at + between + 1] / readings[at];
        let widest = (0..readings.len().saturating_sub(between + 1)).max_by(|a, b| apart(*a).total_cmp(&apart(*b)));
        if let Some(at) = widest.filter(|at| apart(*at) > 2.0) {
            let halves = [&readings[..=at], &readings[at + between + 1..]];
            return halves.into_iter().flat_map(|half| by_the_rule(half, stray)).collect();
        }
    }
    if readings.len() >= 2 && readings.len() > stray { vec![readings.to_vec()] } else { vec![] }
}

#[test]
fn one_pass_finds_the_groups_of_the_rule() {
    let mut random = Random::new(7);
    for round in 0..300 {
        let count = 2 + random.below(400);
        let centres = 1 + random.below(3);
        let mut draw = || {
            let centre = [40.0, 108.0, 292.0][random.below(centres)];
            // Now and then the CPUs moved during the trial.
            let moved = if random.below(70) == 0 { 1.7 } else { 1.0 };
            centre * moved * (0.8 + random.below(400) as f64 / 1_000.0)
        };
        let mut readings: Vec<f64> = (0..count).map(|_| draw()).collect();
        let found = groups(&readings);
        readings.sort_by(f64::total_cmp);
        assert_eq!(found, by_the_rule(&readings, count / 50), "round {round}");
    }
}

#[test]
fn a_case_is_reported_for_each_distance() {
    let summary = of(&round_trips(&mixed()), Measure::RoundTrip);
    let typical = summary.typical.expect("six far repetitions");
    assert_eq!((typical.repetitions, typical.value), (6, 343.5));
    assert!(typical.spread().is_some_and(|spread| spread < 0.1), "near repetitions widen the interval of far ones");
    assert_eq!(summary.distance.map(|at| at.to_string()).as_deref(), Some("far"));
    let [near] = summary.elsewhere.as_slice() else { panic!("{:?}", summary.elsewhere) };
    assert_eq!((near.distance.to_string().as_str(), near.typical.value, near.typical.repetitions), ("near", 70.0, 3));
    assert_eq!(summary.verdict, Some(Verdict::Stable));
    let why = summary.why.replace('\u{202f}', " ");
    assert!(why.starts_with("with the CPUs far: 6 repetitions agree"), "{why}");
    assert!(why.ends_with("; near: 70.0 ns ±14 % (range of 3 repetitions)"), "{why}");
    assert_eq!(summary.repetitions.measured, 9, "all are counted");
}

#[test]
fn a_case_of_two_distances_is_not_stable_for_what_both_agree_on() {
    // Four far and four near repetitions: neither suffices, and together they say nothing.
    let values: Vec<_> = [FAR, NEAR, FAR, NEAR, FAR, NEAR, FAR, NEAR].map(|line_ns| (line_ns, 500.0)).into();
    let summary = of(&round_trips(&values), Measure::RoundTrip);
    assert_eq!((summary.verdict, summary.typical.map(|typical| typical.repetitions)), (None, Some(4)));
}

#[test]
fn a_stream_belongs_to_the_readings_around_it() {
    let mut records = round_trips(&mixed());
    let streams: Vec<_> = mixed().iter().map(|&(_, value)| (None, value)).collect();
    // One place behind each round trip: the third and the sixth lie between different distances.
    records.extend(trials(Measure::Stream, 1, &streams));
    let summary = of(&records, Measure::Stream);
    assert_eq!(summary.typical.map(|typical| typical.repetitions), Some(5));
    assert_eq!(summary.elsewhere.iter().map(|one| one.typical.repetitions).collect::<Vec<_>>(), [2]);
    assert!(summary.why.contains("2 left out, since the CPUs moved meanwhile"), "{}", summary.why);
    // Other CPUs are at no distance that these readings tell.
    for record in records.iter_mut().filter(|record| record.case.measure == Measure::Stream) {
        record.cpus = vec![2];
    }
    let summary = of(&records, Measure::Stream);
    assert_eq!((summary.typical.map(|t| t.repetitions), summary.distance), (Some(9), None));
}

#[test]
fn without_readings_nothing_is_set_apart() {
    let values: Vec<_> = mixed().iter().map(|&(_, value)| (None, value)).collect();
    let summary = of(&trials(Measure::RoundTrip, 0, &values), Measure::RoundTrip);
    assert_eq!((summary.typical.map(|t| t.repetitions), summary.distance, summary.elsewhere.len()), (Some(9), None, 0));
    assert_eq!(summary.verdict, Some(Verdict::Unstable));
}

#[test]
fn a_case_that_ran_only_at_another_distance_has_no_number_in_the_rankings() {
    let mut records = round_trips(&mixed());
    let other = &common::variants()[9];
    for repetition in 0..2 {
        let case = common::case(other, Measure::RoundTrip, Placement::SameL3, 8);
        let mut record = common::measured(other, case, repetition, &mut Random::new(1));
        record.order_in_run = 100 + repetition;
        record.outcome.floor.as_mut().expect("measured").line_round_trip_ns = Some(NEAR);
        records.push(record);
    }
    let summary = summarise(&records).into_iter().find(|case| case.case.mechanism == other.mechanism);
    let summary = summary.expect("the other case");
    assert!(summary.typical.is_none() && summary.p50_ns.is_none());
    assert!(summary.why.contains("no repetition ran with the CPUs far"), "{}", summary.why);
    assert_eq!(summary.elsewhere.len(), 1);
}

#[test]
fn a_failed_check_counts_at_every_distance() {
    let mut records = round_trips(&mixed());
    records[4].outcome.verdict = Some(Verdict::Invalid);
    assert_eq!(of(&records, Measure::RoundTrip).verdict, Some(Verdict::Invalid));
}

#[test]
fn two_runs_are_compared_at_a_common_distance() {
    // The same mechanism: mostly far in one run, mostly near in the other.
    let run = |id: &str, far: usize, near: usize| {
        let far = std::iter::repeat_n((FAR, 350.0), far);
        let mut records = round_trips(&far.chain(std::iter::repeat_n((NEAR, 75.0), near)).collect::<Vec<_>>());
        for record in &mut records {
            record.run_id = id.into();
        }
        common::recording(records)
    };
    let change = |a, b| compare(&a, &b).cases.remove(0).against.remove(0);
    assert_eq!(change(run("a", 9, 5), run("b", 5, 9)).change, Change::Equal);
    let apart = change(run("a", 9, 0), run("b", 0, 9));
    assert_eq!(apart.change, Change::CantTell);
    assert_eq!(apart.why, "the CPUs were far in A and near in B");
}

#[test]
fn the_page_names_the_distance_of_its_numbers() {
    let page = common::page(round_trips(&mixed()));
    let sentence = "the CPUs moved during the run. The numbers of this report are those with the CPUs far (a two-line \
                    round trip of 344 ns, 6 repetitions), never mixed with near (70.0 ns, 3 repetitions)";
    assert!(page.contains(sentence), "{page}");
    let rows = page.split("id=\"distances\"").nth(1).and_then(|rest| rest.split("</table>").next()).expect("a table");
    let far = rows.find("<td>far<").expect("far");
    let near = rows.find("<td>near<").expect("near");
    assert!(near < far && rows.contains("70.0 ns") && rows.contains("range of 3 repetitions"), "{rows}");
    let unmoved = common::page(round_trips(&[(FAR, 350.0); 5]));
    assert!(!unmoved.contains("the CPUs moved") && !unmoved.contains("id=\"distances\""));
}

#[test]
fn distances_have_names() {
    let name = |rank, of| Distance { rank, of, line_round_trip_ns: 1.0 }.to_string();
    assert_eq!([name(0, 2), name(1, 2)], ["near", "far"]);
    assert_eq!([name(0, 3), name(1, 3), name(2, 3)], ["near", "middle", "far"]);
    assert_eq!(name(2, 4), "distance 3 of 4");
}
