//! Pages of valid, empty and malicious recordings.

use std::fs;
use std::sync::Arc;
use std::sync::OnceLock;

use crate::common;
use crate::common::recording;
use ipcmark_record::{GroupLimits, Measure, Placement, SpinBudget, metric};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{BadLine, Recording, write};

fn page(recording: &Recording) -> String {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let path = write(recording, dir.path()).expect("a page").page;
    let left: Vec<_> =
        fs::read_dir(dir.path()).expect("readable").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(left, ["index.html"], "nothing half-done is left");
    fs::read_to_string(path).expect("the page")
}

fn quick() -> &'static Recording {
    static QUICK: OnceLock<Recording> = OnceLock::new();
    QUICK.get_or_init(|| recording(common::quick_run(5, 11)))
}

/// Page of [`quick`], rendered once for all tests.
fn quick_page() -> &'static str {
    static PAGE: OnceLock<String> = OnceLock::new();
    PAGE.get_or_init(|| page(quick()))
}

/// Page with decoded characters.
fn shown(page: &str) -> String {
    page.replace("&#x2f;", "/").replace("&#x27;", "'").replace("&quot;", "\"")
}

fn elements<'a>(page: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    page.match_indices(open).map(move |(start, _)| {
        let end = page[start..].find(close).expect("an element has an end");
        &page[start..start + end + close.len()]
    })
}

/// Checks that tags are closed in order and attributes are quoted and unique, as XML requires.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag has an end");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {xml:.300}");
            continue;
        }
        let body = tag.trim_end_matches('/');
        let name = body.split([' ', '\n']).next().expect("a name");
        assert_eq!(body.matches('"').count() % 2, 0, "quotes in <{tag}>");
        let mut names: Vec<&str> =
            body.split('"').step_by(2).filter_map(|part| part.trim().strip_suffix('=')).collect();
        let given = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), given, "an attribute twice in <{tag}>");
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    assert!(!xml.contains("NaN") && !xml.contains("inf\""), "a coordinate is not a number");
}

#[test]
fn a_quick_run_has_every_chart_well_formed_and_described() {
    let page = quick_page();
    let charts: Vec<&str> = elements(page, "<svg", "</svg>").collect();
    assert_eq!(
        charts.len(),
        2 * (2 * 8 + 2),
        "eight charts at each of two placements, the cross-checks and the drift, in two shapes"
    );
    for chart in charts {
        assert_well_formed(chart);
        assert!(chart.contains("role=\"img\"") && chart.contains("<title>") && chart.contains("<desc>"));
        assert!(!chart.contains("=\"#"), "every ink has become a class");
    }
    for id in ["ranking", "round-trip", "rate", "bandwidth", "distribution", "cost-breakdown", "states", "cost"] {
        assert!(page.contains(&format!("id=\"{id}-same_l3\"")), "{id}");
    }
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
}

#[test]
fn the_page_asks_nothing_of_any_network() {
    let page = quick_page().replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for reference in ["http://", "https://", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(reference), "{reference}");
    }
}

#[test]
fn the_same_records_give_the_same_page() {
    assert!(page(quick()) == quick_page(), "two pages of one recording differ");
}

#[test]
fn the_answer_has_numbers_and_names_both_ways_of_waiting() {
    let answer = common::answer(&shown(quick_page())).replace('\u{202f}', " ");
    assert!(answer.starts_with("Lowest round trip: shm-spsc/spin"), "{answer}");
    assert!(answer.contains(" ns ±") && answer.contains("statistically tied with shm-spsc/spin"), "{answer}");
    assert!(answer.contains("Without a busy CPU: pipe/block, ") && answer.contains("(8 B, same L3)"), "{answer}");
    assert!(answer.contains("Highest rate of large messages: "), "{answer}");
}

#[test]
fn one_repetition_makes_no_claims() {
    let page = page(&recording(common::quick_run(1, 5)));
    assert!(page.contains("indicative only"));
    assert!(!elements(&page, "<tr data-series", "</tr>").any(|row| row.contains(">stable<")));
}

#[test]
fn below_five_repetitions_nothing_is_called_95_percent() {
    let page = page(&recording(common::quick_run(3, 5)));
    let rows: Vec<&str> = elements(&page, "<tr data-series", "</tr>").collect();
    assert!(rows.iter().any(|row| row.contains("range of 3 repetitions: ")), "{rows:?}");
    assert_eq!(
        rows.iter().filter(|row| row.contains("95\u{202f}% interval")).count(),
        1,
        "the sentinel alone has more"
    );
}

#[test]
fn a_stable_round_trip_with_an_unsteady_tail_is_marked() {
    let one = common::variants()[9];
    let case = common::case(&one, Measure::RoundTrip, Placement::SameL3, 8);
    let records = [1.0, 2.0, 5.0, 1.5, 3.0].iter().enumerate().map(|(repetition, tail)| {
        let mut random = Random::new(1);
        let mut record = common::measured(&one, case.clone(), repetition as u32, &mut random);
        let metrics = record.outcome.metrics.as_mut().expect("measured");
        metrics.insert(metric::P50_NS.into(), 200.0);
        metrics.insert(metric::P99_NS.into(), 1_000.0 * tail);
        record
    });
    let page = page(&recording(records.collect())).replace('\u{202f}', " ");
    assert!(page.contains(">1 stable<"));
    assert!(page.contains("Of 1 stable cases with a p99, 1 have one whose interval reaches beyond 10 % of it"));
    let row = elements(&page, "<tr data-series", "</tr>").next().expect("one row");
    assert!(row.contains(">~2.00<") && !row.contains(">~200<"), "{row}");
    assert!(row.contains("<small>±150 %</small>"), "{row}");
}

#[test]
fn spin_budgets_are_shown_as_times_and_hints() {
    assert!(!quick_page().contains("spin-budgets"), "no record has any");
    let mut spun = recording(common::quick_run(1, 5));
    for (index, record) in spun.records.iter_mut().enumerate() {
        for role in record.outcome.roles.iter_mut().flatten() {
            let hints = if index == 0 { 399 } else { 401 };
            role.spin_budgets = vec![SpinBudget { name: "before_sleep".into(), ns: 10_000, hints }];
        }
    }
    let page = page(&spun);
    let row = elements(&page, "<td>before sleep<", "</tr>").next().expect("a row");
    assert!(row.contains("10.0") && row.contains("399") && row.contains("401"), "{row}");
}

#[test]
fn an_empty_recording_still_has_a_page() {
    let bad_lines = vec![BadLine { file: "some/records.jsonl".into(), line: 3, why: "it ends early".into() }];
    let page = shown(&page(&Recording { records: Vec::new(), bad_lines }));
    assert!(page.contains("no record") && page.contains("some/records.jsonl line 3") && page.contains("it ends early"));
}

#[test]
fn a_recording_of_failures_names_each_reason() {
    let one = common::variants()[1];
    let case = |bytes| common::case(&one, Measure::RoundTrip, Placement::SameL3, bytes);
    let records = vec![
        common::failed(case(8), 0, "the receiver was killed by signal 9"),
        common::skipped(case(64), 0, "needs /dev/shm"),
    ];
    let page = shown(&page(&recording(records)));
    assert!(page.contains("signal 9") && page.contains("needs /dev/shm") && page.contains("No case was measured"));
    assert!(!page.contains("<svg"));
}

#[test]
fn text_from_records_cannot_become_markup() {
    let mut recording = recording(common::quick_run(1, 11));
    for record in &mut recording.records {
        Arc::make_mut(&mut record.suite).question = "<script>alert(1)</script>`<b>`".into();
        Arc::make_mut(&mut record.machine).facts.hostname = "</style><img onerror=x>".into();
        record.case.mechanism = format!("{}<i>\"&", record.case.mechanism);
    }
    let page = page(&recording);
    for injected in ["<script>alert", "</style><img", "<i>\"&", "`<b>"] {
        assert!(!page.contains(injected), "{injected}");
    }
    elements(&page, "<svg", "</svg>").for_each(assert_well_formed);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("occupied");
    fs::write(&file, "").expect("a file for the test");
    let error = write(&Recording::default(), &file.join("below")).expect_err("a file is in the way");
    assert!(format!("{error:#}").contains("occupied"), "{error:#}");
}

#[test]
fn a_cpu_quota_is_a_fact_of_the_machine() {
    let mut limited = quick().clone();
    for record in &mut limited.records {
        Arc::make_mut(&mut record.machine).facts.group_limits =
            Some(GroupLimits { quota_cpus: Some(0.5), ..GroupLimits::default() });
    }
    let words = "CPU quota of the control group";
    let page = page(&limited);
    assert!(page.contains(words) && page.contains("0.5 CPUs"));
    assert!(!quick_page().contains(words), "a machine without limits names none");
}
