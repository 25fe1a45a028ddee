//! Records as lines that name their run and case.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use crate::common;
use ipcmark_record::line::{Encoder, Line};
use ipcmark_record::{Record, Window};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{BadLine, visit};

fn lines_of(records: &[Record], encoder: &mut Encoder) -> Vec<String> {
    let lines = records.iter().flat_map(|record| encoder.lines(record));
    lines.map(|line| serde_json::to_string(&line).expect("plain data") + "\n").collect()
}

fn read_text(text: &str) -> (Vec<Record>, Vec<BadLine>) {
    let dir = tempfile::tempdir().expect("a directory for the test");
    fs::write(dir.path().join("records.jsonl"), text).expect("a file for the test");
    let mut records = vec![];
    let bad = visit(&[dir.path().to_owned()], &mut |record, _, _| records.push(record)).expect("readable");
    (records, bad)
}

/// The made-up records that readers accept: elsewhere a value is the mean of its windows, where it must be their median.
fn sound(mut records: Vec<Record>) -> Vec<Record> {
    records.retain(|record| record.outcome.contradiction(&record.case, record.count.messages).is_none());
    assert!(records.len() > 20);
    records
}

/// Records as JSON gives them back, whose reader may change the last digit of a number.
fn through_json(records: &[Record]) -> Vec<Record> {
    let text = serde_json::to_string(records).expect("plain data");
    serde_json::from_str(&text).expect("just written")
}

fn quick_run(repetitions: u32) -> Vec<Record> {
    sound(common::quick_run(repetitions, 5))
}

fn by_place(records: Vec<Record>) -> BTreeMap<(String, u32, u32), Record> {
    records.into_iter().map(|it| ((it.case_key.clone(), it.repetition, it.order_in_run), it)).collect()
}

#[test]
fn records_are_read_as_they_were_written() {
    for records in [quick_run(3), sound(common::locks::lock_run(2, 5))] {
        let text = lines_of(&records, &mut Encoder::default()).concat();
        let (read, bad) = read_text(&text);
        assert!(bad.is_empty(), "{bad:?}");
        assert!(read == through_json(&records), "each field comes back");
        assert!(read.iter().all(|record| Arc::ptr_eq(&record.machine, &read[0].machine)), "one machine in memory");
    }
}

#[test]
fn what_follows_from_the_rest_of_a_trial_is_left_out() {
    let base = quick_run(1).into_iter().find(|it| it.outcome.roles.as_ref().is_some_and(|roles| roles.len() == 2));
    let base = base.expect("two roles");
    let with = |ended_at: &str, cpus: [u32; 2], role_cpus: [Option<u32>; 2]| {
        let mut record = Record { ended_at: ended_at.into(), cpus: cpus.to_vec(), ..base.clone() };
        for (role, cpu) in record.outcome.roles.iter_mut().flatten().zip(role_cpus) {
            role.cpu = cpu;
        }
        record
    };
    let cpus = [Some(0), Some(1)];
    let short = with("2000-01-01T00:00:00.131Z", [0, 1], cpus);
    let whole = [
        short.clone(),
        with("2000-01-01T00:00:01Z", [0, 1], [None; 2]),
        with("1999-12-31T23:59:59.000Z", [1, 0], cpus),
        with("soon", [0, 1], [Some(0), None]),
        with("2000-01-01T00:00:00.131Z", [0, 1], [None; 2]),
    ];
    let lines = lines_of(&[short], &mut Encoder::default());
    let trial = lines.last().expect("a line of the trial");
    for name in ["ended_at", "cpus", "chosen_by"] {
        assert!(!trial.contains(&format!("\"{name}\"")), "{name}: {trial}");
    }
    let (read, bad) = read_text(&lines_of(&whole, &mut Encoder::default()).concat());
    assert!(bad.is_empty(), "{bad:?}");
    assert!(read == through_json(&whole), "each field comes back");
    let (read, bad) = read_text(&lines.concat().replace("\"took_ms\":131,", ""));
    assert!(read.is_empty() && bad[0].why.contains("no `ended_at`"), "{bad:?}");
}

#[test]
fn suite_and_machine_are_written_once_and_each_case_once() {
    let records = quick_run(3);
    let text = lines_of(&records, &mut Encoder::default()).concat();
    let machine = serde_json::to_string(&records[0].machine).expect("plain data");
    assert_eq!(text.matches(&machine).count(), 1);
    let case = serde_json::to_string(&records[0].case).expect("plain data");
    assert_eq!(text.matches(&case).count(), 1);
    let complete: usize = records.iter().map(|record| serde_json::to_string(record).expect("plain data").len()).sum();
    assert!(5 * text.len() < 2 * complete, "{} of {complete} bytes", text.len());
}

#[test]
fn lines_may_stand_in_any_order_and_in_several_files() {
    let first = quick_run(1);
    let mut second = first.clone();
    for record in &mut second {
        record.run_id = "another-run".into();
        Arc::make_mut(&mut record.machine).facts.kernel = "another kernel".into();
    }
    let mut lines = [lines_of(&first, &mut Encoder::default()), lines_of(&second, &mut Encoder::default())].concat();
    let all = |text: &str| {
        let (records, bad) = read_text(text);
        assert!(bad.is_empty(), "{bad:?}");
        let (one, other): (Vec<_>, Vec<_>) = records.into_iter().partition(|it| it.run_id == first[0].run_id);
        (by_place(one), by_place(other))
    };
    let expected = (by_place(through_json(&first)), by_place(through_json(&second)));
    lines.reverse();
    assert!(all(&lines.concat()) == expected);
    let mut random = Random::new(11);
    for _ in 0..5 {
        for at in (1..lines.len()).rev() {
            lines.swap(at, random.next_u64() as usize % (at + 1));
        }
        assert!(all(&lines.concat()) == expected);
    }
}

#[test]
fn a_resumed_part_has_its_own_machine() {
    let records = quick_run(1);
    let (before, after) = records.split_at(records.len() / 2);
    let mut after = after.to_vec();
    for record in &mut after {
        Arc::make_mut(&mut record.machine).facts.governor = Some("powersave".into());
    }
    let mut lines = lines_of(before, &mut Encoder::default());
    let cases = lines.iter().filter(|line| line.contains("\"number\":")).count();
    lines.extend(lines_of(&after, &mut Encoder::after((1, u32::try_from(cases).expect("few")))));
    lines.reverse();
    let (read, bad) = read_text(&lines.concat());
    assert!(bad.is_empty(), "{bad:?}");
    assert!(by_place(read) == by_place(through_json(&[before, &after].concat())));
}

#[test]
fn trials_without_their_run_line_are_counted_once() {
    let records = quick_run(1);
    let lines = lines_of(&records, &mut Encoder::default());
    let (read, bad) = read_text(&lines[1..].concat());
    assert!(read.is_empty());
    assert_eq!((bad.len(), bad[0].line), (1, 2), "{bad:?}");
    let expected = format!("{} records from here on name a line of run {}", records.len(), records[0].run_id);
    assert!(bad[0].why.starts_with(&expected), "{bad:?}");
}

#[test]
fn complete_records_of_every_form_are_read() {
    let records = quick_run(1);
    for form in 1..=3 {
        let text = records.iter().map(|record| {
            let text = serde_json::to_string(&Record { schema: form, ..record.clone() }).expect("plain data");
            // Forms 1 and 2 wrote a window as an object, and zeros.
            assert!(text.contains("\"start_ns\":0,") || record.outcome.windows.is_none());
            text + "\n"
        });
        let (read, bad) = read_text(&text.collect::<String>());
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!(read.len(), records.len());
        assert!(read.iter().all(|record| Arc::ptr_eq(&record.machine, &read[0].machine)), "one machine in memory");
    }
}

#[test]
fn windows_that_are_unequal_or_apart_keep_their_columns() {
    let window = |start_ns, elapsed_ns, messages| Window { start_ns, elapsed_ns, messages };
    let kinds: [(&str, &[Window]); 4] = [
        (r#"{"elapsed_ns":[5,6,7],"messages":10}"#, &[window(0, 5, 3), window(5, 6, 3), window(11, 7, 4)]),
        (r#"{"elapsed_ns":[5,6],"messages":[9,1]}"#, &[window(0, 5, 9), window(5, 6, 1)]),
        (r#"{"elapsed_ns":[5,6],"messages":2,"start_ns":[0,8]}"#, &[window(0, 5, 1), window(8, 6, 1)]),
        (r#"{"elapsed_ns":[],"messages":0}"#, &[]),
    ];
    for (columns, windows) in kinds {
        let mut record = quick_run(1).swap_remove(0);
        record.outcome.windows = Some(windows.to_vec());
        let Some(Line::Trial(line)) = Encoder::default().lines(&record).pop() else { panic!("a trial") };
        assert_eq!(serde_json::to_string(&line.windows).expect("plain data"), columns);
    }
    let records = quick_run(1);
    let text = lines_of(&records, &mut Encoder::default()).concat();
    let (read, bad) = read_text(&text.replacen("\"start_ns\":[", "\"start_ns\":[0,", 1));
    assert_eq!((read.len(), bad.len()), (records.len() - 1, 1));
    assert!(bad[0].why.contains("starts"), "{bad:?}");
}
