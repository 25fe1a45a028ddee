//! Findings about pairs of variants, on records with a known answer.

use crate::common;
use crate::common::Variant;
use crate::common::field::field;
use crate::common::recording;
use ipcmark_record::{Measure, PairedFloor, Placement, Record, Substrate, metric};
use ipcmark_reports::analyse::break_even::{Answer, break_even};
use ipcmark_reports::analyse::cross_check::checks;
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::{CaseStudy, Study};
use ipcmark_reports::{below_floor, summarise};

/// Message sizes of the sweeps.
const SIZES: [u64; 8] = [8, 64, 512, 4096, 16_384, 65_536, 262_144, 1 << 20];

fn variant(mechanism: &str) -> Variant {
    field().into_iter().find(|one| one.mechanism == mechanism).expect("in the field")
}

/// Sweep with round trips of `ns` and 2 % noise between repetitions.
fn sweep(mechanism: &str, repetitions: u32, seed: u64, ns: impl Fn(f64) -> f64) -> Vec<Record> {
    let one = variant(mechanism);
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for repetition in 0..repetitions {
        for bytes in SIZES {
            let case = common::case(&one, Measure::RoundTrip, Placement::SameL3, bytes);
            let mut record = common::measured(&one, case, repetition, &mut random);
            let value = ns(bytes as f64) * (1.0 + 0.02 * common::gauss(&mut random));
            record.outcome.metrics.as_mut().expect("measured").insert(metric::ROUND_TRIP_NS.into(), value);
            record.outcome.windows = None;
            records.push(record);
        }
    }
    records
}

/// Break-even of a pipe against a unix stream, for two formulas.
fn asked(repetitions: u32, pipe: impl Fn(f64) -> f64, stream: impl Fn(f64) -> f64) -> Answer {
    let mut records = sweep("pipe", repetitions, 1, pipe);
    records.extend(sweep("unix-stream", repetitions, 2, stream));
    let recording = recording(records);
    let study = Study::of(&recording);
    let of = |mechanism: &str| -> Vec<&CaseStudy<'_>> {
        study.cases.iter().filter(|case| case.case.mechanism == mechanism).collect()
    };
    let (first, second) = (of("pipe"), of("unix-stream"));
    let answer = break_even(&first, &second);
    assert_eq!(break_even(&second, &first).crossing().is_some(), answer.crossing().is_some(), "asked the other way");
    answer
}

#[test]
fn a_known_crossing_lies_in_the_interval() {
    // Both are powers of the size, so the ratio is linear on logarithmic axes and crosses 1 at exactly 10 000 bytes.
    let answer =
        asked(7, |bytes| 1_000.0 * (bytes / 10_000.0).powf(0.8), |bytes| 1_000.0 * (bytes / 10_000.0).powf(0.4));
    let Answer::UpTo(crossing) = answer else { panic!("{answer:?}") };
    assert!(crossing.interval.low <= 10_000.0 && 10_000.0 <= crossing.interval.high, "{crossing:?}");
    assert!((9_000.0..11_000.0).contains(&crossing.bytes), "{crossing:?}");
    assert!(crossing.interval.high / crossing.interval.low < 1.5, "{crossing:?}");
}

#[test]
fn the_other_way_round_it_is_cheaper_from_there() {
    let answer =
        asked(7, |bytes| 1_000.0 * (bytes / 10_000.0).powf(0.4), |bytes| 1_000.0 * (bytes / 10_000.0).powf(0.8));
    assert!(matches!(answer, Answer::From(_)), "{answer:?}");
    assert_eq!(answer.clone().reversed().word(), answer.word().replace("from", "up to"));
}

#[test]
fn one_that_is_cheaper_everywhere_always_is() {
    assert_eq!(asked(5, |bytes| 100.0 + bytes, |bytes| 300.0 + 2.0 * bytes), Answer::Always);
    assert_eq!(asked(5, |bytes| 300.0 + 2.0 * bytes, |bytes| 100.0 + bytes), Answer::Never);
}

#[test]
fn two_of_a_kind_cannot_be_told_apart() {
    let answer = asked(7, |bytes| 100.0 + bytes, |bytes| 100.0 + bytes);
    assert!(matches!(&answer, Answer::CantTell(open) if open.level.len() > SIZES.len() / 2), "{answer:?}");
}

#[test]
fn where_only_some_sizes_are_told_apart_they_are_named() {
    // Different below 16 KiB, equal from there on.
    let answer = asked(7, |bytes| bytes.max(1_000.0), |bytes| if bytes < 16_384.0 { 100_000.0 } else { bytes });
    let Answer::CantTell(open) = &answer else { panic!("{answer:?}") };
    assert_eq!(open.cheaper, [8, 64, 512, 4096]);
    assert!(open.dearer.is_empty() && open.level == [16_384, 65_536, 262_144, 1 << 20], "{open:?}");
    assert_eq!((answer.word(), answer.reversed().word()), ("cheaper or level".into(), "dearer or level".into()));
}

/// The first is cheaper at the smallest size and dearer at the largest one; in between noise decides.
#[test]
fn a_crossing_within_a_wide_interval_is_inconclusive() {
    let pipe = |bytes: f64| match bytes {
        small if small < 64.0 => 800.0,
        large if large > 500_000.0 => 1_200.0,
        _ => 1_000.0,
    };
    let answer = asked(7, pipe, |_| 1_000.0);
    let Answer::CantTell(open) = &answer else { panic!("{answer:?}") };
    let interval = open.inconclusive.expect("the ends differ");
    assert!(interval.high > 4.0 * interval.low, "{interval:?}");
    assert_eq!((answer.word(), answer.clone().reversed().word()), ("inconclusive".into(), "inconclusive".into()));
    assert!(open.describe().contains("break-even between"), "{}", open.describe());
}

#[test]
fn few_repetitions_give_no_answer() {
    let answer = asked(4, |bytes| 100.0 + bytes, |bytes| 300.0 + 2.0 * bytes);
    assert!(matches!(&answer, Answer::CantTell(open) if open.describe().contains("5 repetitions")), "{answer:?}");
}

/// Checks of a FIFO with `times` the cost of a pipe, with a floor that moved by the factor `floor`.
fn fifo_against_pipe(repetitions: u32, times: f64, floor: f64) -> Vec<(bool, String)> {
    let mut records = sweep("pipe", repetitions, 1, |bytes| 1_000.0 + bytes);
    records.extend(sweep("fifo", repetitions, 2, |bytes| times * (1_000.0 + bytes)));
    for record in &mut records {
        let moved = if record.case.mechanism == "fifo" { floor } else { 1.0 };
        record.outcome.floor = Some(PairedFloor {
            name: "two_line_round_trip".into(),
            ns: 100.0 * moved,
            reference: false,
            line_round_trip_ns: None,
            transfer_serial_ns: None,
            futex_hop_ns: None,
        });
    }
    let recording = recording(records);
    let study = Study::of(&recording);
    checks(&study).iter().map(|check| (check.is_equal(), check.describe())).collect()
}

#[test]
fn pairs_that_agree_are_equal_and_others_are_not_shown() {
    let equal = fifo_against_pipe(7, 1.0, 1.0);
    assert_eq!(equal.len(), SIZES.len());
    assert!(equal.iter().all(|(equal, _)| *equal), "{equal:?}");
    for (equal, text) in fifo_against_pipe(7, 1.5, 1.0) {
        assert!(!equal && text.contains("not shown") && text.contains("spread by"), "{text}");
        assert!(!text.contains("floor"), "{text}");
    }
    let moved = fifo_against_pipe(7, 1.5, 1.5);
    assert!(moved.iter().all(|(_, text)| text.contains("the floor beside them moved too, by 1.50 times")), "{moved:?}");
    let few = fifo_against_pipe(4, 1.0, 1.0);
    assert!(few.iter().all(|(equal, text)| !equal && text.contains("needs 5 repetitions")), "{few:?}");
}

/// Sentences about cases below a floor, with `times` the cost of the floor.
fn below(repetitions: u32, times: f64, reference: bool) -> Vec<String> {
    let mut records = sweep("pipe", repetitions, 1, |bytes| 1_000.0 + bytes);
    for record in &mut records {
        let ns = (1_000.0 + record.case.params.message_bytes.unwrap_or(0) as f64) / times;
        record.outcome.floor = Some(PairedFloor {
            name: "turns_round_trip".into(),
            ns,
            reference,
            line_round_trip_ns: None,
            transfer_serial_ns: None,
            futex_hop_ns: None,
        });
    }
    below_floor(&summarise(&records))
}

#[test]
fn a_case_that_is_faster_than_its_floor_is_named_with_ratio_and_interval() {
    let found = below(7, 0.85, false);
    assert_eq!(found.len(), SIZES.len(), "{found:?}");
    for sentence in &found {
        assert!(sentence.starts_with("transport/pipe/"), "{sentence}");
        assert!(sentence.contains("takes 0.8") && sentence.contains("interval 0.8"), "{sentence}");
        assert!(sentence.ends_with("floor: turns round trip"), "{sentence}");
    }
}

#[test]
fn at_its_floor_beside_a_reference_or_with_few_repetitions_no_case_is_below() {
    assert_eq!(below(7, 1.0, false), [""; 0]);
    assert_eq!(below(7, 0.85, true), [""; 0]);
    assert_eq!(below(4, 0.85, false), [""; 0]);
}

#[test]
fn what_memory_is_made_of_is_checked_by_size_and_wait() {
    let recording = recording(common::quick_run(5, 3));
    let study = Study::of(&recording);
    let checks = checks(&study);
    assert_eq!(checks.len(), 2 * common::SIZES.len(), "round trips and streams of the spinning ring");
    for check in &checks {
        assert_eq!(check.first.case.params.substrate, Some(Substrate::PosixShm));
        assert_eq!(check.second.case.params.substrate, Some(Substrate::Memfd));
        assert_eq!(check.first.case.params.message_bytes, check.second.case.params.message_bytes);
    }
}
