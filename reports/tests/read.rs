//! Reading of complete and of damaged recordings.

use std::fs;
use std::path::PathBuf;

use crate::common;
use ipcmark_record::SCHEMA;
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
