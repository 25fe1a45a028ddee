//! The report in a real browser: every interaction, three widths, light and dark, by keys, on a phone, printed and without
//! scripts; no console output, no request, no violation of WCAG A or AA that axe finds. `browser/explore.mjs` drives it, and
//! `browser/advice.mjs` the form for advice.
//!
//! Skipped with a message without Chromium, Node or the packages `playwright-core` and `axe-core`, which
//! `npm install --prefix target/browser playwright-core axe-core` gets.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::advise::{few, grid, locks, row, starts};
use crate::common;
use crate::common::families::{pools, states};
use ipcmark_record::{Measure, Pattern};
use ipcmark_reports::advise::{Advice, Excluded, Request, Subject, advise, by_machine};
use ipcmark_reports::{Recording, read, write};
use serde_json::{Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_page_can_be_explored_in_a_browser() {
    let recording = Recording { records: common::quick_run(5, 7), bad_lines: vec![] };
    drive("explore.mjs", &recording, None);
}

#[test]
fn the_form_gives_the_advice_of_the_command() {
    let few = [few(), vec![row("shm-spsc", "hybrid"), row("shm-mailbox", "spin")]].concat();
    // One row lacks open loops, so its latency is in doubt.
    let mut records = grid(&few, &[64, 4096], &[10_000, 100_000]);
    records.retain(|record| record.case.mechanism != "shm-mailbox" || record.case.measure != Measure::Paced);
    let messages = |(message_bytes, rate_per_s): (u64, u64)| {
        let subject = Subject::Transport { message_bytes, rate_per_s, pattern: Pattern::default() };
        (subject, vec![("size", message_bytes), ("rate", rate_per_s)])
    };
    let points = [(64, 10_000), (64, 100_000), (4096, 10_000), (4096, 100_000)].map(messages);
    let limits = [
        (None, None, false),
        (None, Some(0.9), false),
        (Some(0.2), None, false),
        (Some(50.0), Some(1.5), false),
        (Some(0.001), None, false),
        (None, None, true),
        (Some(7.0), Some(1.99), true),
    ];
    compare(&Recording { records, bad_lines: vec![] }, &points, &limits);
    let file = Path::new(ROOT).join("recorded/amd-epyc-family-26-2-cpus/locks-quick.jsonl.zst");
    let real = read(&[file]).expect("a recording");
    let lock = |contenders, critical_section_ns| Subject::Lock { contenders, critical_section_ns };
    compare(&real, &[(lock(2, 0), vec![])], &[(None, None, false), (Some(0.2), Some(1.99), false)]);
}

#[test]
fn a_page_of_many_families_has_a_form_for_each() {
    let records = [locks(), pools::pool_run(5, 3), states::state_run(5, 3), starts()].concat();
    let points = [
        (Subject::Lock { contenders: 2, critical_section_ns: 0 }, vec![("contenders", 2), ("critical-section", 0)]),
        (Subject::Pool { grain_ns: 1_000, workers: 2 }, vec![("grain", 1_000), ("workers", 2)]),
        (
            Subject::State { contenders: 2, reads_percent: 90, message_bytes: 64 },
            vec![("processes", 2), ("writes", 10), ("size", 64)],
        ),
        (Subject::Start { parent_rss_bytes: 1 << 30, batch: 1 }, vec![("parent", 1 << 30), ("batch", 1)]),
        (
            Subject::Lock { contenders: 8, critical_section_ns: 1_000 },
            vec![("contenders", 8), ("critical-section", 1_000)],
        ),
    ];
    compare(&Recording { records, bad_lines: vec![] }, &points, &[(None, None, false), (None, None, true)]);
}

/// Longest p99 in microseconds, most CPUs, and whether the others must survive a crash.
type Limits = (Option<f64>, Option<f64>, bool);

/// Compares what the form says with the advice, at each point with several limits.
fn compare(recording: &Recording, points: &[(Subject, Vec<(&str, u64)>)], limits: &[Limits]) {
    let machines = by_machine(recording.clone());
    let mut requests = Vec::new();
    for (subject, fields) in points {
        for &(p99_us, max_cpus, must_survive_crash) in limits {
            let request =
                Request { subject: *subject, p99_ns: p99_us.map(|us: f64| us * 1e3), max_cpus, must_survive_crash };
            let advice = advise(&request, &machines, &|_| None);
            let text = |limit: Option<f64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
            let crash = if must_survive_crash { "1" } else { "" }.to_owned();
            let family = subject.family();
            let values = fields.iter().map(|(axis, value)| (*axis, value.to_string()));
            let limits = [("p99", text(p99_us)), ("cpus", text(max_cpus)), ("crash", crash)];
            let fields = values.chain(limits).map(|(name, value)| (format!("{family}-{name}"), value));
            let fields: serde_json::Map<String, Value> =
                fields.map(|(name, value)| (name, Value::from(value))).collect();
            requests.push(json!({ "family": family, "fields": fields, "told": told(&advice) }));
        }
    }
    drive("advice.mjs", recording, Some(&Value::from(requests)));
}

/// What the form must say.
fn told(advice: &Advice) -> Value {
    let each = |text: &dyn Fn(&ipcmark_reports::advise::Candidate) -> Value| -> Vec<Value> {
        advice.candidates.iter().map(text).collect()
    };
    let excluded = |Excluded { row, why, detail }: &Excluded| match detail.as_str() {
        "" => format!("{row}: {why}"),
        detail => format!("{row}: {why} ({detail})"),
    };
    json!({
        "answer": advice.answer,
        "rows": each(&|one| one.row.clone().into()),
        "doubts": each(&|one| one.doubts.join("; ").into()),
        "tied": each(&|one| (one.tied && one.is_sure()).into()),
        "excluded": advice.excluded.iter().map(excluded).collect::<Vec<_>>(),
        "command": format!("ipcmark advise {} --measure 2m", advice.request.options()),
    })
}

/// Runs a script of `browser/` on the page of a recording.
fn drive(script: &str, recording: &Recording, given: Option<&Value>) {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(place) else {
        println!("skipped: no chromium on this machine");
        return;
    };
    let modules = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| format!("{ROOT}/../target")) + "/browser";
    if place("node").is_none() || !Path::new(&modules).join("node_modules/axe-core").exists() {
        println!("skipped: no node, or no playwright-core and axe-core in target/browser");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let page = write(recording, directory.path()).expect("a page").page;
    let mut driven = Command::new("node");
    driven.args([&format!("{ROOT}/tests/browser/{script}"), &modules, &browser]).arg(page);
    if let Some(given) = given {
        let file = directory.path().join("given.json");
        fs::write(&file, given.to_string()).expect("a file");
        driven.arg(file);
    }
    let driven = driven.output().expect("node starts");
    let told = [driven.stdout, driven.stderr].concat();
    assert!(driven.status.success(), "{}", String::from_utf8_lossy(&told));
}

/// Path of a program.
fn place(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| place.is_file()).map(|place| place.display().to_string())
}
