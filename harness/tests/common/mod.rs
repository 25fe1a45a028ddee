//! Shared by the end-to-end tests: cases, processes and leftovers of a run, and waiting for conditions.

pub mod command;
pub mod other_harness;
pub mod user_run;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Isolation, Measure, Outcome, Record, Substrate, Wait};
use ipcmark_harness::trial::{Session, TrialOrder};

/// The command under test; also every worker and janitor.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ipcmark");

/// Held by tests that start sessions or runs, which take turns: they use the same CPUs, notice each other, and check the
/// names on the machine and the children and descriptors of this process.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All records of a run, those of earlier attempts too.
pub fn records(directory: &Path) -> Vec<Record> {
    let mut records = vec![];
    let read = ipcmark_reports::visit(&[directory.to_owned()], &mut |record, _, _| records.push(record));
    assert_eq!(read.expect("the run left records"), [], "every line is used");
    records
}

/// The run's records after `change`, in a file beside them.
pub fn changed_copy(run: &Path, name: &str, change: impl Fn(&mut Record)) {
    let mut records = records(run);
    records.iter_mut().for_each(change);
    write_records(&run.join(name), &records);
}

/// Writes records, each complete in a line.
pub fn write_records(file: &Path, records: &[Record]) {
    let lines: Vec<String> = records.iter().map(|record| serde_json::to_string(record).expect("JSON") + "\n").collect();
    fs::write(file, lines.concat()).expect("ours");
}

/// An id no other test has.
pub fn run_id(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// A 64-byte case between two unpinned processes.
pub fn case(mechanism: &str, wait: Option<Wait>, measure: Measure) -> Case {
    Case { wait, ..Case::new("transport", mechanism, measure) }.with(|p| p.message_bytes = Some(64))
}

/// The same, in POSIX shared memory: it has a name that could be left behind.
pub fn named(case: Case) -> Case {
    case.with(|p| p.substrate = Some(Substrate::PosixShm))
}

/// The same between two threads of one process, which makes the objects itself.
pub fn threads(case: Case) -> Case {
    Case { isolation: Isolation::Thread, ..case }
}

/// A trial of a few milliseconds.
pub fn short(case: Case) -> TrialOrder {
    let timing = Timing { warm_up_ns: 1_000_000, hot_ns: 5_000_000, floor_ns: 0, fixed_count: None };
    TrialOrder { case, cpus: vec![], timing, traced: false, fault: None }
}

/// A trial that lasts long enough to be disturbed, for every mechanism.
pub fn long(case: Case) -> TrialOrder {
    let mut order = short(case);
    order.timing.fixed_count = Some(20_000_000);
    order
}

/// Enough for a busy machine, and far less than a disturbed trial would last if the harness did not notice.
pub const SOON: Duration = Duration::from_secs(10);

/// Waits until `look` finds something. Panics after ten seconds, naming `what`.
pub fn wait_for<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_up_to(SOON, what, look)
}

/// The same with another time limit.
pub fn wait_up_to<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} seconds for {what}", patience.as_secs());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A live process: a zombie has ended and only waits to be collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    pub parent: i32,
    /// Arguments, joined by spaces.
    pub command: String,
    /// The directory for temporary files in its environment.
    pub home: PathBuf,
}

/// Every live process that can be looked into.
pub fn processes() -> Vec<Process> {
    let read = |pid: i32| -> Option<Process> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if field("State:")?.starts_with(['Z', 'X']) {
            return None;
        }
        let command = String::from_utf8_lossy(&fs::read(folder.join("cmdline")).ok()?).replace('\0', " ");
        let environment = fs::read(folder.join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let home = environment.split('\0').find_map(|word| word.strip_prefix("TMPDIR=")).unwrap_or_default();
        Some(Process { pid, parent: field("PPid:")?.parse().ok()?, command, home: home.into() })
    };
    let numbers = fs::read_dir("/proc").expect("proc is mounted").flatten();
    numbers.filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Live workers of `parent`.
pub fn workers_of(parent: i32) -> Vec<Process> {
    let own = |it: &Process| it.parent == parent && it.command.starts_with("ipcmark worker");
    processes().into_iter().filter(own).collect()
}

/// Live processes with `word` among their arguments or in their directory: janitors and workers of a run.
pub fn processes_naming(word: &str) -> Vec<String> {
    let names = |it: &Process| it.command.contains(word) || it.home.display().to_string().contains(word);
    processes()
        .into_iter()
        .filter(|it| it.pid != std::process::id().cast_signed() && names(it))
        .map(|it| it.command)
        .collect()
}

/// The worker of `role` that `parent` started, once it has exchanged messages for a while.
pub fn worker_at_work(parent: i32, role: &str) -> Process {
    wait_for(&format!("the {role} to be at work"), || find_at_work(parent, role))
}

/// The worker of `role` that `parent` started, if it has exchanged messages for a while.
pub fn find_at_work(parent: i32, role: &str) -> Option<Process> {
    let wanted = format!("ipcmark worker {role} ");
    processes().into_iter().find(|it| it.parent == parent && it.command == wanted && has_worked(it.pid))
}

/// Whether a worker has used more CPU time, or has blocked more often, than its start needs (under 10 ms, some dozen times).
fn has_worked(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    ticks >= 3 || switches.and_then(|count| count.trim().parse::<u64>().ok()).is_some_and(|count| count > 300)
}

/// Open descriptors of a process, as what they lead to, without those that look at descriptors as this does.
pub fn descriptors(pid: i32) -> Vec<(i32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("our own process or child").flatten();
    let mut all: Vec<_> = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, fs::read_link(entry.path()).ok()?.display().to_string()))
        })
        .filter(|(_, to)| !to.ends_with("/fd"))
        .collect();
    all.sort();
    all
}

/// Waits until every descriptor that this process has opened since `before` is closed. Other tests open and close their own
/// meanwhile, so that only those count that stay.
pub fn wait_until_closed(before: &[(i32, String)]) {
    let own = std::process::id().cast_signed();
    let mut opened = descriptors(own);
    opened.retain(|it| !before.contains(it));
    let closed = || {
        let now = descriptors(own);
        opened.retain(|it| now.contains(it));
        opened.is_empty().then_some(())
    };
    wait_for("the descriptors of the trial to be closed", closed);
}

/// Names in POSIX shared memory and directories among the temporary files that belong to a run.
pub fn leftovers(run_id: &str, temporary: &Path) -> Vec<PathBuf> {
    let mine = format!("ipcmark.{run_id}.");
    let entries = [Path::new("/dev/shm"), temporary].map(fs::read_dir).into_iter().flatten().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.display().to_string().contains(&mine)).collect()
}

/// System V shared memory segments that a process made and that are still there, as lines of /proc/sysvipc/shm.
pub fn sysv_segments(maker: i32) -> Vec<String> {
    let all = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let of_maker = |line: &&str| line.split_whitespace().nth(4).is_some_and(|pid| pid == maker.to_string());
    all.lines().skip(1).filter(of_maker).map(str::to_owned).collect()
}

/// Sends a signal to one process.
pub fn signal(pid: i32, signal: nix::sys::signal::Signal) {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("a process of ours");
}

/// Runs a trial, kills the process that `find` returns meanwhile, and checks that the trial ends soon after.
/// Panics with the trial's outcome if the trial ends first.
pub fn kill_during(session: &Session, order: &TrialOrder, mut find: impl FnMut() -> Option<i32> + Send) -> Outcome {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let ended = || over.load(Relaxed).then_some(None);
            let found = wait_up_to(2 * SOON, "a process to kill", || find().map(Some).or_else(ended))?;
            signal(found, nix::sys::signal::Signal::SIGKILL);
            Some(Instant::now())
        });
        let outcome = session.run_trial(order).outcome;
        over.store(true, Relaxed);
        let (key, ended) = (order.case.key(), Instant::now());
        let killed = killer.join().expect("a process to kill");
        let killed = killed.unwrap_or_else(|| panic!("{key}: ended before it could be disturbed: {outcome:?}"));
        let went_on = ended.saturating_duration_since(killed);
        assert!(went_on < SOON, "{key}: went on for {went_on:?}");
        outcome
    })
}

/// The worker of `role` in the run with this id that this process started, once it has a child.
pub fn parent_at_work(run_id: &str, role: &str) -> Option<i32> {
    let all = processes();
    let command = format!("ipcmark worker {role} ");
    // Forked children have the same command line, but not this process as their parent.
    let own = std::process::id().cast_signed();
    let ours =
        |it: &&Process| it.parent == own && it.command == command && it.home.display().to_string().contains(run_id);
    all.iter().filter(ours).map(|it| it.pid).find(|pid| all.iter().any(|it| it.parent == *pid))
}
