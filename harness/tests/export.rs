//! Exports of real runs, and the documented query over them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::alone;
use crate::common::command::{command, folder, ipcmark, printed, told};
use ipcmark::record::{Record, Status, Verdict};
use serde_json::Value;
use tempfile::TempDir;

/// A short run of two measures in `folder`.
fn run(folder: &Path) {
    let _alone = alone();
    let only = "/pipe/(round_trip|stream)/.*wait=block/message_bytes=8$";
    let output = ipcmark(folder, &["run", "--plan", "smoke", "--only", only, "--repetitions", "2", "--out", "run"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

#[test]
fn rows_go_to_stdout_or_to_a_file() {
    let folder = folder();
    run(folder.path());
    let json = ipcmark(folder.path(), &["export", "--format", "json", "run"]);
    assert_eq!(json.status.code(), Some(0), "{}", told(&json));
    let rows: Vec<Value> = printed(&json).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(
        rows.iter().any(|row| row["measure"] == "round_trip" && row["round_trip_ns"].as_f64() > Some(0.0)),
        "{rows:?}"
    );
    assert!(rows.iter().all(|row| row["machine"].is_string() && row["kernel"].is_string()));
    let versions = rows[0]["versions"].as_str().expect("libraries are named");
    assert!(versions.contains("crossbeam ") && versions.contains("ipc-channel "), "{versions}");

    let csv = ipcmark(folder.path(), &["export", "--format", "csv", "run", "--out", "trials.csv"]);
    assert_eq!(csv.status.code(), Some(0), "{}", told(&csv));
    assert!(told(&csv).contains(&format!("{} rows in trials.csv", rows.len())), "{}", told(&csv));
    let text = fs::read_to_string(folder.path().join("trials.csv")).expect("it was written");
    assert!(text.starts_with("run_id,plan,machine,"), "{text}");

    let piped = fs::File::open(folder.path().join("run/records.jsonl")).expect("the run left records");
    let mut from_stdin = command(folder.path(), &["export", "--format", "csv", "-"]);
    let output = from_stdin.stdin(piped).output().expect("the command exists");
    assert_eq!(printed(&output), text, "{}", told(&output));

    let parquet = ipcmark(folder.path(), &["export", "--format", "parquet", "run"]);
    assert_eq!(parquet.status.code(), Some(2));
    assert!(told(&parquet).contains("--out FILE"), "{}", told(&parquet));
    let parquet = ipcmark(folder.path(), &["export", "--format", "parquet", "run", "--out", "trials.parquet"]);
    if cfg!(feature = "parquet") {
        assert_eq!(parquet.status.code(), Some(0), "{}", told(&parquet));
        let bytes = fs::read(folder.path().join("trials.parquet")).expect("it was written");
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    } else {
        assert_eq!(parquet.status.code(), Some(2));
        assert!(told(&parquet).contains("--features parquet"), "{}", told(&parquet));
    }
}

#[test]
fn trackers_get_one_value_a_case() {
    let folder = folder();
    run(folder.path());
    let export = |format: &str| {
        let output = ipcmark(folder.path(), &["export", "--format", format, "run"]);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", told(&output));
        printed(&output)
    };
    let due = medians(&folder.path().join("run/records.jsonl"));
    let entries: Vec<Value> = serde_json::from_str(&export("github-action-benchmark")).expect("an array");
    let names: Vec<&str> = entries.iter().filter_map(|entry| entry["name"].as_str()).collect();
    let bencher: BTreeMap<String, Value> = serde_json::from_str(&export("bencher")).expect("an object");
    let prometheus = export("prometheus");
    for key in due.keys() {
        assert!(names.contains(&key.as_str()) && bencher.contains_key(key), "{key}: {names:?}");
        assert!(prometheus.contains(&format!("{{case=\"{key}\"")), "{key}: {prometheus}");
    }
    let output = ipcmark(folder.path(), &["export", "--format", "prometheus", "run", "--out", "ipcmark.prom"]);
    assert!(told(&output).contains("cases in ipcmark.prom"), "{}", told(&output));
    assert_eq!(fs::read_to_string(folder.path().join("ipcmark.prom")).expect("it was written"), prometheus);
}

#[test]
fn an_export_of_nothing_is_a_mistake() {
    let folder = folder();
    fs::write(folder.path().join("empty.jsonl"), "").expect("writable");
    let output = ipcmark(folder.path(), &["export", "--format", "csv", "empty.jsonl", "--out", "trials.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("no records"), "{}", told(&output));
    assert!(!folder.path().join("trials.csv").exists(), "nothing was written");
}

/// The query of docs/fleet.md, run by DuckDB over each form of a real export, gives what the records say.
#[test]
fn the_documented_query_gives_the_medians_of_the_records() {
    let Some(python) = python_with_duckdb() else {
        println!("skipped: python3 cannot import duckdb, and it cannot be installed into an environment of its own");
        return;
    };
    let folder = folder();
    run(folder.path());
    let due = medians(&folder.path().join("run/records.jsonl"));
    assert!(!due.is_empty(), "something was measured");
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fleet.md")).expect("the page");
    let (_, query) = page.split_once("```sql\n").expect("the page has a query");
    fs::write(folder.path().join("query.sql"), query.split_once("```").expect("it ends").0).expect("writable");
    let mut forms = vec![
        ("csv", "read_csv('trials.csv', sample_size = -1)"),
        ("json", "read_json('trials.json', sample_size = -1)"),
    ];
    if cfg!(feature = "parquet") {
        forms.push(("parquet", "'trials.parquet'"));
    }
    for (format, source) in forms {
        let file = format!("trials.{format}");
        let output = ipcmark(folder.path(), &["export", "--format", format, "run", "--out", &file]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let script = format!(
            "import duckdb, json\n\
             duckdb.sql(\"CREATE VIEW trials AS SELECT * FROM {source}\")\n\
             print(json.dumps(duckdb.sql(open('query.sql').read()).fetchall()))\n"
        );
        let output = python.command().args(["-c", &script]).current_dir(folder.path()).output();
        let output = output.expect("it ran before");
        assert_eq!(output.status.code(), Some(0), "{format}: {}", told(&output));
        let found: Vec<(String, String, u64, f64)> = serde_json::from_str(&printed(&output)).expect("rows");
        assert_eq!(found.len(), due.len(), "{format}: {found:?}");
        for (case_key, _, repetitions, cost_ns) in found {
            let costs = &due[&case_key];
            assert_eq!(repetitions, costs.len() as u64, "{case_key} in {format}");
            let middle = middle(costs);
            assert!((cost_ns / middle - 1.0).abs() < 1e-9, "{case_key} in {format}: {cost_ns} instead of {middle}");
        }
    }
}

/// The example reads an export in one line, states the medians of the records, and draws every mechanism.
#[test]
fn the_example_draws_an_export() {
    let Some(python) = Python::with("pandas, matplotlib") else {
        println!("skipped: python3 cannot import pandas and matplotlib");
        return;
    };
    let folder = folder();
    run(folder.path());
    let output = ipcmark(folder.path(), &["export", "--format", "csv", "run", "--out", "trials.csv"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plot.py");
    let draw = |chart: &str, measure: &str| {
        let mut command = python.command();
        let command = command.arg(&script).args(["trials.csv", chart, measure]).current_dir(folder.path());
        command.env("MPLCONFIGDIR", folder.path()).output().expect("it ran before")
    };
    for (chart, measure) in [("chart.svg", "round_trip"), ("chart.png", "stream")] {
        let output = draw(chart, measure);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let table = printed(&output);
        let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let names = lines.next().expect("a header");
        let rows: Vec<BTreeMap<_, _>> = lines.map(|cells| names.iter().copied().zip(cells).collect()).collect();
        let due = medians(&folder.path().join("run/records.jsonl"));
        assert_eq!(rows.len(), due.keys().filter(|key| key.contains(measure)).count(), "{rows:?}");
        for row in rows {
            let found: f64 = row["median_ns"].parse().expect("a number");
            let middle = middle(&due[row["case_key"]]);
            assert!((found / middle - 1.0).abs() < 1e-9, "{row:?}: {middle}");
        }
        let drawn = fs::read(folder.path().join(chart)).expect("the chart was written");
        assert!(drawn.starts_with(b"\x89PNG") || String::from_utf8_lossy(&drawn).contains(">pipe/block<"), "{chart}");
    }
    let nothing = draw("none.svg", "paced");
    assert!(told(&nothing).contains("no measured paced"), "{}", told(&nothing));
}

/// Sorted costs of the usable trials that count, by case key.
fn medians(file: &Path) -> BTreeMap<String, Vec<f64>> {
    let recording = ipcmark_reports::read(&[file.to_owned()]).expect("a recording");
    let usable = |record: &&Record| {
        record.outcome.status == Status::Measured && record.outcome.verdict != Some(Verdict::Invalid)
    };
    let mut costs: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for record in recording.records.iter().filter(usable) {
        let (Some(main), Some(metrics)) = (record.case.main_metric(), &record.outcome.metrics) else { continue };
        costs.entry(record.case_key.clone()).or_default().push(main.cost_ns(metrics[main.name]));
    }
    for costs in costs.values_mut() {
        costs.sort_by(f64::total_cmp);
    }
    costs
}

/// Median of sorted values.
fn middle(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

/// An interpreter with the packages of a test, and the folder that it lives in, if it was made for this test.
struct Python {
    program: PathBuf,
    _home: Option<TempDir>,
}

impl Python {
    /// The machine's own, with the packages that `scripts/ci` installs for this source tree, if it can import `modules`.
    fn with(modules: &str) -> Option<Self> {
        let python = Self { program: "python3".into(), _home: None };
        ends_well(python.command().args(["-c", &format!("import {modules}")])).then_some(python)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PYTHONPATH", Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python"));
        command
    }
}

/// The machine's own, or one in a temporary environment with the package of the index.
fn python_with_duckdb() -> Option<Python> {
    Python::with("duckdb").or_else(|| {
        let home = folder();
        let python = Python { program: home.path().join("bin/python"), _home: None };
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "duckdb"];
        let made = ends_well(Command::new("python3").args(["-m", "venv"]).arg(home.path()))
            && ends_well(python.command().args(install))
            && ends_well(python.command().args(["-c", "import duckdb"]));
        made.then_some(Python { _home: Some(home), ..python })
    })
}

/// Whether a command ends with status 0 within two minutes.
fn ends_well(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = quiet.spawn() else { return false };
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            _ => {
                // It has not ended, or cannot be asked: either way it is not used.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}
