//! Runs from start to end with real processes: their files, and how they are resumed, interrupted and compared.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use crate::common::command::{command, folder, ipcmark, printed, told};
use crate::common::{PROGRAM, alone, changed_copy, records, wait_up_to, write_records};
use ipcmark::machine;
use ipcmark::record::{Facts, Measure, Outcome, Record, Status, Verdict, metric};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// One blocking mechanism, both measures, one size: the shortest run that says anything.
const SHORT: [&str; 6] =
    ["run", "--plan", "smoke", "--only", "/pipe/(round_trip|stream)/.*wait=block/message_bytes=8$", "--out"];

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
    // As on a quiet machine, where nothing is tried again.
    let mut records = records(copy.path());
    records.retain(|record| record.attempt == 0);
    for record in &mut records {
        if record.outcome.verdict == Some(Verdict::Disturbed) {
            record.outcome.verdict = Some(Verdict::Stable);
        }
    }
    write_records(&copy.path().join("records.jsonl"), &records);
    change_settings(copy.path(), "retried_ms", 0);
    copy
}

/// Changes a number in the settings of a run.
fn change_settings(run: &Path, key: &str, value: u64) {
    let path = run.join("run.json");
    let text = fs::read(&path).expect("the run left its settings");
    let mut settings: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert!(settings[key].is_u64(), "{settings}");
    settings[key] = value.into();
    fs::write(path, settings.to_string()).expect("ours");
}

/// The answering side thinks for 10 ms, far longer than a message takes.
#[test]
fn a_round_trip_leaves_out_the_think_time_of_the_answering_side() {
    const THINK_NS: u64 = 10_000_000;
    let directory = folder();
    let plan = directory.path().join("thinking.toml");
    let text = "name = \"thinking\"\nquestion = \"Is it left out?\"\nrepetitions = 1\nwarm_up_ms = 1\nhot_ms = 20\nfloor_ms = 0\n
[[cases]]\nmechanism = [\"pipe/block\"]\nmeasure = [\"round_trip\"]\nmessage_bytes = [\"8 B\"]
isolation = [\"process\", \"thread\"]\nthink_time_ns = [\"10 ms\"]\nspacing = [\"fixed\"]\n";
    fs::write(&plan, text).expect("ours");
    let _alone = alone();
    let output = ipcmark(directory.path(), &["run", "--plan", "thinking.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let records = records(&directory.path().join("run"));
    let timed: Vec<&Record> = records.iter().filter(|record| record.case.measure == Measure::RoundTrip).collect();
    assert!(!timed.is_empty());
    for record in timed {
        assert_eq!(record.case.params.think_time_ns, Some(THINK_NS), "{}", record.case_key);
        let (metrics, count) = (record.outcome.metrics.as_ref().expect("measured"), record.count.messages);
        let leading = &record.outcome.roles.as_ref().expect("two roles")[0];
        let windows = record.outcome.windows.iter().flatten();
        let (elapsed_ns, counted) = windows.fold((0, 0), |sum, it| (sum.0 + it.elapsed_ns, sum.1 + it.messages));
        let stamped_ns = metrics[metric::STAMPED_ROUND_TRIP_NS] * (count - counted) as f64;
        // Trips and think times together last no longer than the hot phase.
        let all_ns = elapsed_ns as f64 + stamped_ns + (count * THINK_NS) as f64;
        assert!(all_ns <= leading.wall_ns as f64 * 1.001, "{all_ns} ns of {} ns", leading.wall_ns);
    }
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
        assert!(record.machine.floors.as_ref().is_some_and(|floors| floors.pause_ns.is_some()));
        let roles = record.outcome.roles.as_ref().expect("roles");
        assert!(roles.iter().all(|role| role.pause_ns > Some(0.0) && role.spin_budgets.is_empty()), "{roles:?}");
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
    // What is disturbed now is tried again.
    let mut after = records(run.path());
    after.retain(|record| record.attempt == 0);
    assert_eq!(after.iter().map(place).collect::<BTreeSet<_>>(), before);
    assert_eq!(after.len(), before.len());
}

#[test]
fn a_report_uses_the_good_lines_and_names_the_bad_ones() {
    let run = finished_run();
    let text = fs::read_to_string(run.path().join("records.jsonl")).expect("records");
    fs::write(run.path().join("damaged.jsonl"), format!("{text}{{\"schema\": 1\n")).expect("ours");
    let output = ipcmark(run.path(), &["report", "damaged.jsonl", "--out", "drawn"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("damaged.jsonl line 12 is left out"), "{}", told(&output));
    assert_eq!(printed(&output).lines().last(), Some("drawn/index.html"));
    assert!(run.path().join("drawn/index.html").is_file());
}

#[test]
fn a_report_is_made_from_standard_input_and_a_wrong_file_is_described() {
    let run = finished_run();
    let records = fs::File::open(run.path().join("records.jsonl")).expect("records");
    let output = command(run.path(), &["report", "-", "--out", "piped"]).stdin(records).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(run.path().join("piped/index.html").is_file());

    let output = ipcmark(run.path(), &["report", "index.html"]);
    assert_eq!(output.status.code(), Some(2));
    let told = told(&output);
    assert!(told.contains("it looks like an HTML page; the records are in records.jsonl beside it"), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

/// Changes the records in a file.
fn changed_file(run: &Path, name: &str, change: impl FnMut(&mut Record)) {
    let text = fs::read_to_string(run.join(name)).expect("records");
    let mut records: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    records.iter_mut().for_each(change);
    write_records(&run.join(name), &records);
}

/// The same cases with made-up numbers, windows and verdicts: a machine without noise, whose CPUs keep their distance and on
/// which each message takes `cost`.
fn steady_copy(run: &Path, name: &str, cost: f64) {
    changed_copy(run, name, |record| {
        let cost = cost * (1.0 + f64::from(record.repetition) * 1e-4);
        for (name, value) in record.outcome.metrics.iter_mut().flatten() {
            *value = if name.ends_with("_per_s") { 1e9 / cost } else { cost };
        }
        let elapsed_ns = (1e6 * cost) as u64;
        for (window, at) in record.outcome.windows.iter_mut().flatten().zip(0..) {
            (window.messages, window.elapsed_ns, window.start_ns) = (1_000_000, elapsed_ns, at * elapsed_ns);
        }
        if let Some(windows) = &record.outcome.windows {
            record.count.messages = windows.iter().map(|window| window.messages).sum();
        }
        if record.outcome.status == Status::Measured {
            record.outcome.verdict = Some(Verdict::Stable);
        }
        record.outcome.floor = None;
    });
}

fn fail(record: &mut Record) {
    record.outcome = Outcome::failed("on purpose");
}

/// Copies of [`steady_copy`] as three runs in `name-0` to `name-2`.
fn steady_runs(run: &Path, name: &str, cost: f64) {
    for number in 0..3 {
        let file = format!("{name}-{number}");
        steady_copy(run, &file, cost * (1.0 + f64::from(number) * 1e-4));
        changed_file(run, &file, |record| record.run_id.clone_from(&file));
    }
}

#[test]
fn a_small_but_certain_slowdown_breaks_a_small_limit() {
    let run = finished_run();
    steady_runs(run.path(), "a", 1000.0);
    steady_runs(run.path(), "b", 1080.0);
    let arms = ["compare", "base=a-*", "new=b-*", "--fail-above"];
    let broken = ipcmark(run.path(), &[&arms[..], &["5"]].concat());
    assert_eq!(broken.status.code(), Some(1), "{}{}", printed(&broken), told(&broken));
    assert!(told(&broken).contains("slower by more than 5 % in new: transport/pipe/"), "{}", told(&broken));
    let kept = ipcmark(run.path(), &[&arms[..], &["10%"]].concat());
    assert_eq!(kept.status.code(), Some(0), "{}", told(&kept));
    let mut unread = command(run.path(), &[&arms[..], &["5"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command exists");
    drop(unread.stdout.take());
    assert_eq!(unread.wait().expect("it ends").code(), Some(1), "a closed stdout changes no verdict");
    // Single runs may be that far apart by drift.
    let single = ipcmark(run.path(), &["compare", "a-0", "b-0", "--fail-above", "5"]);
    assert_eq!(single.status.code(), Some(2), "{}{}", printed(&single), told(&single));
    assert!(told(&single).contains("record at least 3 runs of each arm"), "{}", told(&single));
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
    assert!(told(&broken).contains("broken in broken: transport/pipe/"), "{}", told(&broken));
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
    let elsewhere = |change: fn(&mut Facts)| {
        let run = finished_run();
        changed_copy(run.path(), "records.jsonl", |record| {
            change(&mut Arc::make_mut(&mut record.machine).facts);
            record.ended_at = "2100-01-01T00:00:00Z".into();
        });
        let output = ipcmark(run.path(), &["run", "--resume", "."]);
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        told(&output)
    };
    // A recording of before fingerprints goes by its host name.
    let old = elsewhere(|facts| (facts.fingerprint, facts.hostname) = (None, "far-away".into()));
    assert!(old.contains("on the host `far-away`"), "{old}");
    let here = machine::describe().facts;
    if here.fingerprint.is_some() {
        let other = elsewhere(|facts| facts.fingerprint = Some("0123".into()));
        assert!(other.contains("on the machine with fingerprint `0123`"), "{other}");
        // Another kernel that still runs long after this one has booted: clones run at the same time.
        let clone = elsewhere(|facts| facts.boot_id = Some("0123".into()));
        assert!(clone.contains("another machine with the fingerprint of this one"), "{clone}");
    }

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
    let outcomes: Vec<Status> =
        records(run.path()).iter().filter(|r| of(r) && r.attempt == 0).map(|r| r.outcome.status).collect();
    assert_eq!(outcomes, [Status::Failed, Status::Measured], "the line that failed stays, the later one counts");
    assert!(printed(&output).contains("10 trials measured, 0 failed, 0 skipped"), "{}", printed(&output));
}

#[test]
fn a_run_resumes_on_a_renamed_machine_with_a_note() {
    let run = finished_run();
    if machine::describe().facts.fingerprint.is_none() {
        println!(
            "skipped: this machine has neither a machine-id nor a network adapter, so only its name identifies it"
        );
        return;
    }
    let renamed = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-u", "sh", "-c", script, PROGRAM]).current_dir(run.path());
        command.output().ok()
    };
    if renamed("hostname renamed-by-a-test").is_none_or(|output| !output.status.success()) {
        println!("skipped: this user may not change the host name, not even in a namespace of its own");
        return;
    }
    let _alone = alone();
    let output = renamed("hostname renamed-by-a-test && exec \"$0\" run --resume .").expect("as just now");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("is called `renamed-by-a-test` now"), "{}", told(&output));
}

#[test]
fn a_name_in_the_environment_identifies_a_machine() {
    let described = |name: &str| -> Facts {
        let mut command = command(Path::new("/"), &["machine", "--no-floors", "--json"]);
        let output = command.env(machine::MACHINE_NAME, name).output().expect("the command exists");
        serde_json::from_value(
            serde_json::from_str::<serde_json::Value>(&printed(&output)).expect("JSON")["facts"].take(),
        )
        .expect("facts")
    };
    let [one, again, other] = ["node-7", "node-7", "node-8"].map(described);
    assert_eq!(one.fingerprint, again.fingerprint);
    assert_ne!(one.fingerprint, other.fingerprint);
    assert_eq!((one.boot_id.is_some(), one.boot_id), (true, other.boot_id), "one kernel");
}

#[test]
fn a_comparison_says_slower_only_with_confidence() {
    let run = finished_run();
    steady_copy(run.path(), "quick.jsonl", 1000.0);
    let same = ipcmark(run.path(), &["compare", "quick.jsonl", "quick.jsonl", "--all", "--fail-above", "50"]);
    assert_eq!(same.status.code(), Some(0), "{}", told(&same));
    assert!(printed(&same).contains("1.00"), "{}", printed(&same));
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
    wait_for("a few records", || written().matches("\"outcome\":").count() >= 3);
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

#[test]
fn repetitions_are_added_until_the_budget_is_spent_and_not_again_when_resumed() {
    let (_alone, folder) = (alone(), folder());
    // An aim that no machine reaches.
    let aim = ["out", "--repetitions", "5", "--until-stable", "0.0001%", "--budget", "2s"];
    let output = ipcmark(folder.path(), &[&SHORT[..], &aim].concat());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(
        told(&output).contains("until every timed case is within ±0.0001 %; both take at most 2s in all"),
        "{}",
        told(&output)
    );
    let run = folder.path().join("out");
    let before = records(&run);
    let keys = |records: &[Record]| -> BTreeSet<_> {
        records.iter().map(|record| (record.case_key.clone(), record.repetition, record.attempt)).collect()
    };
    assert_eq!(keys(&before).len(), before.len(), "no repetition comes twice");
    let orders: Vec<u32> = before.iter().map(|record| record.order_in_run).collect();
    assert!(orders.is_sorted_by(|a, b| a < b), "{orders:?}");
    let added: Vec<&Record> = before.iter().filter(|record| record.added).collect();
    assert!(!added.is_empty(), "two seconds are enough for some");
    for round in added.chunks_exact(2) {
        assert_ne!(round[0].case_key, round[1].case_key, "the two cases take turns in rounds");
    }
    for measure in [Measure::RoundTrip, Measure::Stream] {
        let of_case = before.iter().filter(|record| record.case.measure == measure && record.attempt == 0);
        let mut of_case: Vec<u32> = of_case.map(|record| record.repetition).collect();
        of_case.sort_unstable();
        assert!(of_case.iter().copied().eq(0..u32::try_from(of_case.len()).expect("few")), "{measure}: {of_case:?}");
    }
    let said = format!("0 of 2 timed cases within ±0.0001 %; {} repetition", added.len());
    assert!(printed(&output).contains(&said), "{}", printed(&output));

    let resumed = ipcmark(&run, &["run", "--resume", "."]);
    assert_eq!(resumed.status.code(), Some(0), "{}", told(&resumed));
    assert_eq!(records(&run).len(), before.len(), "the budget was spent: {}", told(&resumed));

    // As if killed amid the added repetitions, with time left.
    let kept = &before[..=before.len() - added.len()];
    write_records(&run.join("records.jsonl"), kept);
    change_settings(&run, "added_ms", 0);
    let resumed = ipcmark(&run, &["run", "--resume", "."]);
    assert_eq!(resumed.status.code(), Some(0), "{}", told(&resumed));
    let after = records(&run);
    assert_eq!(keys(&after).len(), after.len(), "work that is done is not repeated");
    assert!(after.len() > kept.len() && after.starts_with(kept), "it goes on where it stopped");
}

#[test]
fn a_disturbed_trial_is_tried_again_and_both_records_stay() {
    let run = finished_run();
    let of = |record: &Record| record.case.measure == Measure::Stream && record.repetition == 2;
    changed_copy(run.path(), "records.jsonl", |record| {
        if of(record) {
            record.outcome.verdict = Some(Verdict::Disturbed);
        }
    });
    let before = records(run.path());
    // A quarter of so short a plan might pass before the first attempt on a busy machine.
    change_settings(run.path(), "retry_budget_ms", 60_000);
    let _alone = alone();
    let output = ipcmark(run.path(), &["run", "--resume", "."]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("disturbed trials are tried again, for at most"), "{}", told(&output));
    let after = records(run.path());
    assert!(after.starts_with(&before), "earlier lines stay as they were");
    let again = &after[before.len()..];
    assert!(!again.is_empty() && again.iter().all(of), "only what was disturbed is tried again");
    assert!(again.iter().zip(1..).all(|(record, attempt)| record.attempt == attempt));
    let last = before.iter().map(|record| record.order_in_run).max().expect("some");
    assert!(again.iter().zip(last + 1..).all(|(record, order)| record.order_in_run == order));
    assert!(printed(&output).contains("10 trials measured, 0 failed"), "one of each counts: {}", printed(&output));
    assert!(printed(&output).contains("1 disturbed trial tried again; then undisturbed: "), "{}", printed(&output));
    let page = fs::read_to_string(run.path().join("index.html")).expect("a page");
    assert!(page.contains("tried again"), "the page says so, too");
}
