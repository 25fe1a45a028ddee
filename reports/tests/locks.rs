//! Statements of the page about locks, on records with a known answer.

use std::sync::OnceLock;

use crate::common;
use crate::common::locks::{Asked, LOCKS, acquire, contention, lock_run, named, recover, tickets};
use crate::common::{answer, page, recording};
use ipcmark_record::{Group, KillPoint, Measure, Placement, Record, Stock, Verdict, metric};
use ipcmark_reports::analyse::cost_model::{Price, Priced, price};
use ipcmark_reports::analyse::locks::{common_ground, rivals, utilisation};
use ipcmark_reports::analyse::recovery::{Fate, fates, survives};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::analyse::study::Study;
use ipcmark_reports::{Change, compare, summarise};

/// Page of a whole run, rendered once for all tests.
fn whole() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| page(lock_run(5, 7)))
}

/// Two contenders without work.
const TWO: Asked = Asked { contenders: 2, critical_section_ns: 0, think_time_ns: 0, hogs: 0 };

fn repetitions(of: impl Fn(u32, &mut Random) -> Record) -> Vec<Record> {
    let mut random = Random::new(3);
    (0..5).map(|repetition| of(repetition, &mut random)).collect()
}

#[test]
fn a_whole_run_has_every_chart_about_locks_and_none_about_messages() {
    let page = whole();
    for id in [
        "acquire",
        "contenders-0-0-1",
        "scaling-0-0-1",
        "crowd",
        "waits",
        "fairness",
        "starvation",
        "hand-offs",
        "reads",
        "read-waits",
        "tickets",
        "lock-cost-breakdown",
    ] {
        assert_eq!(page.matches(&format!("id=\"{id}-spread\"")).count(), 1, "{id}");
    }
    assert!(page.contains("id=\"kill-points\"") && page.contains("more contenders than CPUs"));
    for id in ["ranking", "rate", "distribution", "cost", "pattern", "break-even"] {
        assert!(!page.contains(&format!("id=\"{id}-")), "{id}");
    }
    assert!(page.len() < 1_200_000, "{} bytes", page.len());
    assert_eq!(page.matches("<tr data-series").count(), LOCKS.len(), "a row for each lock");
}

#[test]
fn records_of_messages_have_no_part_about_locks() {
    let page = page(common::quick_run(1, 3));
    for part in ["id=\"kill-points\"", "id=\"acquire-", "id=\"contenders-", "Longest without", ">caught<"] {
        assert!(!page.contains(part), "{part}");
    }
}

#[test]
fn the_answer_names_the_cheapest_and_those_that_get_most_through() {
    let page = whole();
    let plain = answer(page);
    assert!(plain.contains("Cheapest uncontended lock: ttas/spin"), "{plain}");
    assert!(plain.contains("Highest rate of a contended lock: seqlock/spin"), "{plain}");
    assert!(plain.contains("Highest rate of a contended lock that sleeps: futex-adaptive/hybrid"), "{plain}");
    assert!(plain.contains("Locks that survive their owner: "), "{plain}");
    // Rows without a lock and thread-only locks are references.
    assert!(!plain.contains("fetch-add") && !plain.contains("std-mutex") && !plain.contains("no-lock"), "{plain}");
    assert!(page.contains("and was caught."), "the check is shown to work");
}

#[test]
fn what_must_be_caught_is_good_news_and_no_rate() {
    let lossy = recording(repetitions(|repetition, random| contention(&named("no-lock"), TWO, repetition, random)));
    let summary = &summarise(&lossy.records)[0];
    assert_eq!(summary.verdict, Some(Verdict::Caught), "{}", summary.why);
    assert!(summary.why.contains("the check saw it"), "{}", summary.why);
    assert_eq!(summary.manner, "never waits");
    assert_eq!(compare(&lossy, &lossy).cases[0].against[0].change, Change::CantTell);
    let page = page(repetitions(|repetition, random| tickets(&named("no-lock"), Stock::Memory, 2, repetition, random)));
    assert!(
        page.contains("caught: 271 oversold") && page.contains("sold 271 tickets that did not exist"),
        "the oversale is shown"
    );
}

#[test]
fn a_rate_that_doubled_is_faster() {
    let (slow, fast) = (named("futex-fair"), named("futex-mutex"));
    let of = |lock| recording(repetitions(|repetition, random| contention(&lock, TWO, repetition, random)));
    let mut faster = of(fast);
    for record in &mut faster.records {
        record.case.mechanism = slow.mechanism.into();
        record.case_key = record.case.key();
    }
    assert_eq!(compare(&of(slow), &faster).cases[0].against[0].change, Change::Faster);
}

#[test]
fn never_is_an_answer() {
    let of = |mechanism, death| {
        let recording =
            recording(repetitions(|repetition, random| recover(&named(mechanism), death, repetition, random)));
        let study = Study::of(&recording);
        let all = fates(&study);
        assert_eq!(all.len(), 1);
        assert_ne!(study.cases[0].summary.verdict, Some(Verdict::Invalid), "{}", study.cases[0].summary.why);
        (all[0].1[0].1.clone(), survives(&all[0].1))
    };
    assert_eq!(of("ttas", KillPoint::Holding), (Fate::Never, Some(false)));
    assert!(matches!(of("pthread-robust", KillPoint::Holding), (Fate::Goes { text: true, .. }, Some(true))));
    assert!(matches!(of("flock", KillPoint::Holding), (Fate::Goes { text: false, .. }, Some(true))));
    assert!(matches!(of("futex-mutex", KillPoint::Releasing), (Fate::Newcomer { .. }, None)));
    let page = whole();
    assert!(page.contains("waiter lost") && page.contains("<small>reported</small>") && page.contains(">never<"));
    assert!(page.contains("the next waiter gets it and the death is reported with"));
}

#[test]
fn what_did_not_recover_in_every_repetition_does_not_survive() {
    let robust = named("pthread-robust");
    let mut records = repetitions(|repetition, random| recover(&robust, KillPoint::Holding, repetition, random));
    let metrics = records[2].outcome.metrics.as_mut().expect("measured");
    metrics.insert(metric::RECOVERED_SHARE.into(), 0.5);
    let recording = recording(records);
    let study = Study::of(&recording);
    let all = fates(&study);
    assert_eq!((&all[0].1[0].1, survives(&all[0].1)), (&Fate::Sometimes(0.9), Some(false)));
}

#[test]
fn utilisation_is_what_holders_ask_for() {
    let asked = Asked { critical_section_ns: 1_000, think_time_ns: 3_000, ..TWO };
    let recording = recording(repetitions(|repetition, random| contention(&named("mcs"), asked, repetition, random)));
    let study = Study::of(&recording);
    let rho = utilisation(&study.cases[0]).expect("contenders are named");
    assert!((rho - 0.5).abs() < 1e-9, "{rho}");
}

#[test]
fn locks_are_compared_where_most_of_them_were_and_with_a_cpu_each() {
    let recording = recording(lock_run(1, 3));
    let study = Study::of(&recording);
    let cases = rivals(&study, Measure::Contention, Placement::Spread);
    let (work, contenders) = common_ground(&study, &cases).expect("several held locks");
    assert_eq!((work.critical_section_ns, work.think_time_ns, contenders), (0, 0, 2));
}

#[test]
fn a_lock_of_processes_is_not_drawn_between_threads_too() {
    let mut records = repetitions(|repetition, random| acquire(&named("ttas"), repetition, random));
    let mut threads = records.clone();
    for record in &mut threads {
        record.case.isolation = ipcmark_record::Isolation::Thread;
        record.case_key = record.case.key();
    }
    records.extend(threads);
    records.extend(repetitions(|repetition, random| acquire(&named("std-mutex"), repetition, random)));
    let recording = recording(records);
    let study = Study::of(&recording);
    let cases = rivals(&study, Measure::Acquire, Placement::SameL3);
    let labels: Vec<String> = cases.iter().map(|case| case.series.label()).collect();
    assert_eq!(labels, ["ttas/spin", "std-mutex/park threads"]);
}

/// Cost breakdown of a contended lock without work, after `change` of the metrics.
fn hand_off(mechanism: &str, change: &[(&str, f64)]) -> Priced {
    let mut records = repetitions(|repetition, random| contention(&named(mechanism), TWO, repetition, random));
    for record in &mut records {
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        metrics.extend(change.iter().map(|&(name, value)| (name.to_owned(), value)));
    }
    let recording = recording(records);
    let study = Study::of(&recording);
    price(&study.cases[0], study.floors().expect("one machine")).expect("declared")
}

fn slice(priced: &Priced, wanted: Price) -> f64 {
    priced.slices.iter().find(|(price, _)| *price == wanted).map_or(0.0, |(_, ns)| *ns)
}

#[test]
fn atomics_have_their_price() {
    let recording = recording(repetitions(|repetition, random| acquire(&named("ttas"), repetition, random)));
    let study = Study::of(&recording);
    let priced = price(&study.cases[0], study.floors().expect("one machine")).expect("declared");
    // Two atomic additions of 5 ns.
    assert_eq!(priced.slices, [(Price::Atomics, 10.0)]);
}

#[test]
fn a_hand_off_to_a_waiter_that_runs_has_no_price_of_a_sleep() {
    // One acquisition in ten is a hand-off, and nearly none has a context switch.
    let greedy = hand_off("futex-mutex", &[]);
    assert!((greedy.measured_ns - 190.0).abs() < 20.0, "the hand-off is explained, not the rate");
    assert!((slice(&greedy, Price::LineTransfers) - 190.0).abs() < 1e-9);
    assert_eq!(greedy.slices.len(), 1, "{greedy:?}");
    assert!(!greedy.flagged() && !greedy.withheld());
    // The waiter slept, but was woken by an earlier release: the lock was acquired again meanwhile.
    let overlapped = hand_off("futex-mutex", &[(metric::SWITCHES_PER_ACQUISITION, 0.1)]);
    assert_eq!(overlapped.slices.len(), 1, "{overlapped:?}");
}

#[test]
fn a_hand_off_to_a_waiter_that_sleeps_has_the_price_of_its_wake_up() {
    let asleep =
        [(metric::HANDED_OFF_SHARE, 0.98), (metric::SWITCHES_PER_ACQUISITION, 0.97), (metric::HAND_OFF_NS, 9e3)];
    let fair = hand_off("futex-fair", &asleep);
    assert!(slice(&fair, Price::Wakes) > 0.0 && slice(&fair, Price::ContextSwitches) > 0.0, "{fair:?}");
    assert!((slice(&fair, Price::SystemCalls) - 360.0).abs() < 1e-9);
}

#[test]
fn a_lock_of_system_calls_makes_them_without_a_sleep_too() {
    assert!((slice(&hand_off("flock", &[]), Price::SystemCalls) - 360.0).abs() < 1e-9);
}

#[test]
fn a_breakdown_that_misses_by_more_than_half_is_withheld_and_said() {
    let page = whole();
    assert!(page.contains("breakdown withheld"), "no bar says so");
    assert!(page.contains("withheld, since the counts explain less than 50 % or more than 150 %"), "no sentence");
}

#[test]
fn kinds_keep_their_colours_apart() {
    let page = whole();
    let legend =
        page.split("<ul class=\"legend\">").nth(1).and_then(|rest| rest.split("</ul>").next()).expect("a legend");
    let mut kinds: Vec<Group> = LOCKS.iter().filter(|lock| lock.is_lock()).map(|lock| lock.group).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(legend.matches("<li>").count(), kinds.len());
}
