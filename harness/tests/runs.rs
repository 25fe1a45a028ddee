//! Runs from start to end with real processes: their files, and how they are resumed, interrupted and compared.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::common::command::{command, folder, ipcmark, printed, told};
use crate::common::{alone, wait_up_to};
use ipcmark::record::{Measure, Outcome, Record, Status, Verdict};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// One blocking mechanism, both measures, one size: the shortest run that says anything.
const SHORT: [&str; 6] =
    ["run", "--plan", "smoke", "--only", "/pipe/(round_trip|stream)/.*wait=block/message_bytes=8$", "--out"];

fn records(directory: &Path) -> Vec<Record> {
    let text = fs::read_to_string(directory.join("records.jsonl")).expect("the run left records");
    text.lines().map(|line| serde_json::from_str(line).expect("every line is a record")).collect()
}

/// A finished run, made once and copied by the tests that need one.
fn finished_run() -> TempDir {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    let _alone = alone();
    let original = RUN.get_or_init(|| {
        let directory = folder().keep();
        let output = ipcmark(&directory, &[&SHORT[..], &["run", "--repetitions", "5"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        directory.join("run")
    });
    let copy = folder();
    for name in ["records.jsonl", "run.json", "index.html"] {
        fs::copy(original.join(name), copy.path().join(name)).expect("the run left this file");
    }
    copy
}

#[test]
fn a_run_leaves_complete_records_and_a_page() {
    let run = finished_run();
    let records = records(run.path());
    let timed: Vec<&Record> = records.iter().filter(|record| record.case.measure != Measure::Floors).collect();
    assert_eq!(timed.len(), 2 * 5, "two measures, five repetitions");
    assert_eq!(records[0].case.measure, Measure::Floors);
    for record in &timed {
        assert_eq!(record.outcome.status, Status::Measured, "{:?}", record.outcome.why);
        assert_eq!(record.case_key, record.case.key());
        assert_eq!(record.machine, records[0].machine, "the floors are part of every record");
        assert!(record.machine.floors.is_some());
    }
    let keys: BTreeSet<_> = records.iter().map(|record| (&record.case_key, record.repetition)).collect();
    assert_eq!(keys.len(), records.len());
    let page = fs::read_to_string(run.path().join("index.html")).expect("a page");
    assert!(page.contains(&records[0].suite.question), "the page repeats the question");
}

#[test]
fn an_existing_run_is_neither_overwritten_nor_mixed_with_another() {
    let run = finished_run();
    let before = fs::read(run.path().join("records.jsonl")).expect("records");
    let output = ipcmark(run.path(), &[&SHORT[..], &["."]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("--resume ."), "{}", told(&output));
    let output = ipcmark(run.path(), &["run", "--resume", ".", "--repetitions", "7"]);
    assert_eq!(output.status.code(), Some(2));
    let hash = &records(run.path())[0].suite.plan_hash;
    assert!(told(&output).contains(hash) && told(&output).contains("would go on with"), "{}", told(&output));
    assert_eq!(fs::read(run.path().join("records.jsonl")).expect("records"), before);
}

#[test]
fn a_resumed_run_continues_where_it_stopped() {
    let run = finished_run();
    let path = run.path().join("records.jsonl");
    let whole = fs::read_to_string(&path).expect("records");
    let kept: Vec<&str> = whole.lines().take(4).collect();
    let half = &whole.lines().nth(4).expect("a fifth record")[..100];
    fs::write(&path, format!("{}\n{half}", kept.join("\n"))).expect("ours");
    let _alone = alone();
    let output = ipcmark(run.path(), &["run", "--resume", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("cut short") && told(&output).contains("4 earlier records"), "{}", told(&output));
    let resumed = fs::read_to_string(&path).expect("records");
    assert!(resumed.starts_with(&kept.join("\n")), "earlier lines stay as they were");
    let place = |record: &Record| (record.order_in_run, record.case_key.clone(), record.repetition);
    let before: BTreeSet<_> = whole.lines().map(|line| place(&serde_json::from_str(line).expect("a record"))).collect();
    assert_eq!(records(run.path()).iter().map(place).collect::<BTreeSet<_>>(), before);
    assert_eq!(resumed.lines().count(), before.len());
}

#[test]
fn a_report_uses_the_good_lines_and_names_the_bad_ones() {
    let run = finished_run();
    let text = fs::read_to_string(run.path().join("records.jsonl")).expect("records");
    fs::write(run.path().join("damaged.jsonl"), format!("{text}{{\"schema\": 1\n")).expect("ours");
    let output = ipcmark(run.path(), &["report", "damaged.jsonl", "--out", "drawn"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("damaged.jsonl line 12 is left out"), "{}", told(&output));
    assert_eq!(printed(&output).trim(), "drawn/index.html");
    assert!(run.path().join("drawn/index.html").is_file());
}

/// The run's records after `change`, in a file beside them.
fn changed_copy(run: &Path, name: &str, change: impl Fn(&mut Record)) {
    let mut records = records(run);
    records.iter_mut().for_each(change);
    let lines: Vec<String> = records.iter().map(|record| serde_json::to_string(record).expect("JSON") + "\n").collect();
    fs::write(run.join(name), lines.concat()).expect("ours");
}

/// The same cases with made-up numbers, windows and verdicts: a machine without noise, on which each message takes `cost`.
fn steady_copy(run: &Path, name: &str, cost: f64) {
    changed_copy(run, name, |record| {
        let cost = cost * (1.0 + f64::from(record.repetition) * 1e-4);
        for (name, value) in record.outcome.metrics.iter_mut().flatten() {
            *value = if name.ends_with("_per_s") { 1e9 / cost } else { cost };
        }
        for window in record.outcome.windows.iter_mut().flatten() {
            (window.messages, window.elapsed_ns) = (1_000_000, (1e6 * cost) as u64);
        }
        if record.outcome.status == Status::Measured {
            record.outcome.verdict = Some(Verdict::Stable);
        }
    });
}

fn fail(record: &mut Record) {
    record.outcome = Outcome::failed("on purpose");
}

#[test]
fn a_small_but_certain_slowdown_breaks_a_small_limit() {
    let run = finished_run();
    steady_copy(run.path(), "a.jsonl", 1000.0);
    steady_copy(run.path(), "b.jsonl", 1080.0);
    let broken = ipcmark(run.path(), &["compare", "a.jsonl", "b.jsonl", "--fail-above", "5"]);
    assert_eq!(broken.status.code(), Some(1), "{}{}", printed(&broken), told(&broken));
    let kept = ipcmark(run.path(), &["compare", "a.jsonl", "b.jsonl", "--fail-above", "10%"]);
    assert_eq!(kept.status.code(), Some(0), "{}", told(&kept));
    let mut unread = command(run.path(), &["compare", "a.jsonl", "b.jsonl", "--fail-above", "5"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command exists");
    drop(unread.stdout.take());
    assert_eq!(unread.wait().expect("it ends").code(), Some(1), "a closed stdout changes no verdict");
}

#[test]
fn broken_and_unjudgeable_cases_do_not_pass_a_limit() {
    let run = finished_run();
    let compared = |b: &str| ipcmark(run.path(), &["compare", ".", b, "--fail-above", "10"]);
    fs::write(run.path().join("empty.jsonl"), "rubbish\n").expect("ours");
    assert_eq!(compared("empty.jsonl").status.code(), Some(2));
    changed_copy(run.path(), "broken.jsonl", fail);
    let broken = compared("broken.jsonl");
    assert_eq!(broken.status.code(), Some(1));
    assert!(told(&broken).contains("broken in the second: transport/pipe/"), "{}", told(&broken));
    let text = fs::read_to_string(run.path().join("records.jsonl")).expect("records");
    let few: Vec<&str> = text.lines().take(4).collect();
    fs::write(run.path().join("few.jsonl"), few.join("\n")).expect("ours");
    let open = compared("few.jsonl");
    assert_eq!(open.status.code(), Some(2));
    assert!(told(&open).contains("nothing could be judged"), "{}", told(&open));
}

#[test]
fn the_same_records_given_twice_count_once() {
    let run = finished_run();
    fs::copy(run.path().join("records.jsonl"), run.path().join("copy.jsonl")).expect("ours");
    let output = ipcmark(run.path(), &["report", ".", "copy.jsonl", "--out", "both"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("copy.jsonl line 1 is left out: 11 records"), "{}", told(&output));
}

#[test]
fn a_resumed_run_needs_its_machine_and_repeats_failed_trials() {
    let run = finished_run();
    changed_copy(run.path(), "records.jsonl", |record| record.machine.facts.hostname += "-far-away");
    let elsewhere = ipcmark(run.path(), &["run", "--resume", "."]);
    assert_eq!(elsewhere.status.code(), Some(2));
    assert!(told(&elsewhere).contains("-far-away"), "{}", told(&elsewhere));

    let run = finished_run();
    let of = |record: &Record| record.case.measure == Measure::Stream && record.repetition == 2;
    changed_copy(run.path(), "records.jsonl", |record| {
        if of(record) {
            fail(record);
        }
    });
    let _alone = alone();
    let output = ipcmark(run.path(), &["run", "--resume", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let outcomes: Vec<Status> = records(run.path()).iter().filter(|r| of(r)).map(|r| r.outcome.status).collect();
    assert_eq!(outcomes, [Status::Failed, Status::Measured], "the line that failed stays, the later one counts");
    assert!(printed(&output).contains("10 trials measured, 0 failed, 0 skipped"), "{}", printed(&output));
}

#[test]
fn a_comparison_says_slower_only_with_confidence() {
    let run = finished_run();
    let same = ipcmark(run.path(), &["compare", ".", ".", "--fail-above", "1"]);
    assert_eq!(same.status.code(), Some(0), "{}", told(&same));
    assert!(printed(&same).contains("1.00"), "{}", printed(&same));
    steady_copy(run.path(), "quick.jsonl", 1000.0);
    steady_copy(run.path(), "slow.jsonl", 3000.0);
    let slower = ipcmark(run.path(), &["compare", "quick.jsonl", "slow.jsonl", "--fail-above", "1000"]);
    assert_eq!(slower.status.code(), Some(0), "{}", told(&slower));
    assert!(printed(&slower).contains("slower"), "{}", printed(&slower));
    let broken = ipcmark(run.path(), &["compare", "quick.jsonl", "slow.jsonl", "--fail-above", "10"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(told(&broken).contains("slower by more than 10 %"), "{}", told(&broken));
    let faster = ipcmark(run.path(), &["compare", "slow.jsonl", "quick.jsonl", "--fail-above", "10"]);
    assert_eq!(faster.status.code(), Some(0));
    assert!(printed(&faster).contains("faster"), "{}", printed(&faster));
}

/// A run in the background, ended when its test ends, however that ends.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a run that would take minutes, and returns once its directory is claimed.
fn long_run(folder: &Path, out: &str) -> Background {
    let child =
        command(folder, &["run", "--plan", "standard", "--only", "/pipe/", "--placement", "nearest", "--out", out])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command exists");
    let run = Background(child);
    wait_for("the run to begin", || folder.join(out).join("run.json").exists());
    run
}

/// A run begins with the machine's floors, which takes seconds.
fn wait_for(what: &str, mut come: impl FnMut() -> bool) {
    wait_up_to(Duration::from_secs(60), what, || come().then_some(()));
}

#[test]
fn an_interrupted_run_keeps_its_records_and_names_the_command_to_resume() {
    let (_alone, folder) = (alone(), folder());
    let mut first = long_run(folder.path(), "first");
    let other = ipcmark(folder.path(), &["run", "--resume", "first"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(told(&other).contains("another ipcmark is writing"), "{}", told(&other));
    let beside = ipcmark(folder.path(), &[&SHORT[..], &["beside"]].concat());
    assert_eq!(beside.status.code(), Some(0), "{}", told(&beside));
    assert!(records(&folder.path().join("beside")).iter().all(|record| record.noise.other_run));
    // The one beside may have come and gone within a single trial of the first; another stays until it is noticed.
    let second = long_run(folder.path(), "second");
    let written = || fs::read_to_string(folder.path().join("first/records.jsonl")).unwrap_or_default();
    wait_for("the other run to be noticed", || written().contains("\"other_run\":true"));
    wait_for("a few records", || written().lines().count() >= 3);
    drop(second);
    kill(Pid::from_raw(first.0.id().cast_signed()), Signal::SIGTERM).expect("it runs");
    let status = first.0.wait().expect("it ends");
    let mut said = String::new();
    first.0.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(status.code(), Some(143), "{said}");
    assert!(said.contains("`ipcmark run --resume first` goes on"), "{said}");
    let kept = records(&folder.path().join("first"));
    assert!(kept.iter().all(|record| record.outcome.status == Status::Measured), "a trial called off is no result");
    assert!(kept.iter().any(|record| record.noise.other_run), "both know of each other");
}
