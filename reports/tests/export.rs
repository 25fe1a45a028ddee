//! Exports: every column of every record, in each form.

use std::collections::BTreeSet;
#[cfg(not(feature = "parquet"))]
use std::path::Path;

use crate::common;
use ipcmark_record::{Measure, Record, Status, metric};
use ipcmark_reports::export::{Cell, Export, Format, Kind, columns};
use serde_json::Value;

/// Records of several families, measured, failed and skipped.
fn records() -> Vec<Record> {
    let mut records = common::quick_run(2, 5);
    records.extend(common::locks::lock_run(1, 5));
    let case = records[0].case.clone();
    records.push(common::failed(case.clone(), 7, "made up, with \"quotes\", a comma\nand a second line"));
    records.push(common::skipped(case, 8, "made up"));
    records[0].outcome.metrics.get_or_insert_default().insert("a_metric_of_a_participant_ns".into(), 1.0);
    records
}

fn exported(format: Format, records: &[Record]) -> String {
    let mut text = vec![];
    let mut export = Export::text(format, &mut text).expect("memory is writable");
    for record in records {
        export.add(record).expect("memory is writable");
    }
    assert_eq!(export.finish().expect("memory is writable"), records.len() as u64);
    String::from_utf8(text).expect("UTF-8")
}

/// Whether two numbers are the same. The reader of JSON may be off by the last bit.
fn equal(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= one.abs() * 1e-14,
        _ => one == other,
    }
}

#[test]
fn every_column_has_a_name_a_type_and_a_text() {
    let columns = columns();
    let names: BTreeSet<&str> = columns.iter().map(|column| column.name).collect();
    assert_eq!(names.len(), columns.len(), "names are unique");
    let records = records();
    for column in &columns {
        assert!(column.doc.ends_with('.'), "{}: {}", column.name, column.doc);
        for record in &records {
            let fits = match column.cell(record) {
                Cell::Empty => true,
                Cell::Text(_) => column.kind == Kind::Text,
                Cell::Integer(_) => column.kind == Kind::Integer,
                Cell::Number(_) => column.kind == Kind::Number,
                Cell::Boolean(_) => column.kind == Kind::Boolean,
            };
            assert!(fits, "{} has another type than {:?}", column.name, column.kind);
        }
    }
    for asked in ["run_id", "machine", "case_key", "message_bytes", "round_trip_ns", "floor_ns", "user_ns", "kernel"] {
        assert!(names.contains(asked), "{asked}");
    }
}

#[test]
fn csv_and_json_have_the_values_of_the_records() {
    let records = records();
    let (csv, json) = (exported(Format::Csv, &records), exported(Format::Json, &records));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let names: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    assert_eq!(names, columns().iter().map(|column| column.name).collect::<Vec<_>>());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("RFC 4180");
    let objects: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!((rows.len(), objects.len()), (records.len(), records.len()));
    for ((record, row), object) in records.iter().zip(&rows).zip(&objects) {
        for (name, text) in names.iter().zip(row) {
            let same = match &object[name] {
                Value::Null => text.is_empty(),
                Value::String(word) => word == text,
                Value::Number(number) => equal(text.parse().ok(), number.as_f64()),
                Value::Bool(value) => text == if *value { "true" } else { "false" },
                other => panic!("{name}: {other} is no cell"),
            };
            assert!(same, "{name}: {text:?} in CSV, {:?} in JSON", object[name]);
        }
        assert_eq!(object["case_key"], record.case_key.as_str());
        assert_eq!(object["why"].as_str(), record.outcome.why.as_deref());
        for row in metric::ALL {
            let recorded = record.outcome.metrics.as_ref().and_then(|metrics| metrics.get(row.name));
            assert!(equal(object[row.name].as_f64(), recorded.copied()), "{}", row.name);
        }
        let main = record.case.main_metric().filter(|_| record.outcome.status == Status::Measured);
        assert!(equal(object["main_value"].as_f64(), main.and_then(|main| object[main.name].as_f64())));
    }
    let stream = objects.iter().find(|object| object["measure"] == Measure::Stream.word()).expect("a stream");
    assert_eq!(stream["pattern"], "1:1", "a usual value is spelled out");
    assert_eq!(stream["contenders"], Value::Null, "a stream has none");
    assert_eq!(stream["roles"], 2);
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_how_to_get_it() {
    let error = Export::parquet(Path::new("never-made")).err().expect("not built in").to_string();
    assert!(error.contains("--features parquet") && error.contains("csv or json"), "{error}");
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_has_the_values_of_json() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;
    let records = records();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut export = Export::parquet(file.path()).expect("built in");
    for record in &records {
        export.add(record).expect("writable");
    }
    assert_eq!(export.finish().expect("writable"), records.len() as u64);
    let reader = SerializedFileReader::new(file.reopen().expect("the same file")).expect("Parquet");
    let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
    let json = exported(Format::Json, &records);
    let objects: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect();
    assert_eq!((rows.len(), rows[0].len()), (objects.len(), columns().len()));
    for (row, object) in rows.iter().zip(&objects) {
        for (name, field) in row.get_column_iter() {
            let value = &object[name.as_str()];
            let same = match field {
                Field::Null => value.is_null(),
                Field::Bool(field) => *value == *field,
                Field::Long(field) => *value == *field,
                Field::Double(field) => equal(value.as_f64(), Some(*field)),
                Field::Str(field) => *value == **field,
                other => panic!("{name}: {other} is no cell"),
            };
            assert!(same, "{name}: {field} in Parquet, {value} in JSON");
        }
    }
}
