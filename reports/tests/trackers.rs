//! Exports for trackers: their forms, and that the numbers are those of the summaries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::common;
use ipcmark_record::{MainMetric, Record, Verdict};
use ipcmark_reports::export::{Tracker, summaries};
use ipcmark_reports::{CaseSummary, Recording, summarise};
use serde_json::Value;

/// Records with costs and rates, a failed case, a lock that lost updates, and a name that has to be escaped.
fn recording() -> Recording {
    let mut records = common::quick_run(2, 5);
    records.extend(common::locks::lock_run(1, 5));
    records.retain(|record| record.case.params.message_bytes.is_none_or(|bytes| bytes <= 64));
    let mut case = records[0].case.clone();
    "never-ran".clone_into(&mut case.mechanism);
    records.push(common::failed(case, 8, "made up"));
    let first = records[0].case_key.clone();
    for record in records.iter_mut().filter(|record| record.case_key == first) {
        ODD.clone_into(&mut record.case.mechanism);
        record.case_key = record.case.key();
    }
    one_run(&mut records, "run-1");
    Recording { records, bad_lines: vec![] }
}

const ODD: &str = "odd \"quoted\" \\ and\nbroken";

fn one_run(records: &mut [Record], run_id: &str) {
    let machine = records[0].machine.clone();
    for record in records {
        run_id.clone_into(&mut record.run_id);
        record.machine = machine.clone();
    }
}

fn text(tracker: Tracker) -> String {
    summaries(&recording(), tracker).expect("one run of one machine").text
}

/// Cases with a valid number, by key.
fn tracked() -> &'static BTreeMap<String, CaseSummary> {
    static ONCE: LazyLock<BTreeMap<String, CaseSummary>> = LazyLock::new(|| {
        let valid = |case: &CaseSummary| case.typical.is_some() && case.verdict != Some(Verdict::Caught);
        summarise(&recording().records).into_iter().filter(valid).map(|case| (case.case_key.clone(), case)).collect()
    });
    &ONCE
}

#[track_caller]
fn close(found: f64, due: f64) {
    assert!((found - due).abs() <= due.abs() * 1e-12, "{found} instead of {due}");
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn github_action_benchmark_gets_times_only() {
    let all: Value = serde_json::from_str(&text(Tracker::GithubActionBenchmark)).expect("JSON");
    let (all, due) = (all.as_array().expect("an array"), tracked());
    assert_eq!(all.len(), due.len());
    assert!(due.values().any(|case| case.main.is_some_and(MainMetric::is_rate)), "there are rates");
    for entry in all {
        let known = ["name", "unit", "value", "range", "extra"].into();
        assert!(keys(entry).is_subset(&known), "{entry}");
        let case = &due[entry["name"].as_str().expect("text")];
        let (main, typical) = (case.main.expect("timed"), case.typical.expect("measured"));
        assert_eq!(entry["unit"], "ns");
        close(entry["value"].as_f64().expect("a number"), main.cost_ns(typical.value));
        assert!(entry["extra"].as_str().expect("text").contains(case.verdict_word()), "{entry}");
        assert_eq!(entry["range"].is_string(), typical.interval.is_some(), "{entry}");
        let Some((low, high)) = entry["range"].as_str().map(|range| range.split_once(" to ").expect("two ends")) else {
            continue;
        };
        let [low, high] = [low, high].map(|end| end.parse::<f64>().expect("a number"));
        assert!(low <= main.cost_ns(typical.value) + 1e-3 && main.cost_ns(typical.value) <= high + 1e-3, "{entry}");
    }
}

#[test]
fn bencher_gets_measures_with_both_ends() {
    let all: Value = serde_json::from_str(&text(Tracker::Bencher)).expect("JSON");
    let due = tracked();
    assert_eq!(keys(&all), due.keys().map(String::as_str).collect());
    let mut names = BTreeSet::new();
    for (key, measures) in all.as_object().expect("an object") {
        assert!(key.len() <= 1024, "{key}");
        for (name, metric) in measures.as_object().expect("an object") {
            let slug = name.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert!(slug && name.len() <= 64, "{name}");
            assert!(keys(metric).is_subset(&["value", "lower_value", "upper_value"].into()), "{metric}");
            let [low, value, high] = ["lower_value", "value", "upper_value"].map(|end| metric[end].as_f64());
            let value = value.expect("a value is required");
            assert!(low.is_none_or(|low| low <= value) && high.is_none_or(|high| value <= high), "{metric}");
            names.insert(name.clone());
        }
        let case = &due[key];
        let main = if case.main.expect("timed").is_rate() { "throughput" } else { "latency" };
        close(measures[main]["value"].as_f64().expect("its main metric"), case.typical.expect("measured").value);
        let interval = case.typical.expect("measured").interval;
        assert_eq!(measures[main]["lower_value"].is_number(), interval.is_some(), "{measures}");
    }
    assert!(names.contains("latency") && names.contains("throughput"), "{names:?}");
}

/// Samples of an exposition: name, labels and value. Panics where the text breaks a rule of the format.
fn samples(text: &str) -> Vec<(String, BTreeMap<String, String>, f64)> {
    assert!(text.ends_with('\n'), "the last line ends with a line feed");
    let is_name = |name: &str| {
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let (mut found, mut typed, mut helped) = (vec![], vec![], vec![]);
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped.push(help.split_once(' ').expect("a name and a text").0.to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert_eq!((kind, helped.last().map(String::as_str)), ("gauge", Some(name)));
            assert!(!typed.contains(&name.to_owned()), "{name} has one group");
            typed.push(name.to_owned());
        } else {
            let (name, mut rest) = line.split_once('{').unwrap_or_else(|| {
                let (name, _) = line.split_once(' ').expect("a name and a value");
                (name, "}")
            });
            assert!(is_name(name) && typed.last().is_some_and(|typed| typed == name), "{line}");
            let mut labels = BTreeMap::new();
            while !rest.starts_with('}') {
                let (label, quoted) = rest.split_once("=\"").expect("a label and a value");
                assert!(is_name(label), "{line}");
                let (mut value, mut chars) = (String::new(), quoted.char_indices());
                let end = loop {
                    match chars.next().expect("a closing quote") {
                        (end, '"') => break end,
                        (_, '\\') => value.push(match chars.next().expect("an escaped character").1 {
                            'n' => '\n',
                            plain @ ('\\' | '"') => plain,
                            other => panic!("\\{other} in {line}"),
                        }),
                        (_, plain) => value.push(plain),
                    }
                };
                assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
                rest = quoted[end + 1..].trim_start_matches(',');
            }
            let value = line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number");
            found.push((name.to_owned(), labels, value));
        }
    }
    found
}

#[test]
fn prometheus_gets_gauges_with_escaped_labels() {
    let (all, due) = (samples(&text(Tracker::Prometheus)), tracked());
    let unique: BTreeSet<_> = all.iter().map(|(name, labels, _)| (name, labels)).collect();
    assert_eq!(unique.len(), all.len(), "no sample twice");
    assert!(all.iter().any(|(_, labels, _)| labels.get("mechanism").is_some_and(|name| name == ODD)));
    assert_eq!(all.iter().filter(|(name, ..)| name == "ipcmark_run_info").count(), 1);
    let units = ["_seconds", "_per_second", "_ratio", "_info", "_repetitions"];
    let mut main = 0;
    for (name, labels, value) in &all {
        assert!(units.iter().any(|unit| name.ends_with(unit)), "{name}");
        let scale = match name.as_str() {
            "ipcmark_time_seconds" => 1e-9,
            "ipcmark_rate_per_second" => 1.0,
            _ => continue,
        };
        close(*value, due[&labels["case"]].typical.expect("measured").value * scale);
        main += 1;
    }
    assert_eq!(main, due.len());
}

#[test]
fn several_runs_or_machines_are_refused_where_they_have_no_common_value() {
    let mut two_runs = recording();
    let mut second = recording().records;
    one_run(&mut second, "run-2");
    two_runs.records.extend(second);
    let error = summaries(&two_runs, Tracker::Prometheus).expect_err("two runs").to_string();
    assert!(error.contains("run-1, run-2"), "{error}");
    assert!(summaries(&two_runs, Tracker::Bencher).is_ok(), "runs of one machine have a common median");
    let found = summaries(&recording(), Tracker::Bencher).expect("one run");
    assert_eq!(found.cases, tracked().len());
    assert!(found.left_out >= 1, "a case that failed has no number");
}
