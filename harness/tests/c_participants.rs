//! Participants in C and C++: the header compiles without warnings, the programs that come with it are measured like any other
//! row, wrong mechanisms are caught, and no process outlives a killed harness. Skipped where no compiler or package is.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::command::{command, folder, ipcmark, printed, told};
use crate::common::{alone, records, signal, wait_up_to};
use crate::participants::agree_with_workers;
use ipcmark::payload;
use ipcmark::record::{Measure, Record, Status, Verdict, metric};
use nix::sys::signal::Signal;

const PATIENCE: Duration = Duration::from_secs(60);

fn adapters() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("adapters/c")
}

/// Compiler of a source file, by its extension.
fn compiler(source: &Path, standard: &str) -> Command {
    let is_c = source.extension().is_some_and(|ending| ending == "c");
    let name = std::env::var(if is_c { "CC" } else { "CXX" });
    let mut command = Command::new(name.unwrap_or_else(|_| if is_c { "cc" } else { "c++" }.to_owned()));
    command.args([&format!("-std={standard}"), "-O2", "-Wall", "-Wextra", "-Werror", "-I"]).arg(adapters());
    command
}

/// Builds `source` as `name` in `folder`; false, with a message, if the compiler or a header of a package is missing.
fn build(folder: &Path, source: &Path, standard: &str, name: &str, needs: &[(&str, &str)]) -> bool {
    let includes = |header: &str| {
        let preprocess = compiler(source, standard)
            .args(["-E", "-x", if standard.starts_with("c++") { "c++" } else { "c" }, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        preprocess.is_ok_and(|mut child| {
            let stdin = child.stdin.take();
            let written = stdin.is_some_and(|mut stdin| writeln!(stdin, "#include <{header}>").is_ok());
            child.wait().is_ok_and(|status| status.success() && written)
        })
    };
    for (header, package) in [&[("stdio.h", "a compiler for C and C++")], needs].concat() {
        if !includes(header) {
            println!("skipped: {} needs {package}", source.display());
            return false;
        }
    }
    let output = compiler(source, standard).arg(source).arg("-o").arg(folder.join(name)).output().expect("it exists");
    assert!(output.status.success(), "{}", told(&output));
    true
}

/// The same of the text of a C program.
fn build_text(folder: &Path, text: &str, name: &str) -> bool {
    let source = folder.join(format!("{name}.c"));
    fs::write(&source, text).expect("written");
    build(folder, &source, "c11", name, &[])
}

/// Lets a program describe itself as `<name>.toml` in `folder`.
fn describe(folder: &Path, name: &str) {
    let output = Command::new(folder.join(name)).arg("describe").output().expect("it was built");
    assert!(output.status.success(), "{}", told(&output));
    fs::write(folder.join(format!("{name}.toml")), output.stdout).expect("written");
}

/// Records of a run of `blocks` of a plan with the programs `names`, which have described themselves.
fn measure(folder: &Path, names: &[&str], blocks: &str) -> Vec<Record> {
    let _alone = alone();
    for name in names {
        describe(folder, name);
    }
    let head = "name = \"mine\"\nquestion = \"?\"\nrepetitions = 1\nwarm_up_ms = 1\nhot_ms = 10\n";
    fs::write(folder.join("plan.toml"), format!("{head}{blocks}")).expect("written");
    let files: Vec<String> = names.iter().map(|name| format!("{name}.toml")).collect();
    let mut arguments = vec!["run", "--plan", "plan.toml", "--out", "out"];
    arguments.extend(files.iter().flat_map(|file| ["--participants", file.as_str()]));
    let output = ipcmark(folder, &arguments);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", told(&output));
    records(&folder.join("out")).into_iter().filter(|record| record.case.program.is_some()).collect()
}

fn channel(mechanisms: &str, bytes: &str) -> String {
    format!(
        "[[cases]]\nmechanism = [{mechanisms}]\nmeasure = [\"round_trip\", \"stream\"]\nmessage_bytes = [{bytes}]\n"
    )
}

fn lock(mechanism: &str) -> String {
    let block = |rest: &str| format!("[[cases]]\nfamily = \"lock\"\nmechanism = [\"{mechanism}\"]\n{rest}\n");
    let contention =
        "measure = [\"contention\"]\ncontenders = [2]\ncritical_section_ns = [0, 500]\nthink_time_ns = [200]";
    block("measure = [\"acquire\"]") + &block(contention)
}

/// Every record is measured, with the numbers that a worker of its measure states.
#[track_caller]
fn complete(records: &[Record], measured: usize) {
    // Disturbed trials are repeated.
    let mut seen = BTreeSet::new();
    for record in records {
        let (key, outcome) = (&record.case_key, &record.outcome);
        let why = outcome.why.as_deref().unwrap_or_default();
        if outcome.status == Status::Skipped {
            // A machine with one CPU, or a size that the program is not compiled for.
            assert!(why.contains("CPU") || why.contains("bytes") || why.contains("empty message"), "{key}: {why}");
            continue;
        }
        seen.insert(key);
        assert_eq!(outcome.status, Status::Measured, "{key}: {why}");
        assert!(matches!(outcome.verdict, Some(Verdict::Stable | Verdict::Noisy | Verdict::Disturbed)), "{key}: {why}");
        assert!(why.contains("compiler") && why.contains("without the control page"), "{key}: {why}");
        let has = |name: &str| outcome.metric(name).is_some_and(|value| value > 0.0);
        let (due, roles): (&[&str], usize) = match record.case.measure {
            Measure::RoundTrip => (&[metric::ROUND_TRIP_NS, metric::STAMPED_ROUND_TRIP_NS, metric::CLOCK_STEP_NS], 2),
            Measure::Stream => (&[metric::MESSAGES_PER_S], 2),
            Measure::Acquire => (&[metric::ACQUIRE_NS], 1),
            _ => (&[metric::ACQUISITIONS_PER_S, metric::CPU_NS_PER_ACQUISITION], 2),
        };
        assert!(due.iter().all(|name| has(name)), "{key}: {:?}", outcome.metrics);
        let costs = outcome.roles.as_deref().unwrap_or_default();
        assert_eq!(costs.len(), roles, "{key}");
        for cost in costs {
            let states = cost.running_ns + cost.ready_ns + cost.blocked_ns;
            assert!(cost.user_ns + cost.system_ns > 0 && states == cost.wall_ns, "{key}: {cost:?}");
        }
        let windows = outcome.windows.as_deref().unwrap_or_default();
        let counted: u64 = windows.iter().map(|window| window.messages).sum();
        assert!(!windows.is_empty() && counted > 0 && counted <= record.count.messages, "{key}: {windows:?}");
    }
    let one_cpu = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() < 2);
    assert!(seen.len() == measured || one_cpu, "{seen:?}");
}

#[test]
fn the_header_compiles_alone_in_c_and_in_cpp() {
    let folder = folder();
    let text = "#include \"ipcmark.h\"\nint main(int count, char **words) {\n    static const struct ipcmark_row *const rows[] = {0};\n    \
                return ipcmark_main(count, words, \"1\", rows);\n}\n";
    for (file, standard) in [("alone.c", "c11"), ("alone.cpp", "c++17")] {
        let source = folder.path().join(file);
        fs::write(&source, text).expect("written");
        if !build(folder.path(), &source, standard, standard, &[]) {
            return;
        }
        let output = Command::new(folder.path().join(standard)).output().expect("it was built");
        assert_eq!(output.status.code(), Some(2));
        assert!(told(&output).contains("usage: "), "{}", told(&output));
    }
}

#[test]
fn the_pipe_in_c_is_measured() {
    let folder = folder();
    if build(folder.path(), &adapters().join("pipe.c"), "c11", "c-pipe", &[]) {
        complete(&measure(folder.path(), &["c-pipe"], &channel("\"c-pipe\"", "0, 3, 8, 64, 5000")), 8);
    }
}

#[test]
fn the_queue_and_the_lock_of_boost_are_measured() {
    let (folder, needs) = (folder(), [("boost/version.hpp", "the package libboost-dev")]);
    if build(folder.path(), &adapters().join("boost.cpp"), "c++17", "boost", &needs) {
        let blocks = channel("\"boost-message-queue\"", "0, 64, 5000") + &lock("boost-mutex");
        let records = measure(folder.path(), &["boost"], &blocks);
        complete(&records, 9);
        assert!(records.iter().any(|record| record.outcome.metric(metric::HANDED_OFF_SHARE) > Some(0.0)));
    }
}

#[test]
fn the_lock_free_queue_is_measured() {
    let (folder, needs) = (folder(), [("atomic_queue/atomic_queue.h", "the package libatomic-queue-dev")]);
    if build(folder.path(), &adapters().join("atomic_queue.cpp"), "c++17", "atomic-queue", &needs) {
        let blocks = channel("\"atomic-queue\", \"atomic-queue-spsc\"", "8, 64, 100, 4096");
        let records = measure(folder.path(), &["atomic-queue"], &blocks);
        complete(&records, 12);
        let refused = records.iter().find(|record| record.case.params.message_bytes == Some(100)).expect("a refusal");
        assert!(refused.outcome.why.as_deref().is_some_and(|why| why.contains("not 100")), "{refused:?}");
    }
}

/// Messages of 0 to 300 bytes in hexadecimal, a line each; percentiles of known values; CPU time of windows far shorter than a
/// tick of the scheduler.
const PARTS: &str = r#"
#include "ipcmark.h"

int main(void) {
    static unsigned char room[300];
    static double values[10001];
    static struct ipcmark_trial trial;
    for (size_t bytes = 0; bytes <= sizeof room; bytes++) {
        uint64_t first = ipcmark_mix(3, 41);
        ipcmark_fill(room, bytes, first);
        for (size_t i = 0; i < bytes; i++) printf("%02x", room[i]);
        puts("");
        for (size_t bit = 0; bit < 8 * bytes; bit++) {
            if (ipcmark_differ(room, bytes, first)) return 1;
            room[bit / 8] ^= (unsigned char)(1 << bit % 8);
            if (!ipcmark_differ(room, bytes, first)) return 2;
            room[bit / 8] ^= (unsigned char)(1 << bit % 8);
        }
    }
    printf("[");
    for (size_t middle = 20, at = 0; at < 12; at++) {
        static const size_t middles[] = {20, 100, 1000, 10000};
        middle = middles[at / 3] + at % 3 - 1;
        for (size_t i = 0; i < middle; i++) values[i] = (double)(middle - i);
        trial.metrics = open_memstream(&trial.answer, &trial.answer_length);
        ipcmark_percentiles(&trial, values, middle);
        fclose(trial.metrics);
        printf("%s[%zu,{%s}]", at ? "," : "", middle, trial.answer);
        free(trial.answer);
    }
    puts("]");
    for (int i = 0; i < 20; i++) {
        struct ipcmark_meter meter = ipcmark_start_meter();
        for (uint64_t start = ipcmark_clock(CLOCK_PROCESS_CPUTIME_ID); ipcmark_clock(CLOCK_PROCESS_CPUTIME_ID) < start + 200000;) {}
        struct ipcmark_cost cost = ipcmark_stop_meter(&meter, "role", -1, 1);
        if (cost.running_ns < 200000 || cost.running_ns > cost.wall_ns) return 3;
        if (cost.user_ns + cost.system_ns != cost.running_ns) return 4;
    }
    return 0;
}
"#;

#[test]
fn messages_percentiles_and_cpu_time_are_those_of_workers() {
    let folder = folder();
    if !build_text(folder.path(), PARTS, "parts") {
        return;
    }
    let output = Command::new(folder.path().join("parts")).output().expect("it was built");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let text = printed(&output);
    let mut lines = text.lines();
    for bytes in 0..=300 {
        let mut room = vec![0; bytes];
        payload::fill(&mut room, payload::stamp(3, 41));
        let due: String = room.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert_eq!(lines.next(), Some(due.as_str()), "{bytes} bytes");
    }
    agree_with_workers(lines.next().expect("percentiles").as_bytes());
}

/// Mechanisms with one fault each, at the twelfth message: each trial has more, and no phase of one ends with it.
const BROKEN: &str = r#"
#include "ipcmark.h"

static void *create(size_t bytes) {
    int *ends = malloc(2 * sizeof *ends);
    (void)bytes;
    return ends && pipe(ends) == 0 ? ends : NULL;
}

static bool put(void *channel, const void *message, size_t bytes, int fault) {
    static int sent;
    unsigned char copy[64];
    memcpy(copy, message, bytes);
    if (++sent == 12) {
        if (fault == 0) return true;
        if (fault == 1) copy[33] ^= 4;
        if (fault == 2 && write(((int *)channel)[1], copy, bytes) < 0) return false;
        if (fault == 3) { errno = ENOSPC; return false; }
        if (fault == 4) bytes -= 8;
    }
    return write(((int *)channel)[1], copy, bytes) == (ssize_t)bytes;
}

static long take(void *channel, void *room, size_t bytes) {
    static int taken;
    (void)bytes;
    if (++taken == 20) raise(SIGKILL);
    return read(((int *)channel)[0], room, 64);
}

static long take_short(void *channel, void *room, size_t bytes) {
    static int taken;
    long got = read(((int *)channel)[0], room, bytes);
    return ++taken == 12 ? got - 8 : got;
}

#define ROW(name, fault, take)                                                                            \
    static bool name##_put(void *to, const void *what, size_t bytes) { return put(to, what, bytes, fault); } \
    static const struct ipcmark_transport name##_way = {NULL, create, NULL, name##_put, take, NULL};      \
    IPCMARK_TRANSPORT(name, #name, 0, "block", "pipes", "broken", name##_way)
ROW(loses, 0, take);
ROW(flips, 1, take);
ROW(repeats, 2, take);
ROW(fails, 3, take);
ROW(dies, 5, take);
ROW(shortens, 5, take_short);

static bool fine(void *memory) { (void)memory; return true; }
static const struct ipcmark_lock nothing = {8, fine, fine, fine};
IPCMARK_LOCK(no_lock, "no-lock-in-c", "spin", "spin-locks", "no lock", nothing);

int main(int count, char **words) {
    static const struct ipcmark_row *const rows[] = {&loses, &flips, &repeats, &fails, &dies, &shortens, &no_lock, NULL};
    return ipcmark_main(count, words, "1", rows);
}
"#;

#[test]
fn what_a_broken_mechanism_does_is_caught() {
    let folder = folder();
    if !build_text(folder.path(), BROKEN, "broken") {
        return;
    }
    let dues = [
        ("loses", "lost, repeated or out of order"),
        ("flips", "arrived with wrong bytes: corrupted"),
        ("repeats", "lost, repeated or out of order"),
        ("fails", "send: No space left on device"),
        ("dies", "a process of the trial was killed"),
        ("shortens", "has 56 bytes instead of 64"),
    ];
    let names: Vec<String> = dues.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let streams = channel(&names.join(", "), "64").replace("\"round_trip\", ", "");
    // Two contenders without a lock, in critical sections that make up most of their time.
    let no_lock = "[[cases]]\nfamily = \"lock\"\nmechanism = [\"no-lock-in-c\"]\nmeasure = [\"contention\"]\ncontenders = [2]\n\
                   critical_section_ns = [2000]\n";
    let records = measure(folder.path(), &["broken"], &(streams + no_lock));
    let why = |mechanism: &str| {
        let record = records.iter().find(|record| record.case.mechanism == mechanism);
        let outcome = &record.unwrap_or_else(|| panic!("no record of {mechanism}")).outcome;
        assert!(outcome.metrics.is_none() && outcome.verdict == Some(Verdict::Invalid), "{mechanism}: {outcome:?}");
        outcome.why.clone().unwrap_or_default()
    };
    for (mechanism, due) in dues {
        assert!(why(mechanism).contains(due), "{mechanism}: {}", why(mechanism));
    }
    let unprotected = why("no-lock-in-c");
    assert!(unprotected.contains("met another") || unprotected.contains("protected counter"), "{unprotected}");
}

#[test]
fn a_killed_harness_leaves_no_process_of_a_participant() {
    let folder = folder();
    if !build(folder.path(), &adapters().join("pipe.c"), "c11", "c-pipe", &[]) {
        return;
    }
    let _alone = alone();
    describe(folder.path(), "c-pipe");
    let plan = "name = \"mine\"\nquestion = \"?\"\nrepetitions = 1\nwarm_up_ms = 1\nhot_ms = 20000\n";
    fs::write(folder.path().join("plan.toml"), plan.to_owned() + &channel("\"c-pipe\"", "64")).expect("written");
    let arguments = ["run", "--plan", "plan.toml", "--participants", "c-pipe.toml", "--out", "out"];
    let mut harness = command(folder.path(), &arguments).stderr(Stdio::null()).spawn().expect("the command exists");
    let program = fs::canonicalize(folder.path().join("c-pipe")).expect("it was built");
    let running = || {
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        entries.filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == program)).count()
    };
    wait_up_to(PATIENCE, "both processes of a trial to run", || (running() == 2).then_some(()));
    signal(harness.id().try_into().expect("a process id"), Signal::SIGKILL);
    harness.wait().expect("it was started");
    wait_up_to(PATIENCE, "every process of the trial to exit", || (running() == 0).then_some(()));
}
