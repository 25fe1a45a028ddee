//! Reading of complete and of damaged recordings.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::common;
use ipcmark_record::{Case, Measure, Record, SCHEMA, Verdict, metric};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::read;

/// Run directory with a records file that holds `lines`.
fn run_of(lines: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    fs::write(dir.path().join("records.jsonl"), lines).expect("a file for the test");
    let path = dir.path().to_owned();
    (dir, path)
}

fn line(repetition: u32) -> String {
    let one = common::variants()[1];
    let case = common::case(&one, ipcmark_record::Measure::RoundTrip, ipcmark_record::Placement::SameL3, 8);
    serde_json::to_string(&common::failed(case, repetition, "made up")).expect("records are plain data")
}

#[test]
fn two_machines_have_no_common_report() {
    let mut records = common::quick_run(1, 5);
    Arc::make_mut(&mut records[0].machine).facts.hostname = "elsewhere".into();
    let dir = tempfile::tempdir().expect("a directory for the test");
    let error = ipcmark_reports::write(&common::recording(records.clone()), dir.path()).expect_err("two machines");
    let told = error.to_string();
    let other = &records[1].machine.facts.hostname;
    assert!(
        told.contains("elsewhere (") && told.contains(&format!("{other} (")) && told.contains("ipcmark compare"),
        "{told}"
    );
    assert!(fs::read_dir(dir.path()).expect("readable").next().is_none(), "no page was written");
}

#[test]
fn good_lines_are_used_and_bad_ones_named() {
    let half = &line(2)[..200];
    let (_dir, path) = run_of(&format!("{}\nnot json\n\n{}\n{{}}\n{half}", line(0), line(1)));
    let recording = read(std::slice::from_ref(&path)).expect("two good lines");
    assert_eq!(recording.records.len(), 2);
    assert_eq!(recording.bad_lines.iter().map(|bad| bad.line).collect::<Vec<_>>(), [2, 5, 6]);
    assert!(recording.bad_lines.iter().all(|bad| bad.file == path.join("records.jsonl") && !bad.why.is_empty()));
}

#[test]
fn bytes_that_are_not_text_are_a_bad_line() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("records.jsonl");
    fs::write(&file, [b"\xff\xfe\n".as_slice(), line(0).as_bytes()].concat()).expect("a file for the test");
    let recording = read(&[file]).expect("one good line");
    assert_eq!((recording.records.len(), recording.bad_lines.len()), (1, 1));
}

#[test]
fn a_later_form_is_refused_by_name() {
    let later = line(0).replacen(&format!("\"schema\":{SCHEMA}"), &format!("\"schema\":{}", SCHEMA + 1), 1);
    let (_dir, path) = run_of(&format!("{}\n{later}\n", line(0)));
    let error = read(&[path]).expect_err("a later form").to_string();
    assert!(error.contains("records.jsonl line 2") && error.contains(&format!("form {}", SCHEMA + 1)), "{error}");
}

#[test]
fn a_missing_path_is_named() {
    let error = read(&["/nowhere/at/all".into()]).expect_err("no such path").to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_file_named_twice_is_read_once_and_files_add_up() {
    let (_first, one) = run_of(&line(0));
    let (_second, two) = run_of(&line(1));
    let recording = read(&[one.clone(), one.join("records.jsonl"), two]).expect("two files");
    assert_eq!(recording.records.iter().map(|record| record.repetition).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn an_empty_file_is_an_empty_recording() {
    let (_dir, path) = run_of("");
    let recording = read(&[path]).expect("an empty file is no error");
    assert!(recording.records.is_empty() && recording.bad_lines.is_empty());
}

/// A sound measured trial.
fn measured(measure: Measure) -> Record {
    let one = common::variants()[1];
    let case: Case = common::case(&one, measure, ipcmark_record::Placement::SameL3, 8);
    let mut record = common::measured(&one, case, 0, &mut Random::new(1));
    // The synthetic value is the mean of its windows; the recorded one is their median.
    if measure == Measure::RoundTrip {
        let windows = record.outcome.windows.as_mut().expect("measured");
        for (at, window) in windows.iter_mut().enumerate() {
            (window.start_ns, window.elapsed_ns) = (at as u64 * 50_000_000, 50_000_000);
        }
        record.outcome.metrics.as_mut().expect("measured").insert(metric::ROUND_TRIP_NS.into(), 10_000.0);
    }
    record
}

fn refusal(record: &Record) -> Option<String> {
    let text = serde_json::to_string(record).expect("records are plain data");
    let (_dir, path) = run_of(&format!("{}\n{text}\n", line(9)));
    let mut recording = read(&[path]).expect("a readable file");
    assert_eq!(recording.records.len() + recording.bad_lines.len(), 2, "the other record is kept");
    let bad = recording.bad_lines.pop()?;
    assert_eq!(bad.line, 2);
    Some(bad.why)
}

/// Sound trial, changed by `lie`.
fn lied(lie: impl FnOnce(&mut Record)) -> String {
    let mut record = measured(Measure::RoundTrip);
    lie(&mut record);
    refusal(&record).expect("refused")
}

#[test]
fn sound_records_are_kept() {
    assert_eq!([Measure::RoundTrip, Measure::Stream].map(|measure| refusal(&measured(measure))), [None, None]);
}

#[test]
fn impossible_times_are_refused_by_line_and_reason() {
    let with = |name: &'static str, value: f64| {
        lied(move |record| {
            record.outcome.metrics.as_mut().expect("measured").insert(name.into(), value);
        })
    };
    assert!(with(metric::ROUND_TRIP_NS, 0.0).contains("its round_trip_ns is 0"));
    assert!(with(metric::ROUND_TRIP_NS, -5.0).contains("its round_trip_ns is -5"));
    assert!(with(metric::P99_NS, -5.0).contains("its p99_ns is -5"));
    // JSON knows neither NaN nor infinity: they are written as null, or as a number beyond the range.
    assert!(with(metric::ROUND_TRIP_NS, f64::NAN).contains("null"));
    let text = serde_json::to_string(&measured(Measure::RoundTrip)).expect("records are plain data");
    let (_dir, path) = run_of(&text.replacen("\"round_trip_ns\":10000.0", "\"round_trip_ns\":1e999", 1));
    let recording = read(&[path]).expect("a readable file");
    assert!(recording.records.is_empty() && recording.bad_lines[0].why.contains("out of range"));
    let absent = lied(|record| {
        record.outcome.metrics.as_mut().expect("measured").remove(metric::ROUND_TRIP_NS);
    });
    assert!(absent.contains("it has no round_trip_ns"), "{absent}");
    assert!(lied(|record| record.outcome.metrics = None).contains("it has no round_trip_ns"));
    assert!(lied(|record| record.outcome.floor.as_mut().expect("paired").ns = 0.0).contains("its floor"));
    assert!(with(metric::P50_NS, 1e12).contains("is above its p90_ns"));
}

#[test]
fn windows_and_counts_that_do_not_add_up_are_refused() {
    assert!(lied(|record| record.count.messages = 0).contains("it counted no messages"));
    assert!(
        lied(|record| record.count.messages = 39_999).contains("its windows hold 40000 messages, and it counted 39999")
    );
    let window = |lie: fn(&mut ipcmark_record::Window)| {
        lied(move |record| lie(&mut record.outcome.windows.as_mut().expect("measured")[2]))
    };
    assert!(window(|one| one.elapsed_ns = 0).contains("window 2 took no time"));
    assert!(window(|one| one.messages = 0).contains("window 2 holds no messages"));
    assert!(window(|one| one.elapsed_ns += 1).contains("window 2 ends after the next one begins"));
    assert!(window(|one| one.start_ns = u64::MAX).contains("window 2 ends after the end of time"));
    let metric = lied(|record| {
        record.outcome.metrics.as_mut().expect("measured").insert(metric::ROUND_TRIP_NS.into(), 9_000.0);
    });
    assert!(metric.contains("its round_trip_ns is 9000, and the median of its windows 10000"), "{metric}");
}

#[test]
fn the_last_undisturbed_attempt_counts_and_else_the_last_one() {
    let record = |attempt: u32, verdict: &str| {
        let mut record = measured(Measure::Stream);
        match verdict {
            "failed" => record = common::failed(record.case, 0, "made up"),
            word => record.outcome.verdict = Some(word.parse().expect("a verdict")),
        }
        record.attempt = attempt;
        serde_json::to_string(&record).expect("records are plain data")
    };
    for (attempts, counts, verdict) in [
        (&[(0, "disturbed"), (1, "stable")][..], 1, Verdict::Stable),
        (&[(0, "disturbed"), (1, "disturbed")], 1, Verdict::Disturbed),
        (&[(0, "stable"), (1, "disturbed")], 0, Verdict::Stable),
        (&[(0, "disturbed"), (1, "failed")], 1, Verdict::Invalid),
        (&[(0, "disturbed"), (1, "failed"), (1, "noisy")], 1, Verdict::Noisy),
        (&[(0, "failed"), (0, "disturbed")], 0, Verdict::Disturbed),
    ] {
        let lines: Vec<String> = attempts.iter().map(|&(attempt, verdict)| record(attempt, verdict)).collect();
        let (_dir, path) = run_of(&lines.join("\n"));
        let recording = read(&[path]).expect("good lines");
        let kept = &recording.records;
        assert_eq!(kept.len(), 1, "{attempts:?}");
        assert_eq!((kept[0].attempt, kept[0].outcome.verdict), (counts, Some(verdict)), "{attempts:?}");
        assert!(recording.bad_lines.is_empty(), "{attempts:?}: another attempt is no repeat");
    }
    let twice = [record(0, "disturbed"), record(1, "stable"), record(0, "disturbed"), record(1, "stable")];
    let (_dir, path) = run_of(&twice.join("\n"));
    let recording = read(&[path]).expect("good lines");
    assert_eq!((recording.records[0].attempt, recording.bad_lines[0].line), (1, 3));
}
