//! The map of the machine from plan to page, on all CPUs and on one.

use std::collections::BTreeSet;

use crate::common::alone;
use crate::common::command::{folder, ipcmark, told};
use ipcmark::pin;
use ipcmark::record::{Measure, Record, Status};

/// Records of the map in a finished run.
fn maps(run: &std::path::Path) -> Vec<Record> {
    let recording = ipcmark_reports::read(&[run.to_owned()]).expect("the run left records");
    assert!(recording.bad_lines.is_empty(), "{:?}", recording.bad_lines);
    recording.records.into_iter().filter(|record| record.case.measure == Measure::CoreToCore).collect()
}

#[test]
fn a_run_maps_every_allowed_cpu_and_draws_the_map() {
    let cpus: BTreeSet<u32> = pin::allowed_cpus().expect("allowed CPUs").into_iter().collect();
    if cpus.len() < 2 {
        println!("skipped: only one CPU is allowed");
        return;
    }
    let directory = folder();
    let _alone = alone();
    let output = ipcmark(directory.path(), &["run", "--plan", "core-to-core", "--repetitions", "2", "--out", "run"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let maps = maps(&directory.path().join("run"));
    assert_eq!(maps.len(), 2);
    for record in &maps {
        assert_eq!(record.outcome.status, Status::Measured, "{:?}", record.outcome.why);
        let map = record.outcome.core_to_core.as_ref().expect("a map");
        assert_eq!(map.cpus.iter().map(|place| place.cpu).collect::<BTreeSet<_>>(), cpus);
        let pairs: BTreeSet<(u32, u32)> = map.pairs.iter().map(|pair| (pair.from, pair.to)).collect();
        assert_eq!(pairs.len(), map.pairs.len(), "no pair twice");
        assert!(pairs.iter().all(|&(from, to)| pairs.contains(&(to, from))), "both directions");
        assert!(map.sampled || pairs.len() == cpus.len() * (cpus.len() - 1));
        assert_eq!(record.count.messages, pairs.len() as u64);
    }
    let page = std::fs::read_to_string(directory.path().join("run/index.html")).expect("a page");
    assert!(page.contains("id=\"core-to-core\""), "the map is drawn");
}

#[test]
fn one_cpu_has_no_map_and_the_record_says_why() {
    let directory = folder();
    let _alone = alone();
    let cpu = pin::allowed_cpus().expect("allowed CPUs")[0];
    // A process inherits the CPU of the thread that starts it.
    let output = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            pin::pin_this_thread(cpu).expect("allowed");
            ipcmark(directory.path(), &["run", "--plan", "core-to-core", "--out", "run"])
        });
        run.join().expect("no panic")
    });
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let [only] = &maps(&directory.path().join("run"))[..] else { panic!("one record") };
    assert_eq!(only.outcome.status, Status::Skipped);
    let why = only.outcome.why.as_deref().unwrap_or_default();
    assert_eq!(why, format!("only CPU {cpu} is allowed, and a round trip between CPUs needs two"));
}
