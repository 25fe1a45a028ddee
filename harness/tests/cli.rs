//! The command as a user calls it: its output, its exit status, and that a wrong call creates nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::PROGRAM;
use crate::common::command::{command, folder, ipcmark, printed, told};
use ipcmark::record::Wait;
use ipcmark_harness::participants::Participants;
use serde_json::Value;

#[test]
fn a_wrong_call_ends_with_status_2_and_creates_nothing() {
    let wrong: [(&[&str], &str); 17] = [
        (&["run", "--plan", "qick"], "error: unknown plan `qick`; did you mean `quick`?"),
        (&["run", "--plan", "missing.toml"], "the plan `missing.toml` is missing"),
        (&["run", "--only", "kafka"], "error: --only `kafka` matches none of the plan's"),
        (&["run", "--only", "("], "--only <REGEX>"),
        (&["run", "--placement", "nearby"], "error: unknown value of --placement `nearby`; known: nearest, same_cpu,"),
        (&["run", "--repetitions", "0"], "0 is not in 1..=1000"),
        (&["run", "--until-stable", "5"], "such as 5% or 2.5%"),
        (&["run", "--until-stable", "0%"], "more than 0% and less than 100%"),
        (&["run", "--budget", "10"], "such as 90s, 10m or 1h 30m"),
        (&["run", "--budget", "10M"], "at least 1s and at most 24h"),
        (&["run", "--resume", "nowhere"], "error: there is no run to resume: the directory nowhere is missing"),
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
    let text = printed(&ipcmark(folder.path(), &["list"]));
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    for variant in &variants {
        let is_line = |line: &&&str| {
            let (name, waits) = line.split_once('/').unwrap_or((line, ""));
            let waits = waits.trim_matches(['{', '}']).split(',');
            name == variant.mechanism && waits.into_iter().any(|wait| wait == variant.wait.map_or("", Wait::word))
        };
        assert!(lines.iter().any(|line| is_line(&line)), "{} is missing in\n{text}", variant.row());
    }
    assert!(lines.len() < variants.len() / 2, "a line for each mechanism, not for each variant:\n{text}");
    assert!(!text.contains(['\x1b', '…']), "a file has no colour and whole lines:\n{text}");
}

#[test]
fn a_list_has_the_family_and_the_state_that_was_asked_for() {
    let folder = folder();
    let list = |arguments: &[&str]| printed(&ipcmark(folder.path(), &[&["list"], arguments].concat()));
    let of = |text: &str| text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect::<Vec<_>>();
    let locks = list(&["--family", "lock"]);
    assert!(matches!(of(&locks).as_slice(), [head] if head.starts_with("lock: ")), "{locks}");
    assert!(
        locks.contains("\n  ticket/{spin,spin-yield}\n") && locks.contains("\n      isolation: process, "),
        "{locks}"
    );
    assert!(list(&["--family", "transport"]).contains("\n      memory: memfd, "));
    assert!(locks.lines().all(|line| line.chars().count() <= 100), "{locks}");
    let rows: Vec<Value> = serde_json::from_str(&list(&["--family", "lock", "--json"])).expect("JSON");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["family"] == "lock"));

    let lacking = "[[participants]]\nname = \"none\"\ncommand = [\"none\"]\n[participants.probe]\ncommand = [\"no-such\"]\n\
        [[participants.variants]]\nfamily = \"transport\"\nmechanism = \"mine\"\ngroup = \"pipes\"\nmeasures = [\"stream\"]\n\
        summary = \"what it is\"\n";
    fs::write(folder.path().join("lacking.toml"), lacking).expect("written");
    let all = list(&["--participants", "lacking.toml"]);
    assert!(all.contains("  mine/block ") && all.contains(" not here: none: `no-such` cannot be started"), "{all}");
    assert!(of(&all).iter().any(|head| head.starts_with("transport: ") && head.ends_with("cannot run here")), "{all}");
    let able = list(&["--participants", "lacking.toml", "--available"]);
    assert!(able.contains("  pipe/{block") && !able.contains("mine/block") && !able.contains("not here"), "{able}");
}

/// `script` gives the command a terminal.
#[test]
fn a_list_fits_the_terminal_and_honours_no_color() {
    let folder = folder();
    let list = |columns: usize, arguments: &str, no_color: &str| {
        let call = format!("stty cols {columns} && TERM=xterm NO_COLOR={no_color} {PROGRAM} list {arguments}");
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c", &call, "/dev/null"]).current_dir(folder.path()).stdin(Stdio::null());
        let output = script.output().ok().filter(|output| output.status.success())?;
        Some(printed(&output).replace('\r', ""))
    };
    let Some(coloured) = list(80, "", "") else {
        println!("skipped: there is no `script` (Debian: bsdutils) to give a terminal");
        return;
    };
    assert!(coloured.contains("\x1b[1mtransport\x1b[0m: "), "{coloured}");
    assert!(coloured.contains('…'), "long lines are clipped: {coloured}");
    for (columns, arguments) in [(80, ""), (80, "--family transport"), (60, ""), (120, "--family lock")] {
        let plain = list(columns, arguments, "1").expect("it worked before");
        assert!(!plain.contains('\x1b') && plain.contains(": "), "{plain}");
        for line in plain.lines() {
            assert!(line.chars().count() <= columns, "{columns} columns: {line}");
        }
    }
    assert!(list(80, "", "1").expect("it worked before").lines().count() < 300);
}

#[test]
fn a_misspelt_word_is_answered_with_the_one_that_was_meant() {
    let folder = folder();
    let plan = "name = \"mine\"\nquestion = \"?\"\nrepetitions = 1\nwarm_up_ms = 1\nhot_ms = 5\n[[cases]]\n\
                mechanism = [\"shm-spcs\"]\nmeasure = [\"stream\"]\nmessage_bytes = [8]\n";
    fs::write(folder.path().join("mine.toml"), plan).expect("written");
    let calls: [(&[&str], &str); 14] = [
        (&["rnu"], "unknown subcommand `rnu`; did you mean `run`?"),
        (&["man", "rnu"], "unknown subcommand `rnu`; did you mean `run`?"),
        (&["list", "--famly", "lock"], "unknown option `--famly`; did you mean `--family`?"),
        (&["list", "--family", "transprot"], "unknown family `transprot`; did you mean `transport`?"),
        (&["run", "--plan", "lock-quick"], "unknown plan `lock-quick`; did you mean `locks-quick`?"),
        (&["plans", "qick"], "unknown name `qick`; did you mean `quick`?"),
        (&["run", "--plan", "mine.toml"], "unknown mechanism `shm-spcs`; did you mean `shm-spsc`?"),
        (&["run", "--only", "shm-spcs"], "did you mean `shm-spsc`?"),
        (&["run", "--only", "rund_trip"], "did you mean `round_trip`?"),
        (&["run", "--placement", "same-cpu"], "unknown value of --placement `same-cpu`; did you mean `same_cpu`?"),
        (&["export", "--format", "cvs", "x"], "unknown value of --format `cvs`; did you mean `csv`?"),
        (&["export", "--format", "benchr", "x"], "unknown value of --format `benchr`; did you mean `bencher`?"),
        (&["completions", "bsh"], "unknown shell `bsh`; did you mean `bash`?"),
        (&["compare", "--fial-above", "1", "a", "b"], "unknown option `--fial-above`; did you mean `--fail-above`?"),
    ];
    for (arguments, due) in calls {
        let output = ipcmark(folder.path(), arguments);
        let said = told(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(due) && said.lines().count() == 1,
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn a_missing_file_is_called_missing() {
    let folder = folder();
    for arguments in [
        &["report", "absent"][..],
        &["compare", "absent", "absent"],
        &["export", "--format", "csv", "absent.jsonl"],
        &["run", "--plan", "./absent"],
        &["run", "--participants", "absent.toml"],
        &["run", "--resume", "absent"],
        &["ab", "--resume", "absent"],
    ] {
        let output = ipcmark(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
        let said = told(&output);
        assert!(
            said.contains("absent") && said.contains(" is missing") && !said.contains("os error"),
            "{arguments:?}: {said}"
        );
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
    for verb in ["list", "plans", "run", "report", "compare", "ab", "advise", "export", "machine", "completions", "man"]
    {
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
