//! Participants with real processes: every Python row is measured and checked, wrong or missing programs are reported before
//! anything starts, and no process outlives a killed harness.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::command::{folder, ipcmark, printed, told};
use crate::common::other_harness::OtherHarness;
use crate::common::{PROGRAM, Process, alone, records, run_id, short, wait_up_to};
use ipcmark::family::Variant;
use ipcmark::measure::histogram;
use ipcmark::record::{Call, Case, Group, Measure, Metrics, Outcome, Pattern, Status, Verdict, metric};
use ipcmark_harness::participants::Participants;
use ipcmark_harness::plan::Text;
use ipcmark_harness::trial::Session;

/// Time limit for an interpreter to start its processes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// In so long a window every process gets the CPU.
const LONGEST_WINDOW_NS: u64 = 5_000_000_000;

fn session(name: &str, participants: Participants) -> Session {
    Session::open_with(&run_id(name), Path::new(PROGRAM)).expect("a session").with_participants(participants)
}

/// Python's rows; none, with a message, where Python is missing.
fn rows() -> Vec<Variant> {
    let all = Participants::embedded().variants().to_vec();
    if let Some(why) = all.iter().find_map(|row| row.unavailable.as_ref()) {
        println!("left out: {why}");
        return vec![];
    }
    all
}

/// Small cases of the row for `measure`.
fn cases(row: &Variant, measure: Measure) -> Vec<Case> {
    let plain = row.case(measure).with(|p| p.message_bytes = row.carries().then_some(64));
    match measure {
        Measure::Stream | Measure::RoundTrip => {
            [0, 64, 5000].map(|bytes| plain.clone().with(|p| p.message_bytes = Some(bytes))).to_vec()
        }
        Measure::Contention => vec![plain.with(|p| p.contenders = Some(3))],
        Measure::Access => vec![plain.with(|p| {
            p.contenders = Some(2);
            p.reads_percent = Some(50);
            p.keys = Some(16);
        })],
        Measure::Drain => vec![plain.with(|p| {
            p.pattern = Some(Pattern { senders: 2, receivers: 2 });
        })],
        Measure::Serve => vec![plain.with(|p| p.clients = Some(3))],
        Measure::Dispatch => Call::ALL
            .iter()
            .map(|call| {
                plain.clone().with(|p| {
                    p.workers = Some(2);
                    p.call = Some(*call);
                })
            })
            .collect(),
        _ => vec![plain],
    }
}

fn main_metric(measure: Measure) -> &'static str {
    match measure {
        Measure::RoundTrip => metric::ROUND_TRIP_NS,
        Measure::Stream => metric::MESSAGES_PER_S,
        Measure::Acquire => metric::ACQUIRE_NS,
        Measure::Contention => metric::ACQUISITIONS_PER_S,
        Measure::Access => metric::ACCESSES_PER_S,
        Measure::Dispatch => metric::TASK_NS,
        Measure::Drain => metric::DRAIN_NS,
        Measure::StartUp => metric::START_UP_NS,
        Measure::Serve => metric::REQUESTS_PER_S,
        other => panic!("no Python row is asked for {other}"),
    }
}

fn number(outcome: &Outcome, name: &str) -> Option<f64> {
    outcome.metric(name)
}

#[test]
fn every_python_row_answers_its_measures() {
    let _one = alone();
    let session = session("python", Participants::embedded());
    for row in rows() {
        for measure in row.measures {
            for case in cases(&row, *measure) {
                let mut order = short(case.clone());
                // A Python that starts takes seconds on a busy machine.
                order.timing.fixed_count = (*measure == Measure::StartUp).then_some(3);
                let mut result = session.run_trial(&order);
                // A window of a few milliseconds may well be over before a server process has had the CPU: a longer one counts.
                while result.outcome.why.as_ref().is_some_and(|why| why.ends_with("_per_s is 0"))
                    && order.timing.hot_ns < LONGEST_WINDOW_NS
                {
                    order.timing.hot_ns *= 10;
                    result = session.run_trial(&order);
                }
                let (key, outcome) = (case.key(), result.outcome);
                let why = outcome.why.clone().unwrap_or_default();
                if outcome.status == Status::Skipped {
                    assert!(why.contains("it has apply, apply-async, map"), "{key}: {why}");
                    continue;
                }
                assert_eq!(outcome.status, Status::Measured, "{key}: {why}");
                assert!(
                    matches!(outcome.verdict, Some(Verdict::Stable | Verdict::Noisy | Verdict::Disturbed)),
                    "{key}: {why}"
                );
                assert!(why.contains("Python 3.") && why.contains("without the control page"), "{key}: {why}");
                let name = main_metric(*measure);
                assert!(number(&outcome, name).is_some_and(|value| value >= 0.0), "{key}: {name}");
                let counted: u64 = outcome.windows.iter().flatten().map(|window| window.messages).sum();
                // Those that end by the clock may count nothing in the window of a disturbed trial.
                let empty = matches!(measure, Measure::Contention | Measure::Access | Measure::Serve);
                assert!(counted <= result.count.messages && (counted > 0 || empty), "{key}: {counted} in windows");
                assert!(outcome.roles.is_some_and(|roles| !roles.is_empty()), "{key}: no costs");
            }
        }
    }
}

/// A participant of a few words of shell. `done` is what it answers in the end.
fn shell(done: &str) -> Text {
    let script = format!(
        "read order; echo '{{\"type\":\"offer\",\"offers\":[]}}'; read peers; echo '{{\"type\":\"ready\"}}'; \
         read go; echo '{{\"type\":\"done\",{done}}}'"
    );
    let text = format!(
        "[[participants]]\nname = \"shell\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n\
         [[participants.variants]]\nfamily = \"transport\"\nmechanism = \"shell-words\"\ngroup = \"libraries\"\n\
         measures = [\"round_trip\"]\nsummary = \"words\"\n"
    );
    Text { file: "shell.toml".into(), text }
}

#[test]
fn any_program_that_follows_the_protocol_can_take_part() {
    let _one = alone();
    for (done, status, due) in [
        (
            "\"messages\":7,\"chosen_by\":\"fixed\",\"metrics\":{\"round_trip_ns\":5.0}",
            Status::Measured,
            "without the control page",
        ),
        ("\"invalid\":\"message 3 is missing\"", Status::Failed, "message 3 is missing"),
        ("\"skipped\":\"no such thing here\"", Status::Skipped, "no such thing here"),
        ("\"messages\":seven", Status::Failed, "broke the protocol"),
    ] {
        let participants = Participants::with(&[shell(done)]).expect("well formed");
        let case = Case { program: Some("shell".into()), ..Case::new("transport", "shell-words", Measure::RoundTrip) };
        let outcome = session("shell", participants).run_trial(&short(case)).outcome;
        let why = outcome.why.clone().unwrap_or_default();
        assert_eq!(outcome.status, status, "{done}: {why}");
        assert!(why.contains(due), "{done}: {why}");
    }
}

const PLAN: &str = "name = \"mine\"\nquestion = \"?\"\nrepetitions = 1\nwarm_up_ms = 1\nhot_ms = 5\n\
    [[cases]]\nmechanism = [\"old-pipe\"]\nmeasure = [\"stream\"]\nmessage_bytes = [64]\n";

#[test]
fn a_python_that_is_too_old_is_a_skip_with_its_reason() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let participants = "[[participants]]\nname = \"old\"\ncommand = [\"old\"]\n\
        [participants.probe]\ncommand = [\"sh\", \"-c\", \"echo 3.8.18\"]\nat_least = \"3.9\"\n\
        [[participants.variants]]\nfamily = \"transport\"\nmechanism = \"old-pipe\"\ngroup = \"python\"\n\
        measures = [\"stream\"]\nsummary = \"a pipe of old\"\n";
    fs::write(at("old.toml"), participants).expect("written");
    fs::write(at("plan.toml"), PLAN).expect("written");
    let reason = "old: it is version 3.8.18, and 3.9 is wanted";

    let list = ipcmark(folder.path(), &["list", "--json", "--participants", "old.toml"]);
    let listed: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let row = listed.as_array().and_then(|rows| rows.iter().find(|row| row["mechanism"] == "old-pipe"));
    let row = row.unwrap_or_else(|| panic!("no such row: {}", printed(&list)));
    assert_eq!((&row["available"], &row["why"]), (&false.into(), &reason.into()));

    let run = ipcmark(folder.path(), &["run", "--plan", "plan.toml", "--participants", "old.toml", "--out", "out"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
    let records = records(&at("out"));
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!((records[0].outcome.status, records[0].outcome.why.as_deref()), (Status::Skipped, Some(reason)));
    assert_eq!(records[0].case.group, Some(Group::Python), "the group of the file");
}

#[test]
fn what_is_wrong_with_a_file_is_named_with_its_line() {
    let folder = folder();
    let wrong = "[[participants]]\nname = \"mine\"\ncomand = [\"mine\"]\n";
    fs::write(folder.path().join("wrong.toml"), wrong).expect("written");
    for verb in [&["list"][..], &["run", "--plan", "smoke"]] {
        let output = ipcmark(folder.path(), &[verb, &["--participants", "wrong.toml"]].concat());
        let said = told(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("wrong.toml:3: unknown key `comand`; did you mean `command`?"), "{said}");
    }
    let output = ipcmark(folder.path(), &["list", "--participants", "absent.toml"]);
    assert!(told(&output).contains("the file of participants `absent.toml` is missing"), "{}", told(&output));
}

#[test]
fn a_star_stands_for_the_rows_of_this_program_only() {
    let folder = folder();
    let plan = PLAN.replace("old-pipe", "*");
    fs::write(folder.path().join("plan.toml"), plan).expect("written");
    let listed = printed(&ipcmark(folder.path(), &["run", "--plan", "plan.toml", "--dry-run"]));
    assert!(listed.contains("pipe") && !listed.contains("python"), "{listed}");
}

#[test]
fn a_killed_harness_leaves_no_python_process() {
    if rows().is_empty() {
        return;
    }
    let _one = alone();
    let of =
        |family: &str, row: &str, measure| Case { program: Some("python".into()), ..Case::new(family, row, measure) };
    let lock = of("lock", "python-manager-lock", Measure::Contention).with(|p| p.contenders = Some(3));
    let pool = of("pool", "python-pool", Measure::Dispatch).with(|p| {
        p.workers = Some(3);
        p.call = Some(Call::Apply);
    });
    for case in [lock, pool] {
        let mut harness = OtherHarness::start(&case);
        let at_work = || {
            let python = |it: &&Process| it.command.contains("ipcmark_worker.py");
            harness.descendants().iter().filter(python).count()
        };
        // The host, and three processes beside it.
        wait_up_to(PATIENCE, &format!("{} to be at work", case.mechanism), || (at_work() > 3).then_some(()));
        harness.kill();
        wait_up_to(PATIENCE, "every process of the run to exit", || harness.traces().is_empty().then_some(()));
    }
}

#[test]
fn the_adapter_is_a_file_that_python_compiles() {
    if rows().is_empty() {
        return;
    }
    let folder = folder();
    let adapter = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/python/ipcmark_worker.py");
    let mut command = Command::new("python3");
    command.env("PYTHONPYCACHEPREFIX", folder.path()).args(["-W", "error", "-m", "py_compile"]).arg(adapter);
    let output = command.output().expect("Python is there");
    assert!(output.status.success(), "{}", told(&output));
}

/// The values are 1, 2, 3, ..., so a percentile is the number of values up to it.
#[test]
fn python_states_the_percentiles_that_workers_state() {
    const SCRIPT: &str = "
import json
from ipcmark_worker import percentiles
counts = [n + d for n in (20, 100, 1000, 10000) for d in (-1, 0, 1)]
print(json.dumps([[n, percentiles(range(1, n + 1))] for n in counts]))
";
    if rows().is_empty() {
        return;
    }
    let folder = folder();
    let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/python");
    let mut command = Command::new("python3");
    command.env("PYTHONPYCACHEPREFIX", folder.path()).env("PYTHONPATH", adapters).args(["-c", SCRIPT]);
    let output = command.output().expect("Python is there");
    assert!(output.status.success(), "{}", told(&output));
    agree_with_workers(&output.stdout);
}

/// Percentiles of the values 1 to n as a JSON list of n and metrics, for twelve n, are those of workers.
pub fn agree_with_workers(json: &[u8]) {
    let found: Vec<(u64, Metrics)> = serde_json::from_slice(json).expect("a list");
    assert_eq!(found.len(), 12);
    for (count, stated) in found {
        let mut all = histogram::empty();
        (1..=count).for_each(|value| all.saturating_record(value));
        let mut of_workers = Metrics::new();
        histogram::percentiles(&all, stated[metric::CLOCK_STEP_NS], &mut of_workers);
        assert_eq!(stated.keys().collect::<Vec<_>>(), of_workers.keys().collect::<Vec<_>>(), "{count} values");
        for (name, value) in stated {
            // A histogram keeps three digits.
            assert!((of_workers[&name] / value - 1.0).abs() < 2e-3, "{name} of {count} values: {value}");
        }
    }
}

/// Windows far shorter than a tick of the scheduler: counters that move in ticks show 0 in most.
#[test]
fn python_counts_cpu_time_between_ticks() {
    const SCRIPT: &str = "
import time
from ipcmark_worker import Meter
for _ in range(20):
    meter, start = Meter('role', None), time.thread_time_ns()
    while time.thread_time_ns() < start + 200_000:
        pass
    cost = meter.stop(1)
    assert cost['running_ns'] >= 200_000, cost
    assert cost['user_ns'] + cost['system_ns'] == cost['running_ns'] <= cost['wall_ns'], cost
";
    if rows().is_empty() {
        return;
    }
    let folder = folder();
    let adapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/python");
    let mut command = Command::new("python3");
    command.env("PYTHONPYCACHEPREFIX", folder.path()).env("PYTHONPATH", adapters).args(["-c", SCRIPT]);
    let output = command.output().expect("Python is there");
    assert!(output.status.success(), "{}", told(&output));
}
