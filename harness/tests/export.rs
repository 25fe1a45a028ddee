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
    let python = match python_with_duckdb() {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: {why}");
            return;
        }
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
        let output = Command::new(&python.program).args(["-c", &script]).current_dir(folder.path()).output();
        let output = output.expect("it ran before");
        assert_eq!(output.status.code(), Some(0), "{format}: {}", told(&output));
        let found: Vec<(String, String, u64, f64)> = serde_json::from_str(&printed(&output)).expect("rows");
        assert_eq!(found.len(), due.len(), "{format}: {found:?}");
        for (case_key, _, repetitions, cost_ns) in found {
            let costs = &due[&case_key];
            assert_eq!(repetitions, costs.len() as u64, "{case_key} in {format}");
            let middle = f64::midpoint(costs[(costs.len() - 1) / 2], costs[costs.len() / 2]);
            assert!((cost_ns / middle - 1.0).abs() < 1e-9, "{case_key} in {format}: {cost_ns} instead of {middle}");
        }
    }
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

/// An interpreter that can import DuckDB, and the folder that it lives in, if it was made for this test.
struct Python {
    program: PathBuf,
    _home: Option<TempDir>,
}

/// The machine's own, or one in a temporary environment with the package of the index.
fn python_with_duckdb() -> Result<Python, String> {
    let imports = |program: &Path| ends_well(Command::new(program).args(["-c", "import duckdb"]));
    if imports(Path::new("python3")) {
        return Ok(Python { program: "python3".into(), _home: None });
    }
    let home = folder();
    if !ends_well(Command::new("python3").args(["-m", "venv"]).arg(home.path())) {
        return Err("python3 cannot import duckdb, and makes no environment to install it into (python3-venv)".into());
    }
    let program = home.path().join("bin/python");
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "duckdb"];
    if !ends_well(Command::new(&program).args(install)) || !imports(&program) {
        return Err("python3 cannot import duckdb, and it cannot be installed from the package index".into());
    }
    Ok(Python { program, _home: Some(home) })
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
