//! A trial: fresh processes, one case, one outcome. And the session that all trials of a run share.
//!
//! A trial that fails is an outcome with a reason; nothing here fails a run.

mod attempt;
mod disturbance;
mod judge;

use std::fs::DirBuilder;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use anyhow::Context;
use ipcmark::machine::{facts, noise};
use ipcmark::protocol::{Fault, Timing};
use ipcmark::record::{Case, Count, Floors, Noise, Outcome};
use ipcmark::{address, family};

use crate::beacon::Beacon;
use crate::janitor::Janitor;
use crate::lease::{self, Lease};
use crate::participants::Participants;
use crate::signals::Signals;
use crate::supervise::Program;
use attempt::{Attempt, Stopped};
use disturbance::Conditions;

/// Path of this program, which also runs as every worker.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Case, CPUs and timing of a trial.
#[derive(Clone, Debug)]
pub struct TrialOrder {
    /// The case to measure.
    pub case: Case,
    /// One CPU per role, in order of roles; empty when the scheduler decides. Surplus CPUs are ignored.
    pub cpus: Vec<u32>,
    /// Duration, or count of messages.
    pub timing: Timing,
    /// Compare system calls, context switches and page faults with the declared cost, instead of timing anything.
    pub traced: bool,
    /// A fault to inject, which a check must catch.
    pub fault: Option<Fault>,
}

/// Outcome of a trial and everything else that its record contains.
#[derive(Debug)]
pub struct TrialResult {
    /// The metrics, or the reason why there are none.
    pub outcome: Outcome,
    /// The CPUs that the roles were pinned to.
    pub cpus: Vec<u32>,
    /// Messages of the hot phase.
    pub count: Count,
    /// Length of the warm-up.
    pub warm_up_ns: u64,
    /// Disturbances by other load.
    pub noise: Noise,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub ended_at: String,
    /// Only from a floors trial.
    pub floors: Option<Box<Floors>>,
}

/// State shared by all trials of a run: lease, janitor, directory and signal handlers. Dropping it removes everything
/// that the run created.
#[derive(Debug)]
pub struct Session {
    // Dropped first: it removes all that it lists, so the janitor has nothing left to do.
    lease: Lease,
    _janitor: Janitor,
    beacon: Beacon,
    signals: Signals,
    /// Run that waits while this one measures.
    ignored: Option<String>,
    run_id: String,
    program: PathBuf,
    participants: Participants,
    home: PathBuf,
    kernel: String,
}

impl Session {
    /// Removes what dead runs left, takes this run's lease, starts its janitor and installs the signal handlers.
    ///
    /// Errors: the id is in use or is not a file name, or the lease or the run's directory cannot be created.
    pub fn open(run_id: &str) -> anyhow::Result<Self> {
        Self::open_with(run_id, Path::new(THIS_PROGRAM))
    }

    /// Opens a session whose workers and janitor run `program`, for callers with another `main`, such as tests.
    pub fn open_with(run_id: &str, program: &Path) -> anyhow::Result<Self> {
        let folder = lease::folder()?;
        lease::sweep(&folder);
        let lease = Lease::take(&folder, run_id)?;
        let janitor = Janitor::start(program, lease.path())
            .with_context(|| format!("cannot start the janitor, {}", program.display()))?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        let home = make_home(&lease, run_id)?;
        address::lease_to(run_id, lease.for_names()?);
        let (beacon, run_id, program) = (Beacon::light(run_id), run_id.to_owned(), program.to_owned());
        let participants = Participants::embedded();
        Ok(Self {
            lease,
            _janitor: janitor,
            beacon,
            signals,
            ignored: None,
            run_id,
            program,
            participants,
            home,
            kernel: facts::kernel(),
        })
    }

    /// Replaces the built-in participants.
    #[must_use]
    pub fn with_participants(self, participants: Participants) -> Self {
        Self { participants, ..self }
    }

    /// The participants.
    pub fn participants(&self) -> &Participants {
        &self.participants
    }

    /// The program that plays the roles of `case`.
    fn program_of(&self, case: &Case) -> anyhow::Result<Program> {
        match &case.program {
            Some(name) => self.participants.program(name, &self.home),
            None => Ok(Program::own(&self.program)),
        }
    }

    /// Whether another ipcmark is running on this machine.
    pub fn other_run(&self) -> bool {
        let ignored = self.ignored.as_deref();
        self.beacon.sees_another(ignored) || lease::another_is_held(&self.lease, ignored)
    }

    /// From now on the run `run_id` does not count as another one, because it waits while this one measures.
    pub fn ignore(&mut self, run_id: &str) {
        self.ignored = Some(run_id.to_owned());
    }

    /// Waits until `stream` can be read, or has ended. False if a signal arrived first.
    pub fn readable(&self, stream: impl AsFd) -> io::Result<bool> {
        self.signals.readable(stream)
    }

    /// The signal that interrupted the run.
    pub fn interrupted(&self) -> Option<i32> {
        self.signals.arrived().map(|signal| signal as i32)
    }

    /// Runs one trial. The calling thread must outlive it, because workers die with the thread that started them.
    pub fn run_trial(&self, order: &TrialOrder) -> TrialResult {
        let started = SystemTime::now();
        let clock = Instant::now();
        let mut noise = Noise { before: noise::read(&order.cpus), other_run: self.other_run(), ..Noise::default() };
        let attempt = self.attempt(order);
        noise.after = noise::read(&order.cpus);
        noise.other_run |= self.other_run();

        let mut result = TrialResult {
            outcome: Outcome::failed("it has no outcome"),
            cpus: order.cpus.clone(),
            count: Count::default(),
            warm_up_ns: 0,
            noise,
            started_at: humantime::format_rfc3339_millis(started).to_string(),
            ended_at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            floors: None,
        };
        match attempt {
            Ok(attempt) => {
                result.noise.migrations = attempt.migrations();
                let conditions = Conditions {
                    case: &order.case,
                    noise: &result.noise,
                    elapsed: clock.elapsed(),
                    cpus: &order.cpus,
                    placed: &attempt.cpus,
                    kernel: &self.kernel,
                };
                result.outcome = judge::outcome(&order.case, &attempt, &conditions);
                attempt.describe(&mut result);
            }
            Err(Stopped::Skipped(why)) => result.outcome = Outcome::skipped(why),
            Err(Stopped::Failed(why)) => result.outcome = Outcome::failed(why),
        }
        result
    }

    fn attempt(&self, order: &TrialOrder) -> Result<Attempt, Stopped> {
        family::supports(&order.case).map_err(Stopped::Skipped)?;
        if !order.traced {
            return attempt::run(self, order);
        }
        // Tracing changes how often a process sleeps, so switches and faults are counted in a second, untraced pass.
        let traced = TrialOrder { timing: attempt::untimed(&order.timing), ..order.clone() };
        let free = TrialOrder { traced: false, ..traced.clone() };
        let (traced, free) = (attempt::run(self, &traced)?, attempt::run(self, &free)?);
        Ok(Attempt { calls: traced.calls, ..free })
    }
}

/// Creates the run's directory, after listing it in the lease.
fn make_home(lease: &Lease, run_id: &str) -> anyhow::Result<PathBuf> {
    let temporary =
        std::path::absolute(std::env::temp_dir()).context("the temporary directory has no absolute path")?;
    let random = RandomState::new().build_hasher().finish() & 0xffff_ffff;
    let home = temporary.join(format!("ipcmark.{run_id}.{random:08x}"));
    lease.list_directory(&home)?;
    DirBuilder::new().mode(0o700).create(&home).with_context(|| {
        format!("cannot create the run's directory {}; set TMPDIR to a directory with free space", home.display())
    })?;
    Ok(home)
}
