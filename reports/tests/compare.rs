//! Comparisons: conclusions, intervals over runs, the gate, and what is said beside the numbers.

use std::fs;
use std::sync::Arc;

use crate::common::{self, gauss};
use ipcmark_record::{GroupLimits, Measure, PairedFloor, Placement, Record, RoleCost, metric};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{Change, Collector, Comparison, GateVerdict, Recording, compare};

/// Template of a record of the pipe.
fn template(measure: Measure, bytes: u64) -> Record {
    let one = common::variants()[1];
    let case = common::case(&one, measure, Placement::SameL3, bytes);
    let case = case.with(|p| p.depth = None);
    let mut record = common::measured(&one, case, 0, &mut Random::new(1));
    record.outcome.windows = None;
    record.outcome.histogram = None;
    record.outcome.floor = None;
    record.outcome.roles = None;
    record.outcome.cost_model = None;
    record
}

/// The record as one repetition with a cost of `ns`.
fn costing(template: &Record, run: &str, repetition: u32, ns: f64) -> Record {
    let mut record = Record { run_id: run.into(), repetition, order_in_run: repetition, ..template.clone() };
    let metrics = record.outcome.metrics.as_mut().expect("measured");
    metrics.insert(metric::ROUND_TRIP_NS.into(), ns);
    metrics.insert(metric::MESSAGES_PER_S.into(), 1e9 / ns);
    record
}

/// Repetitions of one case with a cost of `ns` and a relative `noise`.
fn recording(ns: f64, noise: f64, repetitions: u32, measure: Measure) -> Recording {
    let template = template(measure, 8);
    let value = |repetition: u32| ns * (1.0 + noise * (f64::from(repetition % 3) - 1.0));
    let record = |repetition: u32| costing(&template, "synthetic-run", repetition, value(repetition));
    Recording { records: (0..repetitions).map(record).collect(), bad_lines: Vec::new() }
}

fn only(comparison: &Comparison) -> (Change, &str) {
    assert_eq!(comparison.cases.len(), 1);
    let against = &comparison.cases[0].against[0];
    (against.change, &against.why)
}

fn word(a: &Recording, b: &Recording) -> Change {
    only(&compare(a, b)).0
}

/// Made-up runs of many cases on two sides.
struct Made {
    cases: usize,
    runs: usize,
    repetitions: u32,
    /// Spread between runs and within them, as standard deviations of the logarithm; multiplied for each case by a factor of
    /// up to `uneven` in either direction.
    between: f64,
    within: f64,
    uneven: f64,
    /// Cost in the second arm over that in the first.
    slower: f64,
}

const USUAL: Made = Made { cases: 60, runs: 3, repetitions: 5, between: 0.02, within: 0.04, uneven: 3.0, slower: 1.0 };

impl Made {
    fn compared(&self, random: &mut Random) -> Comparison {
        let mut collector = Collector::new();
        let spreads: Vec<f64> =
            (0..self.cases).map(|_| self.uneven.powf(common::uniform(random) * 2.0 - 1.0)).collect();
        let templates: Vec<Record> =
            (0..self.cases).map(|case| template(Measure::RoundTrip, 8 + case as u64)).collect();
        for (arm, cost) in [("base", 1000.0), ("new", 1000.0 * self.slower)] {
            let number = collector.arm(arm);
            for run in 0..self.runs {
                let id = format!("{arm}-{run}");
                for (template, spread) in templates.iter().zip(&spreads) {
                    let drift = self.between * spread * gauss(random);
                    let mut record = costing(template, &id, 0, cost);
                    for repetition in 0..self.repetitions {
                        let log = drift + self.within * spread * gauss(random);
                        record.repetition = repetition;
                        let metrics = record.outcome.metrics.as_mut().expect("measured");
                        metrics.insert(metric::ROUND_TRIP_NS.into(), cost * log.exp());
                        collector.add(number, &record);
                    }
                }
            }
        }
        collector.finish()
    }

    /// Share of the cases whose interval holds the true ratio, in `times` comparisons.
    fn coverage(&self, times: usize, seed: u64) -> f64 {
        let mut random = Random::new(seed);
        let (mut held, mut all) = (0, 0);
        for _ in 0..times {
            for case in self.compared(&mut random).cases {
                let interval = case.against[0].ratio.and_then(|ratio| ratio.interval).expect("several runs");
                held += usize::from(interval.low <= self.slower && self.slower <= interval.high);
                all += 1;
            }
        }
        f64::from(u32::try_from(held).expect("few")) / f64::from(u32::try_from(all).expect("few"))
    }

    /// Gates that break a limit, of `times`.
    fn red(&self, limit_percent: f64, times: usize, seed: u64) -> usize {
        let mut random = Random::new(seed);
        (0..times).filter(|_| self.compared(&mut random).gate(limit_percent).verdict == GateVerdict::Broken).count()
    }

    /// Share of the cases called slower.
    fn called(&self, seed: u64) -> f64 {
        let comparison = self.compared(&mut Random::new(seed));
        let slower = comparison.against(1).filter(|(_, against)| against.change == Change::Slower).count();
        slower as f64 / self.cases as f64
    }
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
fn single_runs_show_no_difference_that_drift_could_make() {
    let of = |ns| recording(ns, 0.001, 6, Measure::RoundTrip);
    let comparison = compare(&of(100.0), &of(120.0));
    assert_eq!(only(&comparison).0, Change::CantTell);
    assert!(only(&comparison).1.contains("may differ by up to 25"), "{}", only(&comparison).1);
    assert!(comparison.summary().concat().contains("drift between runs is not in the intervals"));
    let gate = comparison.gate(10.0);
    assert_eq!(gate.verdict, GateVerdict::Open, "{gate:?}");
    assert!(gate.reasons.concat().contains("record at least 3 runs of each arm"), "{gate:?}");
    assert_eq!(compare(&of(100.0), &of(150.0)).gate(10.0).verdict, GateVerdict::Broken);
    assert_eq!(compare(&of(100.0), &of(101.0)).gate(50.0).verdict, GateVerdict::Kept);
}

#[test]
fn fewer_than_five_repetitions_show_nothing() {
    let (few, many) = (recording(100.0, 0.0, 4, Measure::RoundTrip), recording(10.0, 0.0, 9, Measure::RoundTrip));
    let compared = compare(&few, &many);
    let (change, why) = only(&compared);
    assert_eq!(change, Change::CantTell);
    assert!(compared.cases[0].against[0].ratio.is_some() && why.contains("5 repetitions"), "{why}");
}

#[test]
fn a_case_on_one_side_is_named_with_the_others_reason() {
    let a = recording(100.0, 0.0, 5, Measure::RoundTrip);
    let skipped = common::skipped(a.records[0].case.clone(), 0, "no second CPU");
    let b = Recording { records: vec![skipped], bad_lines: Vec::new() };
    let compared = compare(&a, &b);
    assert_eq!(only(&compared), (Change::OnlyBase, "no second CPU"));
    let gate = compared.gate(10.0);
    assert_eq!(gate.verdict, GateVerdict::Open);
    assert!(gate.reasons[0].starts_with("missing in B: transport/pipe/") && gate.reasons[0].contains("no second CPU"));
    assert_eq!(word(&b, &a), Change::OnlyArm);
    assert!(compare(&b, &b).cases.is_empty());
    assert_eq!(word(&a, &Recording::default()), Change::OnlyBase);
}

#[test]
fn what_differs_besides_the_numbers_is_said() {
    let a = recording(100.0, 0.0, 5, Measure::RoundTrip);
    assert!(compare(&a, &a).differences().is_empty());
    let mut b = a.clone();
    for record in &mut b.records {
        Arc::make_mut(&mut record.suite).plan_hash = "fedcba".into();
        Arc::make_mut(&mut record.suite).version = "9.9.9".into();
        Arc::make_mut(&mut record.machine).facts.transparent_huge_pages = Some("never".into());
    }
    let comparison = compare(&a, &b);
    let said: Vec<String> =
        comparison.facts.iter().filter(|fact| fact.differs).map(|fact| fact.sentence(&comparison.arms)).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].contains("plan") && said[1].contains("9.9.9"), "{said:?}");
    assert!(said[2].contains("huge pages") && said[2].ends_with("\"never\" in B"), "{said:?}");
}

#[test]
fn another_price_of_a_pause_hint_is_said() {
    let priced = |pause_ns: f64| {
        let mut priced = recording(100.0, 0.0, 5, Measure::RoundTrip);
        for record in &mut priced.records {
            record.outcome.roles = Some(vec![RoleCost { pause_ns: Some(pause_ns), ..RoleCost::default() }]);
        }
        priced
    };
    assert!(compare(&priced(24.5), &priced(25.0)).prices.is_empty());
    assert!(compare(&recording(100.0, 0.0, 5, Measure::RoundTrip), &priced(25.0)).prices.is_empty());
    let said = compare(&priced(13.3), &priced(46.7)).prices;
    assert_eq!(said, ["the price of a pause hint differs: 13.3 ns in A, 46.7 ns in B"]);
}

#[test]
fn another_cpu_quota_is_said() {
    let a = recording(100.0, 0.0, 5, Measure::RoundTrip);
    let mut b = a.clone();
    for record in &mut b.records {
        Arc::make_mut(&mut record.machine).facts.group_limits =
            Some(GroupLimits { quota_cpus: Some(0.5), ..GroupLimits::default() });
    }
    let comparison = compare(&a, &b);
    let said: Vec<String> =
        comparison.facts.iter().filter(|fact| fact.differs).map(|fact| fact.sentence(&comparison.arms)).collect();
    assert_eq!(said, ["the CPU quota of the control group differs: \"unknown\" in A, \"0.5 CPUs\" in B"]);
}

#[test]
fn intervals_over_two_to_four_runs_hold_the_true_ratio() {
    for runs in [2, 3, 4] {
        for (uneven, between) in [(1.0, 0.02), (3.0, 0.02), (3.0, 0.0), (2.0, 0.06)] {
            let held = Made { runs, uneven, between, slower: 1.2, ..USUAL }.coverage(4, 7);
            assert!(held > 0.92, "{runs} runs, uneven {uneven}, between {between}: {held}");
        }
        // Few cases have nothing to borrow.
        let held = Made { runs, cases: 3, slower: 1.2, ..USUAL }.coverage(40, 11);
        assert!(held > 0.92, "{runs} runs of 3 cases: {held}");
    }
}

#[test]
fn equal_runs_seldom_break_a_gate() {
    for runs in [2, 3] {
        assert!(Made { runs, ..USUAL }.red(3.0, 20, 3) <= 1);
        assert!(Made { runs, between: 0.05, ..USUAL }.red(3.0, 20, 5) <= 1);
    }
    assert!(Made { runs: 1, ..USUAL }.red(3.0, 20, 9) <= 1);
}

#[test]
fn slowdowns_are_found_if_there_are_runs_enough() {
    let quiet = Made { between: 0.01, within: 0.015, uneven: 1.5, ..USUAL };
    assert!(Made { slower: 1.10, ..quiet }.called(1) > 0.99);
    assert!(Made { slower: 1.2, ..USUAL }.called(1) > 0.8);
    let many = Made { slower: 1.13, runs: 6, ..quiet };
    let gate = many.compared(&mut Random::new(1)).gate(10.0);
    assert_eq!(gate.verdict, GateVerdict::Broken, "{gate:?}");
    // 3 % is within the band of what is called equal, and a gate sees it.
    let gate = Made { slower: 1.03, runs: 8, ..quiet }.compared(&mut Random::new(1)).gate(1.0);
    assert_eq!(gate.verdict, GateVerdict::Broken, "{gate:?}");
}

#[test]
fn a_gate_that_cannot_see_its_limit_says_how_many_runs_would() {
    let gate = Made { between: 0.06, runs: 2, ..USUAL }.compared(&mut Random::new(3)).gate(5.0);
    assert_eq!(gate.verdict, GateVerdict::Open, "{gate:?}");
    let last = gate.reasons.last().expect("a reason");
    assert!(last.contains("cannot see 5") && last.contains("runs of each arm would do for half of them"), "{last}");
}

#[test]
fn drift_that_floors_share_cancels_out() {
    let template = template(Measure::RoundTrip, 8);
    let mut collector = Collector::new();
    let mut random = Random::new(4);
    for arm in ["base", "new"] {
        let number = collector.arm(arm);
        for run in 0..3 {
            let drift = 1.0 + 0.2 * common::uniform(&mut random);
            for repetition in 0..5 {
                let own = drift * (1.0 + 0.002 * gauss(&mut random));
                let mut record = costing(&template, &format!("{arm}-{run}"), repetition, 1000.0 * own);
                record.outcome.floor = Some(PairedFloor {
                    name: "two_line_round_trip".into(),
                    ns: 100.0 * drift,
                    reference: false,
                    line_round_trip_ns: None,
                    transfer_serial_ns: None,
                    futex_hop_ns: None,
                });
                collector.add(number, &record);
            }
        }
    }
    let comparison = collector.finish();
    assert!(comparison.cases[0].against[0].by_floor);
    assert_eq!(only(&comparison).0, Change::Equal);
}

#[test]
fn the_nearest_two_cpus_meet_whatever_they_share() {
    let [a, mut b] = [100.0, 200.0].map(|ns| recording(ns, 0.001, 6, Measure::RoundTrip));
    for record in &mut b.records {
        let machine = Arc::make_mut(&mut record.machine);
        machine.facts.hostname = "other".into();
        machine.floors.as_mut().expect("floors").placement = Placement::SmtSibling;
        record.case.placement = Placement::SmtSibling;
        record.case_key = record.case.key();
    }
    let comparison = compare(&a, &b);
    assert_eq!(only(&comparison).0, Change::Slower);
    let met = comparison.cases[0].against[0].met.as_deref();
    assert_eq!(met, Some("the nearest two CPUs are same_l3 in A, smt_sibling in B"));
}

#[test]
fn other_placements_of_one_machine_meet_at_any_distance() {
    let [mut a, mut b] = [100.0, 200.0].map(|ns| recording(ns, 0.001, 12, Measure::RoundTrip));
    for (record, line_ns) in a.records.iter_mut().zip([70.0, 340.0].into_iter().cycle()) {
        record.outcome.floor = Some(PairedFloor {
            name: "two_line_round_trip".into(),
            ns: 100.0,
            reference: false,
            line_round_trip_ns: Some(line_ns),
            transfer_serial_ns: None,
            futex_hop_ns: None,
        });
    }
    // The same machine with one CPU, which has no distance to itself.
    for record in &mut b.records {
        Arc::make_mut(&mut record.machine).floors.as_mut().expect("floors").placement = Placement::SameCpu;
        record.case.placement = Placement::SameCpu;
        record.case_key = record.case.key();
        record.outcome.floor = None;
    }
    assert_eq!(only(&compare(&a, &b)).0, Change::Slower);
}

#[test]
fn three_arms_are_compared_with_the_first() {
    let mut collector = Collector::new();
    for (arm, ns) in [("a", 100.0), ("b", 150.0), ("c", 50.0)] {
        let number = collector.arm(arm);
        recording(ns, 0.001, 6, Measure::Stream).records.iter().for_each(|record| collector.add(number, record));
    }
    let comparison = collector.finish();
    let changes: Vec<Change> = comparison.cases[0].against.iter().map(|against| against.change).collect();
    assert_eq!(changes, [Change::Slower, Change::Faster]);
    let gate = comparison.gate(10.0);
    assert_eq!(gate.reasons.len(), 1);
    assert!(gate.reasons[0].starts_with("slower by more than 10 % in b: "), "{gate:?}");
}

#[test]
fn machines_of_an_arm_are_its_sample() {
    let mut collector = Collector::new();
    let template = template(Measure::RoundTrip, 8);
    for arm in ["base", "new"] {
        let number = collector.arm(arm);
        for (machine, ns) in [90.0, 100.0, 115.0].into_iter().enumerate() {
            for run in 0..2 {
                for repetition in 0..5 {
                    let mut record = costing(&template, &format!("{arm}-{machine}-{run}"), repetition, ns);
                    Arc::make_mut(&mut record.machine).facts.hostname = format!("host-{machine}");
                    collector.add(number, &record);
                }
            }
        }
    }
    let comparison = collector.finish();
    assert_eq!((comparison.arms[0].machines.len(), comparison.arms[0].runs), (3, 6));
    let ratio = comparison.cases[0].against[0].ratio.expect("numbers");
    assert!(ratio.spread().expect("an interval") > 0.15, "the spread between machines is in it: {ratio:?}");
    assert!(comparison.summary().concat().contains("spread between the machines"));
}

#[test]
fn the_text_fits_eighty_columns_and_hides_what_is_equal() {
    let comparison = Made { slower: 1.0, cases: 12, ..USUAL }.compared(&mut Random::new(5));
    let all = comparison.text(80, true);
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    assert!(all.contains("\nequal: ") && all.contains("pipe/block round_trip 8 B same_l3"), "{all}");
    let brief = comparison.text(80, false);
    assert!(!brief.contains("\nequal: "), "{brief}");
    assert!(brief.contains("12 cases, new against base: "), "{brief}");
    assert!(brief.trim_end().ends_with("The intervals include the spread between runs."), "{brief}");
    let rates = compare(&recording(100.0, 0.001, 6, Measure::Stream), &recording(200.0, 0.001, 6, Measure::Stream));
    let text = rates.text(80, false);
    assert!(text.contains("slower in B: 1 of 1 cases") && text.contains("M/s") && text.contains("0.50"), "{text}");
}

/// Three runs of a made-up machine, on which a context switch, and with it the pipe, costs `times` as much.
fn switching(arm: &str, times: f64) -> Vec<Record> {
    let one = common::variants()[1];
    let mut records = Vec::new();
    for (run, bytes) in (0..3).flat_map(|run| [8, 64, 1024].map(|bytes| (run, bytes))) {
        let case = common::case(&one, Measure::RoundTrip, Placement::SameCpu, bytes);
        for repetition in 0..5 {
            let mut random = Random::new(u64::from(repetition) + 10 * run);
            let mut record = common::measured(&one, case.clone(), repetition, &mut random);
            record.run_id = format!("{arm}-{run}");
            record.cpus = vec![0];
            let floors = Arc::make_mut(&mut record.machine).floors.as_mut().expect("floors");
            let (call_ns, switch_ns) = (floors.system_call_ns, floors.context_switch_ns * times);
            floors.context_switch_ns = switch_ns;
            let noise = 1.0 + 0.01 * f64::from(repetition);
            // Both ways: two calls, and one switch.
            let ns = 2.0 * (2.0 * call_ns + switch_ns) * noise;
            record.outcome.windows = None;
            record.outcome.histogram = None;
            let metrics = record.outcome.metrics.as_mut().expect("measured");
            metrics.retain(|name, _| name == metric::ROUND_TRIP_NS);
            metrics.insert(metric::ROUND_TRIP_NS.into(), ns);
            records.push(record);
        }
    }
    records
}

#[test]
fn a_change_is_explained_by_floors_and_cost_model() {
    let [base, new] = [switching("base", 1.0), switching("new", 1.8)].map(common::recording);
    let comparison = compare(&base, &new);
    let against = &comparison.cases[0].against[0];
    assert_eq!(against.change, Change::Slower, "{against:?}");
    let because = against.because.as_deref().expect("a cause");
    assert!(because.starts_with("context switches 1.80x"), "{because}");
    assert!(because.contains("the rest ") && because.ends_with(" of the time in A"), "{because}");
    let floors = comparison.floors_in_words(1).expect("a floor differs");
    assert_eq!(floors, "Floors of B over those of A: context switch 1.80x.");
    assert!(comparison.text(80, false).contains("context switches 1.80x"));
}

#[test]
fn a_comparison_is_written_as_a_page_and_for_programs() {
    let [base, new] = [switching("base", 1.0), switching("new", 1.8)].map(common::recording);
    let folder = tempfile::tempdir().expect("a directory for the test");
    let page = compare(&base, &new).write(folder.path()).expect("written");
    let html = fs::read_to_string(page).expect("the page");
    assert!(!html.contains("NaN") && !html.contains("inf\""), "a coordinate is not a number");
    assert!(!html.contains("src=\"http") && !html.contains("href=\"http"), "nothing outside of the file");
    for part in [
        "<h1>B against A</h1>",
        "B takes ",
        "id=\"overview\"",
        "id=\"round-trip\"",
        "id=\"facts\"",
        "id=\"floors\"",
        "context switch",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
    let json: serde_json::Value = serde_json::from_str(&read("comparison.json")).expect("JSON");
    assert_eq!(json["cases"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["cases"][0]["conclusion"], "slower");
    assert_eq!(read("comparison.csv").lines().count(), 4);
    let markdown = read("comparison.md");
    assert!(markdown.starts_with("**B takes ") && markdown.contains("| slower in B |"), "{markdown}");
}
