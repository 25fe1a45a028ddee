//! Reading of complete and of damaged recordings.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use crate::common;
use ipcmark_record::line::Encoder;
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

/// Repetitions of the records in a file of these bytes, and the lines left out.
fn repetitions(bytes: &[u8]) -> (Vec<u32>, Vec<(usize, String)>) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let file = dir.path().join("a recording");
    fs::write(&file, bytes).expect("a file for the test");
    let recording = read(&[file]).expect("a readable file");
    let bad = recording.bad_lines.into_iter().map(|bad| (bad.line, bad.why)).collect();
    (recording.records.iter().map(|record| record.repetition).collect(), bad)
}

/// A recording of these repetitions, a line in each place.
fn lines(repetitions: std::ops::Range<u32>) -> Vec<String> {
    let mut encoder = Encoder::default();
    let records: Vec<Record> = repetitions.map(|it| serde_json::from_str(&line(it)).expect("just written")).collect();
    let lines = records.iter().flat_map(|record| encoder.lines(record));
    lines.map(|line| serde_json::to_string(&line).expect("plain data")).collect()
}

fn pretty(line: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
    serde_json::to_string_pretty(&value).expect("JSON")
}

#[test]
fn recordings_are_read_however_a_tool_has_laid_them_out() {
    for all in [lines(0..2), vec![line(0), line(1)]] {
        let plain = all.join("\n") + "\n";
        let spread = all.iter().map(|line| pretty(line)).collect::<Vec<_>>();
        let layouts = [
            plain.clone(),
            plain.trim_end().to_owned(),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', ""),
            format!("\u{feff}{plain}"),
            spread.join("\n"),
            format!("[{}]", all.join(",")),
            format!("[\n{}\n]\n", all.join(",\n")),
            format!("[\n{}]", spread.join(",\n")),
            pretty(&format!("[{}]", all.join(","))),
        ];
        for layout in layouts {
            assert_eq!(repetitions(layout.as_bytes()), (vec![0, 1], vec![]), "{}", &layout[..40]);
        }
    }
}

#[test]
fn a_recording_that_was_cut_and_joined_with_another_loses_no_whole_record() {
    let (all, others) = (lines(0..2), lines(2..4).join("\n"));
    let (whole, cut) = (all[..3].join("\n"), &all[3]);
    for at in (1..cut.len()).step_by(7).chain([9, 10, 11, cut.len() - 1]) {
        for joint in ["", "\n", "\r\n"] {
            let (kept, bad) = repetitions(format!("{whole}\n{}{joint}{others}\n", &cut[..at]).as_bytes());
            assert_eq!(kept, [0, 2, 3], "cut after {at} bytes, joined by {joint:?}");
            assert_eq!(bad.iter().map(|bad| bad.0).collect::<Vec<_>>(), [4]);
        }
        // The second half alone, before a whole recording.
        let (kept, bad) = repetitions(format!("{}\n{whole}\n", &cut[at..]).as_bytes());
        assert_eq!((kept, bad.len()), (vec![0], 1), "cut after {at} bytes: {bad:?}");
    }
}

#[test]
fn a_pretty_record_that_was_cut_is_left_out_alone() {
    let cut = pretty(&line(1));
    for at in (1..cut.len()).step_by(97) {
        let (kept, bad) = repetitions(format!("{}\n{}\n{}\n", line(0), &cut[..at], pretty(&line(2))).as_bytes());
        assert_eq!((kept, bad.len()), (vec![0, 2], 1), "cut after {at} bytes: {bad:?}");
    }
}

#[test]
fn a_wrong_file_is_described_in_one_line() {
    let page = format!("<!DOCTYPE html>\n{}", "<p>{ not } JSON</p>\n".repeat(1000));
    for (bytes, what) in [
        (page.as_bytes(), "an HTML page"),
        (b"\x7fELF\x02\x01{{}}\n{\n".as_slice(), "a program"),
        (b"{\"run_id\": \"x\"}".as_slice(), "JSON"),
        (b"name = \"quick\"\nrepetitions = 5\n".as_slice(), "text without JSON"),
    ] {
        let (kept, bad) = repetitions(bytes);
        assert_eq!((kept.len(), bad.len()), (0, 1), "{what}: {bad:?}");
        assert!(bad[0].1.contains(what), "{bad:?}");
    }
    let (kept, bad) = repetitions(format!("{}\n{}", line(0), "no record\n".repeat(1000)).as_bytes());
    assert_eq!((kept.len(), bad.len()), (1, 5));
    assert!(bad[4].1.contains("996 lines"), "{:?}", bad[4]);
}

#[test]
fn a_later_form_is_refused_wherever_it_stands() {
    let later = format!("{{\"schema\":{},\"kind\":\"new\"}}", SCHEMA + 1);
    for text in [later.clone(), pretty(&later), format!("{}{later}", &line(0)[..50])] {
        let (_dir, path) = run_of(&format!("{}\n{text}\n", line(1)));
        let error = read(&[path]).expect_err("a later form").to_string();
        assert!(error.contains("line 2: this record has form 4") && error.contains("up to 3"), "{error}");
    }
}

#[test]
fn compressed_recordings_are_read_directly() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let text = lines(0..3).join("\n");
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).expect("memory");
    let zstd = ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    for (name, bytes) in [("records.jsonl.gz", gzip.finish().expect("memory")), ("records.jsonl.zst", zstd)] {
        let file = dir.path().join(name);
        fs::write(&file, &bytes).expect("a file for the test");
        for path in [&file, dir.path()] {
            assert_eq!(read(&[path.to_owned()]).expect("readable").records.len(), 3, "{name}");
        }
        // Cut in the middle: an error that names the file, no crash and no half of a recording taken for a whole.
        fs::write(&file, &bytes[..bytes.len() / 2]).expect("a file for the test");
        let error = read(std::slice::from_ref(&file)).expect_err("cut").to_string();
        assert!(error.contains(name), "{error}");
        fs::remove_file(file).expect("ours");
    }
}

#[test]
fn a_directory_of_runs_is_all_of_them() {
    let runs = tempfile::tempdir().expect("a directory for the test");
    for (name, repetition) in [("b", 1), ("a", 0)] {
        fs::create_dir(runs.path().join(name)).expect("a directory for the test");
        fs::write(runs.path().join(name).join("records.jsonl"), line(repetition)).expect("a file for the test");
    }
    fs::write(runs.path().join("c.jsonl"), line(2)).expect("a file for the test");
    fs::write(runs.path().join("notes.txt"), "no recording").expect("a file for the test");
    fs::create_dir(runs.path().join("no run")).expect("a directory for the test");
    let recording = read(&[runs.path().to_owned()]).expect("three runs");
    assert_eq!(recording.records.iter().map(|record| record.repetition).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(recording.bad_lines.is_empty());
    let error = read(&[runs.path().join("no run")]).expect_err("no run").to_string();
    assert!(error.contains("no run holds no run"), "{error}");
}

#[test]
fn a_pipe_and_a_fifo_are_read_once_through() {
    let text = lines(0..2).join("\n");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let path = PathBuf::from(format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader)));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            // A byte at a time at first, as a slow program may write.
            let result = text.as_bytes()[..20].chunks(1).try_for_each(|byte| writer.write_all(byte));
            let result = result.and_then(|()| writer.write_all(&text.as_bytes()[20..]));
            drop(writer);
            result
        });
        assert_eq!(read(&[path]).expect("a pipe").records.len(), 2);
        writing.join().expect("no panic").expect("a reader");
    });
    let dir = tempfile::tempdir().expect("a directory for the test");
    let fifo = dir.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: mkfifo makes no FIFO here");
        return;
    }
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| fs::write(&fifo, &text));
        assert_eq!(read(std::slice::from_ref(&fifo)).expect("a FIFO").records.len(), 2);
        writing.join().expect("no panic").expect("a reader");
    });
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
