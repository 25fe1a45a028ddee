//! Interference that is seen: trials beside a busy loop on a role's CPU, and under a CPU quota, are marked disturbed with cause
//! and amount.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ipcmark::machine::placement::Topology;
use ipcmark::record::{Case, Measure, Record, Status, Verdict, Wait};
use ipcmark_harness::trial::{Session, TrialOrder};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::common::command::{folder, told};
use crate::common::{PROGRAM, alone, case, records, run_id, short, wait_for};

/// Trials of each case.
const TRIALS: usize = 4;

/// Timed part that is longer than any time slice: in a shorter one a role may keep its CPU beside a busy loop.
const LONGER_THAN_A_SLICE_NS: u64 = 30_000_000;

/// A process that keeps one CPU busy until it is dropped.
struct BusyLoop(Child);

impl BusyLoop {
    fn on(cpu: u32) -> Self {
        let shell = Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn();
        let busy = Self(shell.expect("a shell"));
        let pid = busy.0.id().cast_signed();
        let mut only = CpuSet::new();
        only.set(cpu as usize).expect("a CPU of this machine");
        sched_setaffinity(Pid::from_raw(pid), &only).expect("our child");
        let used = || {
            let schedstat = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
            schedstat.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
        };
        let before = used();
        wait_for("the loop to use its CPU", || (used() > before).then_some(()));
        busy
    }
}

impl Drop for BusyLoop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cases() -> Vec<Case> {
    let rows =
        [("shm-spsc", Wait::Spin), ("shm-spsc", Wait::Hybrid), ("shm-spsc", Wait::SpinYield), ("pipe", Wait::Busy)];
    let each = [Measure::RoundTrip, Measure::Stream];
    rows.into_iter().flat_map(|(row, wait)| each.map(|measure| case(row, Some(wait), measure))).collect()
}

#[test]
fn a_busy_loop_beside_a_role_disturbs_its_trials() {
    let _one = alone();
    let topology = Topology::discover();
    let Some(placement) = topology.nearest_pair() else {
        println!("skipped: a role and a loop beside it need two CPUs, and one is allowed");
        return;
    };
    let cpus = topology.pair(placement).expect("the nearest pair");
    let session = Session::open_with(&run_id("busy-loop"), Path::new(PROGRAM)).expect("a session");
    let busy = BusyLoop::on(cpus[1]);
    let named = format!("another process used CPU {}", cpus[1]);
    let (mut marked, mut timed) = (0, 0);
    for case in cases() {
        let mut order = TrialOrder { cpus: cpus.clone(), ..short(Case { placement, ..case }) };
        order.timing.hot_ns = 60_000_000;
        let mut trials = 0;
        while trials < TRIALS {
            let result = session.run_trial(&order);
            let why = result.outcome.why.unwrap_or_default();
            let timed_ns = result.outcome.roles.iter().flatten().map(|role| role.wall_ns).min();
            // On a busy machine the warm-up may take so long that few messages are left for the timed part.
            if timed_ns.is_some_and(|ns| ns < LONGER_THAN_A_SLICE_NS) {
                order.timing.fixed_count = Some(result.count.messages * 4);
                continue;
            }
            trials += 1;
            // Beside yet other load a spinning pair may get too little time to answer, which is said and not judged.
            if why.contains("no answer") {
                println!("{} failed: {why}", order.case.key());
                continue;
            }
            assert_eq!(result.outcome.status, Status::Measured, "{why}");
            timed += 1;
            if result.outcome.verdict == Some(Verdict::Disturbed) && why.contains(&named) {
                marked += 1;
            } else {
                println!("{} is {:?}: {why}", order.case.key(), result.outcome.verdict);
            }
        }
    }
    drop(busy);
    println!("{marked} of {timed} trials beside a busy loop are marked");
    assert!(marked > 0 && 4 * marked >= 3 * timed, "only {marked} of {timed} are marked");
}

/// A control group with a CPU quota, removed when it is dropped.
struct QuotaGroup(PathBuf);

impl QuotaGroup {
    /// Quota and period in microseconds.
    const QUOTA: [&str; 2] = ["5000", "10000"];

    /// A group below the own one.
    ///
    /// Errors: the last reason why none can be made here.
    fn make() -> io::Result<Self> {
        let mut last = io::Error::other("there is no hierarchy with a CPU controller");
        for line in fs::read_to_string("/proc/self/cgroup")?.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            if !controllers.is_empty() && !controllers.split(',').any(|word| word == "cpu") {
                continue;
            }
            let own = Path::new("/sys/fs/cgroup").join(controllers).join(path.trim_start_matches('/'));
            let group = Self(own.join(run_id("ipcmark-quota")));
            match fs::create_dir(&group.0).and_then(|()| group.limit(controllers.is_empty())) {
                Ok(()) => return Ok(group),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn limit(&self, version_2: bool) -> io::Result<()> {
        // Files of the kernel exist, or the controller is not enabled here.
        let write = |name: &str, text: &str| {
            fs::OpenOptions::new()
                .write(true)
                .open(self.0.join(name))
                .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
        };
        let [quota, period] = Self::QUOTA;
        if version_2 {
            return write("cpu.max", &format!("{quota} {period}"));
        }
        write("cpu.cfs_period_us", period)?;
        write("cpu.cfs_quota_us", quota)
    }

    /// Runs a command in the group until it ends.
    fn run(&self, arguments: &[&str], directory: &Path) -> std::process::Output {
        let enter = format!("echo $$ > '{}/cgroup.procs' && exec \"$0\" \"$@\"", self.0.display());
        let mut command = Command::new("sh");
        command.args(["-c", &enter, PROGRAM]).args(arguments).current_dir(directory).stdin(Stdio::null());
        command.output().expect("a shell")
    }
}

impl Drop for QuotaGroup {
    fn drop(&mut self) {
        // A process that has ended may still be leaving the group.
        let removed = || match fs::remove_dir(&self.0) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => None,
            _ => Some(()),
        };
        wait_for("the control group to be empty", removed);
    }
}

const PLAN: &str = r#"
name = "quota"
question = "Is a CPU quota seen?"
repetitions = 3
warm_up_ms = 5
hot_ms = 60

[[cases]]
mechanism = ["shm-spsc/spin", "pipe/busy"]
measure = ["round_trip", "stream"]
message_bytes = [64]
"#;

#[test]
fn a_cpu_quota_disturbs_trials_and_is_named_before_the_run() {
    let _one = alone();
    let group = match QuotaGroup::make() {
        Ok(group) => group,
        Err(error) => {
            println!("skipped: no control group with a CPU quota can be made here: {error}");
            return;
        }
    };
    let place = folder();
    fs::write(place.path().join("plan.toml"), PLAN).expect("writable");
    let output = group.run(&["run", "--plan", "plan.toml", "--out", "out"], place.path());
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("note: this process may use 0.5 CPUs"), "{}", told(&output));
    let records = records(&place.path().join("out"));
    let timed: Vec<&Record> = records.iter().filter(|record| record.case.measure != Measure::Floors).collect();
    let named = |record: &&&Record| {
        let why = record.outcome.why.as_deref().unwrap_or_default();
        record.outcome.verdict == Some(Verdict::Disturbed) && why.contains("the CPU quota of its control group")
    };
    let marked = timed.iter().filter(named).count();
    println!("{marked} of {} trials under a quota are marked", timed.len());
    assert!(timed.len() >= 12 && 4 * marked >= 3 * timed.len(), "only {marked} of {} are marked", timed.len());
    let limits = timed[0].machine.facts.group_limits.as_ref().expect("a group limits it");
    assert_eq!(limits.quota_cpus, Some(0.5));
}
