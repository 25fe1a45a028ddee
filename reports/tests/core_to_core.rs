//! Map of round trips between CPUs, on made-up machines with known times.

use crate::common::{answer, blank, page};
use ipcmark_record::{
    Case, CoreToCore, CpuPlace, Group, Measure, Metrics, Outcome, PairTime, Placement, Record, Status, Verdict, metric,
};

/// CPUs of `sockets` with `caches` of `cores` each, in order of locality.
fn places(sockets: u32, caches: u32, cores: u32) -> Vec<CpuPlace> {
    let cpu = |cpu| {
        let level_3 = cpu / cores * cores;
        CpuPlace {
            cpu,
            core: cpu,
            level_2: Some(cpu),
            level_3: Some(level_3),
            node: cpu / (cores * caches),
            efficient: false,
        }
    };
    (0..sockets * caches * cores).map(cpu).collect()
}

fn time(a: &CpuPlace, b: &CpuPlace) -> f64 {
    let base = if a.level_3 == b.level_3 {
        100.0
    } else if a.node == b.node {
        250.0
    } else {
        600.0
    };
    // The two directions differ a little.
    base + f64::from(a.cpu < b.cpu)
}

/// Record of a map over these CPUs; a sample has the first CPU of each cache.
fn record(cpus: Vec<CpuPlace>, sampled: bool, repetition: u32) -> Record {
    let first = |at: &CpuPlace| at.level_3 == Some(at.cpu);
    let wanted = |a: &CpuPlace, b: &CpuPlace| {
        !sampled || first(a) && first(b) || a.level_3 == b.level_3 && (first(a) || first(b))
    };
    let mut pairs = vec![];
    for a in &cpus {
        for b in cpus.iter().filter(|b| b.cpu != a.cpu && wanted(a, b)) {
            let ns = time(a, b) + f64::from(repetition);
            pairs.push(PairTime { from: a.cpu, to: b.cpu, median_ns: ns, low_ns: ns - 10.0, high_ns: ns + 20.0 });
        }
    }
    let case = Case {
        group: Some(Group::Machine),
        placement: Placement::Spread,
        ..Case::new("machine", "core-to-core", Measure::CoreToCore)
    };
    let outcome = Outcome {
        status: Status::Measured,
        verdict: Some(Verdict::Stable),
        why: None,
        metrics: Some(Metrics::from([(metric::LINE_ROUND_TRIP_NS.to_owned(), 250.0)])),
        core_to_core: Some(Box::new(CoreToCore { cpus, sampled, lines: 8, pairs })),
        ..Outcome::skipped("")
    };
    assert_eq!(outcome.contradiction(&case, 1), None);
    blank(case, repetition, outcome)
}

fn records(cpus: &[CpuPlace], sampled: bool) -> Vec<Record> {
    (0..5).map(|repetition| record(cpus.to_vec(), sampled, repetition)).collect()
}

/// Rows of the table behind the map.
fn rows(page: &str) -> Vec<&str> {
    let figure = page.split("id=\"core-to-core\"").nth(1).and_then(|rest| rest.split("</figure>").next());
    figure.expect("a figure").split("<tr><td>").skip(1).collect()
}

#[test]
fn two_cpus_have_one_time() {
    let page = page(records(&places(1, 1, 2), false));
    assert!(answer(&page).contains("A round trip over two cache lines between CPUs 1 and 0 (same level-3 cache)"));
    assert_eq!(rows(&page).len(), 2, "both directions");
    let note = page.split("two-line floor of this run").nth(1).unwrap_or_default();
    let expected = " between CPUs 0 and 1, the fastest of many readings, is 190 ns; the fastest line of this map took 90.0 ns, 0.47";
    assert!(note.starts_with(expected), "{}", note.chars().take(200).collect::<String>());
    assert!(page.contains("data-name=\"core-to-core\""), "the numbers can be downloaded");
}

#[test]
fn the_answer_names_the_fastest_and_the_slowest_pair_and_the_note_the_distances() {
    let page = page(records(&places(2, 2, 4), false));
    let answer = answer(&page);
    assert!(answer.contains("takes 102 ns between CPUs 1 and 0 (same level-3 cache)"), "{answer}");
    assert!(answer.contains("and 603 ns between CPUs") && answer.contains("(different nodes), 5.91 times"), "{answer}");
    assert!(page.contains("same level-3 cache 102 ns, same node, no shared cache 252 ns, different nodes 602 ns"));
    assert_eq!(rows(&page).len(), 16 * 15);
    for text in ["node 0", "node 1", "L3 #0", "L3 #3"] {
        assert!(page.contains(text), "{text} is at the edge");
    }
    assert!(!page.contains("This is a sample"));
}

#[test]
fn a_sample_says_so_and_draws_both_parts() {
    let page = page(records(&places(2, 8, 16), true));
    let pairs = 16 * 15 + 2 * 16 * 15;
    assert!(page.contains(&format!("This is a sample of {pairs} of 65 280 pairs")), "the extent is stated");
    assert!(page.contains("one CPU of each group</text>") && page.contains("each with the other CPUs of its group"));
    assert_eq!(rows(&page).len(), pairs);
}

#[test]
fn a_record_with_an_impossible_pair_is_refused() {
    let of = |pair: PairTime| {
        let mut record = record(places(1, 1, 2), false, 0);
        record.outcome.core_to_core.as_mut().expect("a map").pairs.push(pair);
        record.outcome.contradiction(&record.case, 1)
    };
    let pair = PairTime { from: 0, to: 1, median_ns: 100.0, low_ns: 90.0, high_ns: 120.0 };
    assert_eq!(of(pair), None);
    let wrong = [
        PairTime { to: 0, ..pair },
        PairTime { to: 7, ..pair },
        PairTime { median_ns: 0.0, ..pair },
        PairTime { low_ns: 101.0, ..pair },
        PairTime { high_ns: f64::INFINITY, ..pair },
    ];
    for pair in wrong {
        assert!(of(pair).is_some_and(|why| why.contains("its pair of CPUs")), "{pair:?}");
    }
}

#[test]
fn a_pair_is_five_numbers_in_a_record() {
    let pair = PairTime { from: 3, to: 1, median_ns: 98.5, low_ns: 90.0, high_ns: 120.1 };
    let text = serde_json::to_string(&pair).expect("plain data");
    assert_eq!(text, "[3,1,98.5,90.0,120.1]");
    assert_eq!(serde_json::from_str::<PairTime>(&text).expect("its own form"), pair);
}
