//! Comparisons in turns with real processes: pairs, resuming, and settings that are restored whatever happens.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ipcmark::record::{Record, Verdict};
use nix::sys::signal::Signal;

use crate::common::command::{example_path, folder, ipcmark, printed, told};
use crate::common::user_run::{entries, fresh_places};
use crate::common::{PROGRAM, alone, changed_copy, processes_naming, signal, wait_up_to};

/// Both sides measure their floors first, which takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

const PLAN: &str = r#"
name = "tiny"
question = "Does a comparison in turns work?"
repetitions = 1
warm_up_ms = 1
hot_ms = 4
floor_ms = 2

[[cases]]
mechanism = ["pipe/block"]
measure = ["round_trip", "stream"]
message_bytes = ["64 B"]
placement = ["same_cpu"]
"#;

/// A comparison in places of its own.
struct Contest {
    places: tempfile::TempDir,
}

impl Contest {
    fn new() -> Self {
        let places = fresh_places();
        fs::write(places.path().join("tiny.toml"), PLAN).expect("ours");
        Self { places }
    }

    fn path(&self) -> &Path {
        self.places.path()
    }

    /// `ipcmark ab` with a plan of two short cases.
    fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(PROGRAM), arguments)
    }

    fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(["ab", "--plan", "tiny.toml", "--out", "out"]).args(arguments).current_dir(self.path());
        self.placed(command)
    }

    fn placed(&self, mut command: Command) -> Command {
        command.env("TMPDIR", self.path().join("tmp")).env("XDG_RUNTIME_DIR", self.path().join("runtime"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn resume(&self) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(["ab", "--resume", "out"]).current_dir(self.path());
        self.placed(command).output().expect("the command exists")
    }

    /// Lines that the commands before and after trials have written.
    fn settings(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path().join("setting")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until B has been measured twice, and its setting is applied for a third time.
    fn wait_for_the_third_pair(&self) {
        let third = || (self.settings().iter().filter(|line| *line == "on").count() == 3).then_some(());
        wait_up_to(PATIENCE, "the third pair", third);
    }

    fn records(&self, side: &str) -> Vec<Record> {
        ipcmark_reports::read(&[self.path().join("out").join(side)]).expect("records").records
    }

    /// Case and repetition of each trial of a side, without its floors.
    fn trials(&self, side: &str) -> Vec<(String, u32)> {
        let timed = |record: &Record| record.case.main_metric().is_some();
        self.records(side).into_iter().filter(timed).map(|record| (record.case_key, record.repetition)).collect()
    }

    fn leftovers(&self) -> Vec<PathBuf> {
        entries(self.path())
    }
}

const ON: [&str; 2] = ["--b-before", "echo on >> setting"];
const OFF: [&str; 2] = ["--b-after", "echo off >> setting"];

fn ended(mut child: Child) -> Output {
    let _ = child.stdin.take();
    child.wait_with_output().expect("it ends")
}

#[test]
fn an_interrupted_comparison_restores_its_setting_and_goes_on() {
    let (_alone, contest) = (alone(), Contest::new());
    let child = contest
        .command(&[&ON[..], &OFF[..], &["--budget", "8s", "--equal-within", "0.0001%", "--fail-above", "50"]].concat());
    let child = { child }.spawn().expect("it starts");
    contest.wait_for_the_third_pair();
    signal(child.id().cast_signed(), Signal::SIGTERM);
    let output = ended(child);
    assert_eq!(output.status.code(), Some(143), "{}", told(&output));
    assert!(told(&output).contains("`ipcmark ab --resume out` goes on"), "{}", told(&output));
    assert_eq!(contest.settings().last().map(String::as_str), Some("off"));
    let before = contest.trials("a").len();

    let output = contest.resume();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(printed(&output).contains("2 cases: "), "{}", printed(&output));
    let [a, b] = ["a", "b"].map(|side| contest.trials(side));
    assert!(a.len() > before, "eight seconds are enough for more");
    for trials in [&a, &b] {
        assert_eq!(trials.iter().collect::<BTreeSet<_>>().len(), trials.len(), "no repetition comes twice");
    }
    let alternate = contest.settings().chunks(2).all(|pair| pair == ["on", "off"]);
    assert!(alternate, "{:?}", contest.settings());
    for side in ["a", "b"] {
        assert!(contest.records(side).iter().skip(1).all(|record| !record.noise.other_run), "the other side waits");
    }
    // The sides are runs like any others.
    let compared = ipcmark(contest.path(), &["compare", "out/a", "out/b"]);
    assert!(printed(&compared).contains("2 cases, b against a"), "{}{}", printed(&compared), told(&compared));
    assert!(contest.path().join("out/a/index.html").exists());
    assert_eq!(contest.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_limit_is_broken_by_a_slow_side_and_kept_otherwise() {
    let (_alone, contest) = (alone(), Contest::new());
    let plan = PLAN.replace("pipe/block", "slowed-socket/block").replace(", \"stream\"", "");
    fs::write(contest.path().join("tiny.toml"), &plan).expect("ours");
    let slowed = example_path("slowed");
    // Burning as long as each side waits makes a round trip three times as long.
    let slow = ["--b-env", "SLOWED_BY=100", "--budget", "60s", "--fail-above"];
    let broken = contest.command_of(&slowed, &[&slow[..], &["50"]].concat()).output().expect("it starts");
    assert_eq!(broken.status.code(), Some(1), "{}{}", printed(&broken), told(&broken));
    assert!(told(&broken).contains("slower by more than 50 %: transport/slowed-socket/"), "{}", told(&broken));
    // As single runs, too, it is beyond what two runs of one machine may be apart. The comparison wants five undisturbed
    // repetitions of a side, which a machine with other work may not have.
    for side in ["out/a", "out/b"] {
        changed_copy(&contest.path().join(side), "records.jsonl", |record| {
            record.outcome.verdict = record.outcome.verdict.map(|_| Verdict::Stable);
        });
    }
    let compared =
        |arms: [&str; 2]| ipcmark(contest.path(), &["compare", arms[0], arms[1], "--fail-above", "50"]).status.code();
    assert_eq!((compared(["out/a", "out/b"]), compared(["out/b", "out/a"])), (Some(1), Some(0)));

    let again = |arguments: &[&str]| {
        fs::remove_dir_all(contest.path().join("out")).expect("ours");
        contest.command_of(&slowed, arguments).output().expect("it starts")
    };
    // Wide enough for a machine that other work slows down in bursts.
    let kept = again(&[&slow[..], &["100000"]].concat());
    assert_eq!(kept.status.code(), Some(0), "{}{}", printed(&kept), told(&kept));
    fs::write(contest.path().join("tiny.toml"), plan.replace("hot_ms = 4", "hot_ms = 2000")).expect("ours");
    let open = again(&["--budget", "1s", "--fail-above", "50"]);
    assert_eq!(open.status.code(), Some(2), "{}{}", printed(&open), told(&open));
    assert!(told(&open).contains("the budget ended before its first pair"), "{}", told(&open));
}

#[test]
fn a_killed_comparison_restores_its_setting_and_leaves_nothing() {
    let (_alone, contest) = (alone(), Contest::new());
    let mut child = contest.command(&[ON, OFF].concat()).spawn().expect("it starts");
    contest.wait_for_the_third_pair();
    signal(child.id().cast_signed(), Signal::SIGKILL);
    child.wait().expect("it ends");
    let restored = || (contest.settings().last()? == "off").then_some(());
    wait_up_to(PATIENCE, "the setting to be restored", restored);
    let place = contest.path().display().to_string();
    let gone = || (processes_naming(&place).is_empty() && contest.leftovers().is_empty()).then_some(());
    wait_up_to(PATIENCE, "both sides and the keeper to end", gone);
}

#[test]
fn a_setting_that_cannot_be_restored_is_told() {
    let (_alone, contest) = (alone(), Contest::new());
    let after = "echo off >> setting; test $(grep -c off setting) -lt 2 || { echo no such setting >&2; exit 3; }";
    let output = contest.command(&[&ON[..], &["--b-after", after]].concat()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let said = told(&output);
    assert!(said.contains("the setting may still be applied") && said.contains("no such setting"), "{said}");
    assert_eq!(contest.settings(), ["on", "off", "on", "off"], "nothing is measured after it");
}

#[test]
fn a_setting_that_cannot_be_restored_after_a_kill_is_told_when_resumed() {
    let (_alone, contest) = (alone(), Contest::new());
    let after = "echo off >> setting; test ! -e killed";
    let mut child = contest.command(&[&ON[..], &["--b-after", after]].concat()).spawn().expect("it starts");
    contest.wait_for_the_third_pair();
    fs::write(contest.path().join("killed"), "").expect("ours");
    signal(child.id().cast_signed(), Signal::SIGKILL);
    child.wait().expect("it ends");
    let failed = contest.path().join("out/restore-failed.txt");
    wait_up_to(PATIENCE, "the keeper to write why", || failed.exists().then_some(()));
    let output = contest.resume();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("may still be applied") && told(&output).contains("restore-failed.txt"),
        "{}",
        told(&output)
    );
}

#[test]
fn a_wrong_call_starts_nothing_and_is_named() {
    let folder = folder();
    let plan = folder.path().join("tiny.toml");
    fs::write(&plan, PLAN).expect("ours");
    for (arguments, named) in [
        (vec!["--b-before", "true"], "--b-after <CMD>"),
        (vec!["--a-env", "=1"], "KEY=VALUE"),
        (vec!["--a", "no-such-program-here"], "side A: cannot start `no-such-program-here`"),
        (vec!["--a", "true"], "side A ended too early"),
        (vec!["--a", "echo hello"], "side A answers with something else"),
        (vec!["--resume", "nowhere"], "cannot be used with"),
    ] {
        let all = [&["ab", "--plan", "tiny.toml", "--out", "out"][..], &arguments].concat();
        let output = ipcmark(folder.path(), &all);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        assert!(told(&output).contains(named), "{arguments:?}: {}", told(&output));
        let _ = fs::remove_dir_all(folder.path().join("out"));
    }
}
