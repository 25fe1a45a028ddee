//! Statements of sweep charts, on records with a known answer.

use crate::common;
use crate::common::Variant;
use crate::common::field::{field, standard_run};
use crate::common::sweeps::{RATES, depth_run, load_run, paced, pattern_run, set_up_run, touch_run, wake_run};
use crate::common::{page, recording};
use ipcmark_record::{Arrivals, Group, Measure, Pattern, Placement, Record, RoleCost, Touch, Verdict};
use ipcmark_reports::analyse::load::{Due, loads, most_sustained, offered, receiving_share, sending_share};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::Study;
use ipcmark_reports::{Change, Recording, compare, summarise};

fn row(name: &str) -> Variant {
    let row = |one: &Variant| format!("{}/{}", one.mechanism, one.wait.expect("the field waits"));
    field().into_iter().find(|one| row(one) == name).expect("in the field")
}

fn few() -> Vec<Variant> {
    ["pipe/block", "unix-stream/block", "shm-spsc/spin", "shm-spsc/hybrid", "shm-spsc/park"].map(row).to_vec()
}

#[test]
fn the_knee_lies_between_the_last_rate_kept_and_the_first_missed() {
    let one = row("pipe/block");
    let recording = recording(load_run(&[one], &[Arrivals::Constant], 5, 1));
    let study = Study::of(&recording);
    let offered = offered(&study, Placement::SameL3, Due::Messages);
    assert_eq!(offered.len(), 1);
    let loads = loads(&study, Placement::SameL3, offered[0]);
    let knee = loads[0].knee();
    // A message of 64 bytes takes 922 ns, so the capacity is a little over a million a second.
    assert_eq!((knee.sustained_per_s, knee.overloaded_per_s, knee.ragged), (Some(1e6), Some(3e6), false));
    let capacity = 1e9 / (one.stream_ns + 64.0 * one.per_byte_ns);
    let reached = knee.reached_per_s.expect("the highest rate was missed");
    assert!((reached.value / capacity - 1.0).abs() < 0.05, "{reached:?}");
    assert!(knee.describe().contains("1 M/s") || knee.describe().contains("1\u{202f}M/s"), "{}", knee.describe());
}

#[test]
fn a_rate_missed_in_disturbed_repetitions_is_not_called_sustained() {
    let mut records = load_run(&[row("pipe/block")], &[Arrivals::Constant], 5, 1);
    for record in records.iter_mut().filter(|record| record.case.params.rate_per_s >= Some(3_000_000)) {
        record.outcome.verdict = Some(Verdict::Disturbed);
    }
    let recording = recording(records);
    let study = Study::of(&recording);
    let loads = loads(&study, Placement::SameL3, offered(&study, Placement::SameL3, Due::Messages)[0]);
    let knee = loads[0].knee();
    assert_eq!((knee.sustained_per_s, knee.overloaded_per_s, knee.unknown_above), (Some(1e6), None, true));
    assert!(knee.describe().contains("more is not known"), "{}", knee.describe());
    assert!(most_sustained(&loads).expect("a rate was kept").2, "a higher rate was offered");
}

#[test]
fn a_rate_kept_above_one_missed_is_said() {
    let one = row("pipe/block");
    let mut records = load_run(&[one], &[Arrivals::Constant], 5, 1);
    for record in records.iter_mut().filter(|record| record.case.params.rate_per_s == Some(30_000)) {
        record.outcome.verdict = Some(Verdict::Overloaded);
    }
    let recording = recording(records);
    let study = Study::of(&recording);
    let loads = loads(&study, Placement::SameL3, offered(&study, Placement::SameL3, Due::Messages)[0]);
    let knee = loads[0].knee();
    assert_eq!((knee.sustained_per_s, knee.overloaded_per_s, knee.ragged), (Some(1e4), Some(3e4), true));
    assert!(knee.describe().contains("kept again"), "{}", knee.describe());
}

#[test]
fn patterns_of_an_open_loop_are_never_joined() {
    let two_to_one = Pattern { senders: 2, receivers: 1 };
    let mut records = load_run(&few(), &[Arrivals::Constant], 5, 1);
    let shared: Vec<Record> = load_run(&few(), &[Arrivals::Constant], 5, 2)
        .into_iter()
        .map(|mut record| {
            record.case.params.pattern = Some(two_to_one);
            record.case_key = record.case.key();
            let role = |role: &str| RoleCost { role: role.into(), wall_ns: 1000, user_ns: 400, ..RoleCost::default() };
            record.outcome.roles = Some(["sender", "sender", "receiver"].map(role).to_vec());
            record
        })
        .collect();
    let (one, rates) = (&shared[0], RATES.len());
    assert_eq!(sending_share(one), Some(0.8), "both senders");
    assert_eq!(receiving_share(one), Some(0.4));
    records.extend(shared);
    let recording = recording(records);
    let study = Study::of(&recording);
    let offered = offered(&study, Placement::SameL3, Due::Messages);
    let patterns: Vec<Pattern> = offered.iter().map(|offered| offered.pattern).collect();
    assert_eq!(patterns, [Pattern::default(), two_to_one]);
    for offered in offered {
        for load in loads(&study, Placement::SameL3, offered) {
            assert_eq!(load.cases.len(), rates, "{}", load.series.label());
            assert!(load.cases.iter().all(|case| case.case.pattern() == offered.pattern));
        }
    }
    let page = page(recording.records);
    assert!(page.contains("id=\"load-constant-64-same_l3\"") && page.contains("id=\"load-constant-64-2to1-same_l3\""));
    assert!(page.contains("id=\"load-cpu-constant-64-2to1-same_l3\""));
    assert!(page.contains("B, 2:1, on two cores"), "the heading names the pattern");
}

#[test]
fn overload_is_an_answer_with_a_mark_of_its_own() {
    let page = page(load_run(&few(), Arrivals::ALL, 5, 1));
    for arrivals in Arrivals::ALL {
        assert!(page.contains(&format!("id=\"load-{arrivals}-64-same_l3\"")), "{arrivals}");
    }
    assert!(page.contains("Sustained by") && page.contains("overloaded \u{2192}"));
    assert!(page.contains("<h3>Overloaded</h3>") && !page.contains(">invalid</span> "));
    assert!(!page.contains("No round trip and no lock was measured"), "the page answers with what it has");
}

#[test]
fn a_deeper_load_is_faster_or_slower_but_overload_on_both_sides_shows_nothing() {
    let of = |mechanism: &str, rate| {
        let one = row(mechanism);
        let mut random = Random::new(7);
        let records = (0..6).map(|repetition| paced(&one, Arrivals::Constant, rate, repetition, &mut random)).map(
            |mut record| {
                record.case.mechanism = "pipe".into();
                record.case_key = record.case.key();
                record
            },
        );
        recording(records.collect())
    };
    let change = |a: &Recording, b: &Recording| compare(a, b).cases[0].against[0].change;
    assert_eq!(change(&of("pipe/block", 1_000), &of("tcp/block", 1_000)), Change::Slower);
    assert_eq!(change(&of("tcp/block", 10_000_000), &of("tcp/block", 10_000_000)), Change::CantTell);
    assert_eq!(change(&of("pipe/block", 1_000_000), &of("tcp/block", 1_000_000)), Change::Slower);
}

#[test]
fn every_timed_measure_has_a_number() {
    let mut records = load_run(&few(), &[Arrivals::Constant], 5, 1);
    records.extend(wake_run(&few(), 5, 1));
    records.extend(set_up_run(&few(), 5, 1));
    let summaries = summarise(&records);
    for measure in [Measure::Paced, Measure::Wake, Measure::SetUp] {
        let mut of = summaries.iter().filter(|summary| summary.case.measure == measure).peekable();
        assert!(of.peek().is_some() && of.all(|summary| summary.typical.is_some()), "{measure}");
    }
}

#[test]
fn a_rate_above_one_cores_copy_is_flagged() {
    let records = touch_run(&few(), 5, 1);
    for summary in summarise(&records) {
        let flagged = summary.times_one_core.expect("floors and bytes are known") > 1.0;
        let untouched = summary.case.params.touch == Some(Touch::None) && summary.case.mechanism == "shm-spsc";
        // Without reading, a large message takes as long as a small one.
        if untouched && summary.case.params.message_bytes >= Some(65_536) {
            assert!(flagged, "{}", summary.case_key);
        }
        if summary.case.params.touch == Some(Touch::All) {
            assert!(!flagged, "{}", summary.case_key);
        }
    }
    let page = page(records);
    assert!(
        page.contains("above what one core can copy: the bytes were not read") && page.contains("id=\"touch-same_l3\"")
    );
    assert!(page.contains("<b class=\"flag\">!</b>"));
}

#[test]
fn crowds_and_hogs_stay_out_of_the_plain_charts() {
    let page = page(pattern_run(&few(), 5, 1));
    assert!(
        page.contains("id=\"patterns-spread\"") && page.contains("+1 hog") && page.contains("more roles than CPUs")
    );
    assert_eq!(page.matches("<tr data-series").count(), few().len(), "one plain row each");
}

#[test]
fn wake_ups_set_ups_and_depths_have_their_charts() {
    let mut records = wake_run(&few(), 5, 1);
    records.extend(set_up_run(&field(), 5, 1));
    records.extend(depth_run(&few(), 5, 1));
    let page = page(records);
    for id in ["wake-up", "set-up", "depth-rate", "depth-p99"] {
        assert!(page.contains(&format!("id=\"{id}-same_l3\"")), "{id}");
    }
    assert!(page.contains("by what memory is made of") && page.contains("of silence the first message takes"));
}

#[test]
fn of_a_wide_field_charts_show_the_best_of_each_kind() {
    let page = page(standard_run(2, 3));
    assert!(page.contains("variants it shows") && page.contains("kind by kind"));
    assert!(page.contains("id=\"break-even-round_trip\"") && page.contains("id=\"cross-checks\""));
    for row in ["fifo/epoll", "shm-broadcast/eventfd", "mq-sysv/block"] {
        assert!(page.contains(row), "{row} is in a table at least");
    }
}

#[test]
fn those_that_only_notify_do_not_hide_those_that_carry() {
    let mut records = common::quick_run(1, 3);
    let mut random = Random::new(5);
    let one = Variant { mechanism: "notify-futex", group: Group::Notification, ..row("shm-spsc/park") };
    let case = common::case(&one, Measure::RoundTrip, Placement::SameL3, 0);
    records.push(common::measured(&one, case, 0, &mut random));
    let page = page(records);
    assert!(page.contains("Round-trip latency: 8 B messages") && page.contains("Round-trip latency: 0 B messages"));
    assert!(common::answer(&page).replace('\u{202f}', " ").contains("(8 B"));
}
