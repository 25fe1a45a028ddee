//! `ipcmark advise` as a user calls it. The ignored test measures what was advised; `scripts/ci nightly` runs it.

use std::fs;
use std::path::{Path, PathBuf};

use ipcmark::record::{Measure, Record, Verdict};
use ipcmark_reports::analyse::statistics::Random;
use ipcmark_reports::{CaseSummary, summarise};
use serde_json::Value;

use crate::common::command::{folder, ipcmark, printed, told};
use crate::common::{alone, records, write_records};

const MESSAGES: [&str; 5] = ["advise", "--message-bytes", "64", "--rate", "20000"];

fn recorded(plan: &str) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/recorded/amd-epyc-family-26-2-cpus");
    kept.join(format!("{plan}.jsonl.zst"))
}

fn with<'a>(call: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [call, more].concat()
}

fn json(folder: &Path, call: &[&str]) -> Value {
    let output = ipcmark(folder, &with(call, &["--json"]));
    assert_eq!(output.status.code(), Some(0), "{call:?}: {}", told(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn rows(advice: &Value, list: &str) -> Vec<String> {
    let rows = advice[list].as_array().expect("a list").iter();
    rows.map(|one| one["row"].as_str().expect("a name").to_owned()).collect()
}

fn one_cpu() -> bool {
    let one = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() < 2);
    if one {
        println!("skipped: an open loop needs two CPUs");
    }
    one
}

#[test]
fn a_wrong_call_names_the_option_and_what_would_be_right() {
    let many = with(&MESSAGES, &["--producers", "60", "--consumers", "60", "nowhere"]);
    let wrong: [(&[&str], &str); 11] = [
        (&["advise"], "error: --message-bytes and --rate missing: advice about messages needs"),
        (&["advise", "--rate", "10"], "error: --message-bytes missing"),
        (&["advise", "lok"], "unknown subject `lok`; did you mean `lock`?"),
        (&["advise", "--mesage-bytes", "64"], "did you mean `--message-bytes`?"),
        (&["advise", "lock", "--contender", "2"], "did you mean `--contenders`?"),
        (&["advise", "--message-bytes", "64", "--rate", "0"], "--rate <PER_S>"),
        (&["advise", "pool", "--workers", "2", "--grain-us", "long"], "a number of microseconds, such as 0.5 or 20"),
        (&with(&MESSAGES, &["--p99-us", "0"]), "a number above 0"),
        (&with(&MESSAGES, &["nowhere"]), "nowhere"),
        (&MESSAGES, "error: ipcmark-runs has no run to take evidence from; name RECORDINGS, or measure"),
        (&many, "error: --producers and --consumers are 120 processes; a trial has at most"),
    ];
    for (call, expected) in wrong {
        let folder = folder();
        let output = ipcmark(folder.path(), call);
        assert_eq!(output.status.code(), Some(2), "{call:?}: {}", told(&output));
        assert!(told(&output).contains(expected), "{call:?}: expected {expected}, found {}", told(&output));
        assert_eq!(fs::read_dir(folder.path()).expect("it exists").count(), 0, "{call:?} left something");
    }
}

#[test]
fn the_latest_run_is_the_evidence_and_the_answer_comes_last() {
    let folder = folder();
    let run = folder.path().join("ipcmark-runs/one");
    fs::create_dir_all(&run).expect("ours");
    let mut records = ipcmark_reports::read(&[recorded("quick")]).expect("kept with the sources").records;
    records.retain(|record| record.case.params.message_bytes == Some(64));
    write_records(&run.join("records.jsonl"), &records);

    let call = with(&MESSAGES, &["--max-cpu", "1", "--must-survive-crash"]);
    let output = ipcmark(folder.path(), &call);
    assert!(told(&output).contains("note: evidence from the latest run, ipcmark-runs/one"), "{}", told(&output));
    let text = printed(&output);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for part in
        ["Asked:   messages: size 64 B, rate 20 k/s", "\nEvidence\n", "\nRuled out\n", "survives a crash\nMachine: "]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.contains("does not survive a crash (not told; a peer waits on"), "{text}");
    assert!(text.contains("not in these records; --measure tries them"), "{text}");

    let advice = json(folder.path(), &call);
    let answer = advice["answer"].as_str().expect("a sentence").replace('\u{202f}', " ");
    assert!(text.replace('\n', " ").trim_end().ends_with(&answer), "{answer} is not last in\n{text}");
    assert_eq!(advice["request"]["subject"]["family"], "transport");
    let first = &advice["candidates"][0];
    assert!(first["typical"]["evidence"].is_string() && first["death"]["words"].is_string(), "{first}");
    let all = [rows(&advice, "candidates"), rows(&advice, "excluded")].concat();
    for row in ["pipe/block", "shm-spsc/spin", "pipe-1m/block"] {
        assert_eq!(all.iter().filter(|one| *one == row).count(), 1, "{row} in {all:?}");
    }
}

#[test]
fn locks_of_a_kept_recording_are_ranked() {
    let kept = recorded("locks-quick");
    let kept = kept.to_str().expect("a path of ours");
    let advice = json(folder().path(), &["advise", "lock", "--contenders", "2", "--critical-section-us", "0", kept]);
    assert!(rows(&advice, "candidates").len() > 10, "{}", advice["answer"]);
    assert_eq!(advice["candidates"][0]["typical"]["basis"], "measured", "{}", advice["answer"]);
    assert!(rows(&advice, "excluded").contains(&"fetch-add".to_owned()));
}

#[test]
fn measure_runs_what_is_missing_within_the_budget() {
    if one_cpu() {
        return;
    }
    let _alone = alone();
    let folder = folder();
    let advice = json(folder.path(), &with(&MESSAGES, &["--measure", "3s", "--out", "out", "--quiet"]));
    let measured = records(&folder.path().join("out"));
    let paced: Vec<&Record> = measured.iter().filter(|record| record.case.measure == Measure::Paced).collect();
    assert!(paced.len() >= 5, "five repetitions of one row at least");
    assert!(paced.iter().all(|record| record.case.params.rate_per_s == Some(20_000)));
    assert_eq!(paced[0].suite.plan, "advise");
    let rows = rows(&advice, "candidates");
    assert!(rows.contains(&paced[0].case.row()), "{} is not in {rows:?}", paced[0].case.row());

    // With those records as evidence other rows come first.
    let more = ["--measure", "3s", "--out", "more", "--quiet", "out"];
    json(folder.path(), &with(&MESSAGES, &more));
    let again = records(&folder.path().join("more"));
    let first = |records: &[Record]| {
        records.iter().find(|record| record.case.measure == Measure::Paced).map(|it| it.case.row())
    };
    assert_ne!(first(&again), first(&measured));
}

#[test]
fn measure_paces_every_pattern() {
    if one_cpu() {
        return;
    }
    let _alone = alone();
    let folder = folder();
    let more = ["--producers", "2", "--measure", "3s", "--out", "out", "--quiet"];
    let advice = json(folder.path(), &with(&MESSAGES, &more));
    let measured = records(&folder.path().join("out"));
    let paced: Vec<&Record> = measured.iter().filter(|record| record.case.measure == Measure::Paced).collect();
    assert!(paced.len() >= 5, "five repetitions of one row at least");
    assert!(paced.iter().all(|record| record.case.pattern().to_string() == "2:1"));
    assert!(measured.iter().all(|record| record.case.measure != Measure::Stream), "an open loop answers");
    let row = paced[0].case.row();
    let mut all = advice["candidates"].as_array().expect("a list").iter();
    match all.find(|one| one["row"] == row.as_str()) {
        Some(candidate) => assert_eq!(candidate["typical"]["basis"], "measured", "{candidate}"),
        None => assert!(rows(&advice, "excluded").contains(&row), "{advice}"),
    }
}

#[test]
fn measure_kills_holders_where_the_lock_must_survive() {
    let _alone = alone();
    let folder = folder();
    let call =
        ["advise", "lock", "--contenders", "2", "--must-survive-crash", "--measure", "3s", "--out", "out", "--quiet"];
    json(folder.path(), &call);
    let measured = records(&folder.path().join("out"));
    for measure in [Measure::Contention, Measure::Recover] {
        assert!(measured.iter().any(|record| record.case.measure == measure), "{measure}");
    }
}

/// Requests of the nightly test, how many of them must hold, and how many must be decided.
const REQUESTS: usize = 20;
const MUST_HOLD: usize = 18;
const MUST_DECIDE: usize = 8;
const SEED: u64 = 14;

const ROWS: &str = "mechanism = [\"pipe/block\", \"unix-stream/block\", \"tcp/block\", \"ipc-channel/block\", \
    \"shm-mutex-condvar/block\", \"shm-mailbox/spin\", \"shm-mailbox/park\", \"shm-spsc/spin\", \"shm-spsc/hybrid\", \
    \"shm-spsc/park\", \"shm-mpmc/spin\", \"shm-mpmc/park\"]\nisolation = [\"process\"]\nplacement = [\"nearest\"]\n";

/// Runs a plan of these blocks and returns its records.
fn run(folder: &Path, name: &str, blocks: &str) -> Vec<Record> {
    let head = "question = \"Does the advice hold?\"\nrepetitions = 5\nwarm_up_ms = 20\nhot_ms = 100\nfloor_ms = 2\n";
    let plan = format!("{name}.toml");
    fs::write(folder.join(&plan), format!("name = \"{name}\"\n{head}{blocks}")).expect("ours");
    let output = ipcmark(folder, &["run", "--plan", &plan, "--out", name, "--quiet"]);
    // 1: a trial failed, and is a record.
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", told(&output));
    records(&folder.join(name))
}

struct Tried {
    options: Vec<String>,
    bytes: u64,
    rate: u64,
    decision: String,
    answer: String,
    rows: Vec<String>,
    /// Factor that the first row may be behind, by its own words.
    behind: f64,
}

/// Advises for a random request.
fn random_request(folder: &Path, random: &mut Random) -> Tried {
    let mut between = |low: f64, high: f64| low * (high / low).powf(random.next_u64() as f64 / u64::MAX as f64);
    let (bytes, rate) = (between(8.0, 65_536.0) as u64, between(1_000.0, 200_000.0) as u64);
    let mut options = vec!["--message-bytes".to_owned(), bytes.to_string(), "--rate".to_owned(), rate.to_string()];
    let limits: [&[&str]; 4] = [&[], &["--max-cpu", "1"], &["--must-survive-crash"], &["--p99-us", "200"]];
    options.extend(limits[random.below(limits.len())].iter().map(ToString::to_string));
    let call: Vec<&str> = ["advise"].into_iter().chain(options.iter().map(String::as_str)).chain(["base"]).collect();
    let advice = json(folder, &call);
    let rows = rows(&advice, "candidates").into_iter().take(3).collect();
    let behind = advice["choice_error"]["factor"].as_f64().filter(|_| advice["decision"] == "tied").unwrap_or(1.0);
    let [decision, answer] = ["decision", "answer"].map(|key| advice[key].as_str().expect("words").to_owned());
    Tried { options, bytes, rate, decision, answer, rows, behind }
}

/// Judges the advised row by the others: `None` if nothing was measured.
fn holds(tried: &Tried, measured: &[CaseSummary]) -> (bool, String) {
    let found = |row: &String| {
        let params = |one: &&CaseSummary| {
            one.case.params.message_bytes == Some(tried.bytes) && one.case.params.rate_per_s == Some(tried.rate)
        };
        measured.iter().filter(|one| one.case.measure == Measure::Paced && one.row == *row).find(params)
    };
    let shown = |row: &String| {
        let Some(one) = found(row) else { return format!("{row} not measured") };
        let late = if one.verdict == Some(Verdict::Overloaded) { " overloaded" } else { "" };
        let us = one.typical.map_or(f64::NAN, |typical| typical.value / 1e3);
        let ends = one.typical.and_then(|typical| typical.plus_minus()).unwrap_or_default().replace('\u{202f}', "");
        format!("{row} {us:.2} us {ends}{late}")
    };
    let table: Vec<String> = tried.rows.iter().map(shown).collect();
    let ends = |row: &String| {
        let one = found(row).filter(|one| one.verdict != Some(Verdict::Overloaded))?;
        one.typical?.interval
    };
    let held = match tried.rows.split_first() {
        None => true,
        Some((first, others)) => {
            let others: Vec<_> = others.iter().filter_map(ends).collect();
            ends(first)
                .map_or(others.is_empty(), |first| others.iter().all(|other| first.low <= tried.behind * other.high))
        }
    };
    (held, table.join("; "))
}

#[test]
#[ignore = "minutes, and a quiet machine: scripts/ci nightly"]
fn advice_for_random_requests_holds_when_it_is_measured() {
    if one_cpu() {
        return;
    }
    let _alone = alone();
    let folder = folder();
    let sizes = "message_bytes = [\"64 B\", \"1 KiB\", \"16 KiB\", \"64 KiB\"]\n";
    run(
        folder.path(),
        "base",
        &format!(
            "\n[[cases]]\n{ROWS}measure = [\"paced\"]\nrate_per_s = [3000, 30_000, 100_000]\n{sizes}\n\
             [[cases]]\n{ROWS}measure = [\"round_trip\", \"stream\"]\n{sizes}"
        ),
    );
    let mut random = Random::new(SEED);
    let tried: Vec<Tried> = (0..REQUESTS).map(|_| random_request(folder.path(), &mut random)).collect();
    let blocks: Vec<String> = tried
        .iter()
        .filter(|one| !one.rows.is_empty())
        .map(|one| {
            let (bytes, rate) = (one.bytes, one.rate);
            format!(
                "\n[[cases]]\nmechanism = {:?}\nisolation = [\"process\"]\nplacement = [\"nearest\"]\n\
                 measure = [\"paced\"]\nmessage_bytes = [{bytes}]\nrate_per_s = [{rate}]\n",
                one.rows
            )
        })
        .collect();
    let measured = summarise(&run(folder.path(), "tried", &blocks.concat()));
    let (mut held, mut cannot_tell, mut decided) = (0, 0, 0);
    for one in &tried {
        let (best, table) = holds(one, &measured);
        let unsure = one.decision == "cannot_tell";
        cannot_tell += usize::from(unsure);
        held += usize::from(best || unsure);
        decided += usize::from(["clear", "tied"].contains(&one.decision.as_str()));
        let verdict = if best { "holds" } else { "DOES NOT HOLD" };
        println!("{} | {verdict} | {table}\n  {}", one.options.join(" "), one.answer);
    }
    println!(
        "{held} of {REQUESTS} hold, {cannot_tell} of them because the advice was that it can't tell; {decided} decided"
    );
    assert!(held >= MUST_HOLD, "{held} of {REQUESTS} hold");
    assert!(decided >= MUST_DECIDE, "{decided} of {REQUESTS} are decided");
}
