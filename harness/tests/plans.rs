//! Plans on the command line: a wrong plan ends with status 2, its line and the accepted values, before anything starts.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::PROGRAM;

const HEAD: &str = "name = \"mine\"\nquestion = \"Which?\"\nrepetitions = 1\nwarm_up_ms = 1\nhot_ms = 2\n";
const BLOCK: &str = "[[cases]]\nmechanism = [\"pipe\"]\nmeasure = [\"round_trip\"]\nmessage_bytes = [\"8 B\"]\n";

fn run_plan(folder: &Path, text: &str) -> Output {
    fs::write(folder.join("mine.toml"), text).expect("the folder is ours");
    Command::new(PROGRAM)
        .args(["run", "--plan", "mine.toml", "--out", "out"])
        .current_dir(folder)
        .output()
        .expect("the command exists")
}

#[test]
fn a_wrong_plan_ends_with_status_2_and_its_line_before_anything_starts() {
    let changed = |from: &str, to: &str| format!("{HEAD}{BLOCK}").replace(from, to);
    let wrong = [
        (changed("\"pipe\"", "\"pip\""), "error: mine.toml:7: unknown mechanism `pip`; did you mean `pipe`?"),
        (changed("measure =", "mesure ="), "error: mine.toml:8: unknown key `mesure`; did you mean `measure`?"),
        (
            changed("round_trip", "roundtrip"),
            "error: mine.toml:8: unknown measure `roundtrip`; did you mean `round_trip`?",
        ),
        (changed("8 B", "0 B"), "error: mine.toml:9: a byte stream without framing cannot carry an empty message"),
        (changed("8 B", "2 GiB"), "error: mine.toml:9: `message_bytes` is at least 0 B, at most 1 GiB, not 2 GiB"),
        (changed("[\"8 B\"]", "[]"), "error: mine.toml:9: `message_bytes` is an empty list"),
        (changed("repetitions = 1", "repetitions = 0"), "error: mine.toml:3: `repetitions` must be at least 1"),
        (changed("hot_ms = 2", "hot_ms = 0"), "error: mine.toml:5: `hot_ms` must be at least 1"),
        (changed("repetitions = 1", "repetitions 1"), "error: mine.toml:3: "),
        (
            changed("hot_ms = 2", "hot_ms = 2\nuntil_stable = \"5\""),
            "error: mine.toml:6: `until_stable`: `5` is no percentage; write one with its sign, such as 5% or 2.5%",
        ),
        (changed("hot_ms = 2", "hot_ms = 2\nbudget = 10"), "error: mine.toml:6: `budget` is a text, not a number"),
        (
            changed("hot_ms = 2", "hot_ms = 2\nbudget = \"10\""),
            "error: mine.toml:6: `budget`: `10` is no time; write one with its unit, such as 90s, 10m or 1h 30m",
        ),
        (
            format!("{HEAD}{BLOCK}placement = [\"nearist\"]\n"),
            "error: mine.toml:10: unknown placement `nearist`; did you mean `nearest`?",
        ),
        (
            format!("{HEAD}{BLOCK}substrate = [\"hugetlb\"]\n"),
            "error: mine.toml:10: unknown substrate `hugetlb`; known: memfd, posix-shm",
        ),
        (
            changed("\"pipe\"", "\"ipc-channel\"") + "isolation = [\"thread\"]\n",
            "error: mine.toml:7: no row of `ipc-channel` fits",
        ),
        (HEAD.to_owned(), "error: mine.toml:6: no cases"),
    ];
    for (text, expected) in wrong {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = run_plan(folder.path(), &text);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.starts_with(expected), "expected {expected}\nfound    {told}");
        assert!(output.stdout.is_empty());
        assert!(!folder.path().join("out").exists(), "nothing may be made for a plan that is wrong: {text}");
    }
}

#[test]
fn a_printed_plan_can_be_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |arguments: &[&str]| {
        Command::new(PROGRAM).args(arguments).current_dir(folder.path()).output().expect("the command exists")
    };
    let printed = run(&["plans", "smoke"]);
    assert!(printed.status.success());
    fs::write(folder.path().join("own.toml"), &printed.stdout).expect("the folder is ours");
    let own = run(&["run", "--plan", "own.toml", "--dry-run"]);
    let built_in = run(&["run", "--plan", "smoke", "--dry-run"]);
    assert!(own.status.success() && built_in.status.success());
    assert_eq!(own.stdout, built_in.stdout);
}
