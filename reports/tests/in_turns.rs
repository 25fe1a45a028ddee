//! Two runs whose trials took turns, on made-up records.

use crate::common;
use ipcmark_record::{Case, Measure, Outcome, Placement, Record, Verdict, metric};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{CaseInTurns, Change, GateVerdict, gate_in_turns, judge_in_turns, pairs};

const EQUAL_WITHIN: f64 = 0.02;

fn case() -> Case {
    common::case(&common::variants()[1], Measure::RoundTrip, Placement::SameL3, 8)
}

/// One side of a run in turns: a round trip for each repetition, with the reading of the CPUs' distance.
fn side(run: &str, trials: impl IntoIterator<Item = (f64, f64)>) -> Vec<Record> {
    let record = |(repetition, (ns, line_ns)): (u32, (f64, f64))| {
        let mut record = common::measured(&common::variants()[1], case(), repetition, &mut Random::new(1));
        run.clone_into(&mut record.run_id);
        record.order_in_run = repetition;
        record.outcome.metrics.as_mut().expect("measured").insert(metric::ROUND_TRIP_NS.into(), ns);
        record.outcome.floor.as_mut().expect("beside it").line_round_trip_ns = Some(line_ns);
        record
    };
    (0..).zip(trials).map(record).collect()
}

/// Round trips of about `ns` with 2 % noise.
fn noisy(seed: u64, ns: f64) -> impl Iterator<Item = f64> {
    let mut random = Random::new(seed);
    std::iter::repeat_with(move || ns * (1.0 + 0.02 * common::gauss(&mut random)))
}

/// The only case, judged.
fn judged(first: &[Record], second: &[Record]) -> CaseInTurns {
    let mut all = judge_in_turns(first, second, EQUAL_WITHIN, true);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn near(ns: impl Iterator<Item = f64>) -> impl Iterator<Item = (f64, f64)> {
    ns.map(|ns| (ns, 70.0))
}

#[test]
fn five_percent_are_found_and_equal_sides_are_equal() {
    let first = side("a", near(noisy(1, 1_000.0)).take(54));
    let slower = judged(&first, &side("b", near(noisy(2, 1_050.0)).take(54)));
    assert_eq!((slower.change, slower.pairs), (Change::Slower, 54), "{slower:?}");
    let ratio = slower.ratio.expect("54 pairs");
    assert!(ratio.interval.is_some_and(|interval| interval.low < 1.05 && interval.high > 1.05), "{ratio:?}");
    assert_eq!(slower.typical.map(|(main, _)| main.name), Some(metric::ROUND_TRIP_NS));
    assert_eq!(judged(&side("b", near(noisy(2, 1_050.0)).take(54)), &first).change, Change::Faster);
    assert_eq!(judged(&first, &side("b", near(noisy(3, 1_000.0)).take(54))).change, Change::Equal);
}

#[test]
fn a_pair_is_one_repetition_of_both_sides() {
    let first = side("a", near(noisy(1, 1_000.0)).take(12));
    let mut second = side("b", near(noisy(2, 1_000.0)).take(14));
    second.remove(3);
    let found = judged(&first, &second);
    assert_eq!(found.pairs, 11, "{found:?}");
    assert!(judge_in_turns(&first, &[], EQUAL_WITHIN, true).is_empty());
}

#[test]
fn pairs_that_span_a_move_of_the_cpus_are_left_out() {
    // The second side is slower by 10 % near and equal far; most pairs are near, and every fourth has the sides apart.
    let at = |pair: usize, second: bool| match pair % 4 {
        0 => second,
        1 => pair % 8 == 1,
        _ => false,
    };
    let trials = |second: bool, seed| {
        noisy(seed, 1.0).take(80).enumerate().map(move |(pair, noise)| {
            let near = if second { 1_100.0 } else { 1_000.0 };
            if at(pair, second) { (noise * 4_000.0, 340.0) } else { (noise * near, 70.0) }
        })
    };
    let found = judged(&side("a", trials(false, 1)), &side("b", trials(true, 2)));
    let ratio = found.ratio.expect("60 pairs are at one distance");
    assert!(ratio.value > 1.08 && ratio.value < 1.12, "{found:?}");
    assert_eq!(found.change, Change::Slower);
    assert!(found.why.contains("30 of 80 pairs left out: the CPUs moved (20), at another distance"), "{}", found.why);
}

#[test]
fn disturbed_pairs_are_left_out_unless_they_are_most() {
    let side_with = |run, seed, disturbed: fn(usize) -> bool| {
        let mut all = side(run, near(noisy(seed, 1_000.0)).take(40));
        for (_, record) in all.iter_mut().enumerate().filter(|(at, _)| disturbed(*at)) {
            record.outcome.verdict = Some(Verdict::Disturbed);
        }
        all
    };
    let first = side_with("a", 1, |_| false);
    let some = judged(&first, &side_with("b", 2, |at| at % 4 == 0));
    assert!(some.why.contains("10 of 40 pairs left out: disturbed (10)"), "{}", some.why);
    let most = judged(&first, &side_with("b", 2, |at| at % 4 != 0));
    assert!(!most.why.contains("left out"), "{}", most.why);
}

#[test]
fn what_fails_in_the_second_run_is_broken_and_few_pairs_decide_nothing() {
    let first = side("a", near(noisy(1, 1_000.0)).take(9));
    let mut second = side("b", near(noisy(2, 2_000.0)).take(9));
    let few = judged(&first[..8], &second[..8]);
    assert_eq!((few.change, few.why.as_str()), (Change::CantTell, "an interval needs 9 pairs, and 8 count"));
    assert_eq!(pairs::FIRST_LOOK, 9);
    assert_eq!(judged(&first, &second).change, Change::Slower);
    for record in &mut second {
        record.outcome = Outcome::failed("it crashed");
    }
    let broken = judged(&first, &second);
    assert_eq!((broken.change, broken.why.as_str()), (Change::Broken, "it crashed"));
}

#[test]
fn a_limit_is_broken_by_a_whole_interval_and_open_without_the_pairs_to_see_it() {
    let first = side("a", near(noisy(1, 1_000.0)).take(54));
    let slower = [judged(&first, &side("b", near(noisy(2, 1_300.0)).take(54)))];
    let equal = [judged(&first, &side("b", near(noisy(3, 1_000.0)).take(54)))];
    let few = [judged(&first[..4], &side("b", near(noisy(2, 1_000.0)).take(4)))];
    let verdict = |cases: &[CaseInTurns], limit| gate_in_turns(cases, vec![], limit).verdict;
    assert_eq!(verdict(&slower, 10.0), GateVerdict::Broken);
    assert_eq!(verdict(&slower, 50.0), GateVerdict::Kept);
    assert_eq!(verdict(&equal, 10.0), GateVerdict::Kept);
    // 2 % of noise and 54 pairs do not show 0.1 %.
    let open = gate_in_turns(&equal, vec![], 0.1);
    assert_eq!(open.verdict, GateVerdict::Open, "{open:?}");
    let open = gate_in_turns(&few, vec![], 10.0);
    assert_eq!(open.verdict, GateVerdict::Open);
    assert!(open.reasons.iter().any(|why| why.contains("9 pairs would do")), "{open:?}");
    let lacking = gate_in_turns(&equal, vec!["missing on side B: it".into()], 10.0);
    assert_eq!((lacking.verdict, lacking.reasons.len()), (GateVerdict::Open, 1), "{lacking:?}");
}
