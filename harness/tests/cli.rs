//! The command as a user calls it: its output, its exit status, and that a wrong call creates nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::PROGRAM;
use crate::common::command::{command, folder, ipcmark, printed, told};
use ipcmark_harness::participants::Participants;
use serde_json::Value;

#[test]
fn a_wrong_call_ends_with_status_2_and_creates_nothing() {
    let wrong: [(&[&str], &str); 17] = [
        (&["run", "--plan", "qick"], "error: unknown plan `qick`; did you mean `quick`?"),
        (&["run", "--plan", "missing.toml"], "or the path of a TOML file (there is none at `missing.toml`)"),
        (&["run", "--only", "kafka"], "error: --only `kafka` matches none of the plan's"),
        (&["run", "--only", "("], "--only <REGEX>"),
        (&["run", "--placement", "nearby"], "[possible values: nearest, same_cpu,"),
        (&["run", "--repetitions", "0"], "0 is not in 1..=1000"),
        (&["run", "--until-stable", "5"], "such as 5% or 2.5%"),
        (&["run", "--until-stable", "0%"], "more than 0% and less than 100%"),
        (&["run", "--budget", "10"], "such as 90s, 10m or 1h 30m"),
        (&["run", "--budget", "10M"], "at least 1s and at most 24h"),
        (&["run", "--resume", "nowhere"], "error: there is no run to resume in nowhere"),
        (&["run", "--resume", "a", "--out", "b"], "cannot be used with"),
        (&["run", "--out", "/proc/ipcmark"], "error: cannot make the directory /proc/ipcmark"),
        (&["report", "nowhere.jsonl"], "nowhere.jsonl"),
        (&["compare", "nowhere", "nowhere"], "nowhere"),
        (&["compare", "a", "b", "--fail-above", "much"], "a percentage such as 10"),
        (&["compare", "a", "b", "--fail-above", "5%%"], "a percentage such as 10"),
    ];
    for (arguments, expected) in wrong {
        let folder = folder();
        let output = ipcmark(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains(expected), "{arguments:?}: expected {expected}, found {}", told(&output));
        assert_eq!(fs::read_dir(folder.path()).expect("it exists").count(), 0, "{arguments:?} left something");
    }
}

#[test]
fn too_few_open_files_are_noticed_before_anything_starts() {
    let folder = folder();
    for call in ["run --plan smoke --out out", "machine"] {
        let script = format!("ulimit -n 20; exec {PROGRAM} {call}");
        let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().expect("a shell");
        assert_eq!(output.status.code(), Some(2), "{call}");
        let told = told(&output);
        assert!(told.contains("this shell allows 20") && told.contains("ulimit -n"), "{told}");
    }
    assert!(!folder.path().join("out").exists());
}

#[test]
fn without_a_temporary_directory_no_partial_run_is_created() {
    let folder = folder();
    let mut call = command(folder.path(), &["run", "--plan", "smoke", "--out", "out"]);
    let output = call.env("TMPDIR", "/nowhere").env_remove("XDG_RUNTIME_DIR").output().expect("the command exists");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn files_of_others_are_not_replaced() {
    for name in ["index.html", "run.json"] {
        let folder = folder();
        fs::write(folder.path().join(name), "<html>{}").expect("ours");
        let output = ipcmark(folder.path(), &["run", "--plan", "smoke", "--out", "."]);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("name another directory with --out"), "{}", told(&output));
        assert_eq!(fs::read_to_string(folder.path().join(name)).expect("kept"), "<html>{}");
        assert_eq!(fs::read_dir(folder.path()).expect("it exists").count(), 1, "{name}");
    }
}

#[test]
fn results_that_cannot_be_written_are_an_error() {
    let full = fs::File::create("/dev/full").expect("Linux has it");
    let output = command(folder().path(), &["list"]).stdout(full).output().expect("the command exists");
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("cannot write the results"), "{}", told(&output));
}

#[test]
fn the_list_has_the_documented_keys_and_every_row() {
    let folder = folder();
    let output = ipcmark(folder.path(), &["list", "--json"]);
    let rows: Vec<BTreeMap<String, Value>> = serde_json::from_slice(&output.stdout).expect("JSON");
    let promised = BTreeSet::from(["family", "mechanism", "wait", "isolation", "substrate", "available", "why"]);
    for row in &rows {
        assert_eq!(row.keys().map(String::as_str).collect::<BTreeSet<_>>(), promised);
        assert_eq!(row["available"] == Value::Bool(true), row["why"].is_null());
    }
    let variants = Participants::embedded().all_variants();
    assert_eq!(rows.len(), variants.len());
    let table = printed(&ipcmark(folder.path(), &["list"]));
    for variant in variants {
        assert!(table.contains(&variant.row()), "{} is missing in\n{table}", variant.row());
    }
}

#[test]
fn a_closed_stdout_is_not_an_error() {
    for arguments in [&["list"][..], &["list", "--json"], &["schema"], &["man"], &["completions", "zsh"], &["plans"]] {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command exists");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!((output.status.code(), told(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn every_verb_explains_itself_with_an_example() {
    let folder = folder();
    for verb in ["list", "plans", "run", "report", "compare", "ab", "export", "machine", "completions", "man"] {
        let output = ipcmark(folder.path(), &[verb, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        assert!(printed(&output).contains("Example"), "{verb} has no example");
        let page = ipcmark(folder.path(), &["man", verb]);
        assert!(printed(&page).contains(".TH"), "{verb} has no manual page");
    }
    assert_eq!(ipcmark(folder.path(), &[]).status.code(), Some(2));
    assert!(printed(&ipcmark(folder.path(), &["completions", "bash"])).contains("complete -F _ipcmark"));
}

#[test]
fn the_published_schema_is_the_current_one() {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/records.schema.json");
    let published = fs::read_to_string(published).expect("the schema is published beside the reports");
    let current = printed(&ipcmark(folder().path(), &["schema"]));
    assert!(published == current, "renew it with `cargo ipcmark schema > reports/records.schema.json`");
}

#[test]
fn a_dry_run_lists_keys_and_creates_nothing() {
    let folder = folder();
    let output = ipcmark(folder.path(), &["run", "--plan", "quick", "--dry-run", "--seed", "7", "--repetitions", "6"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(printed(&output).contains("transport/pipe/round_trip/process/"), "{}", printed(&output));
    assert!(told(&output).contains("6 repetitions") && told(&output).contains("seed 7"), "{}", told(&output));
    assert_eq!(fs::read_dir(folder.path()).expect("it exists").count(), 0);
}

#[test]
fn facts_need_no_measurement() {
    let output = ipcmark(folder().path(), &["machine", "--json", "--no-floors"]);
    let machine: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(machine["facts"]["kernel"].is_string() && machine.get("floors").is_none(), "{machine}");
}
