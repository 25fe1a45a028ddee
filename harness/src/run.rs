//! A run: plan -> trials -> records -> report. [`Run::execute`] is the pipeline.
//!
//! [`Run::prepare`] finds all errors of the call, the plan and the directory before any worker starts. After that a failed
//! trial is a record, and the next one starts.

mod added;
mod begin;
mod outlook;
mod retry;
pub mod turns;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use ipcmark::machine::energy;
use ipcmark::measure::floors;
use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Count, Facts, Machine, Measure, Noise, Outcome, Record, SCHEMA, Status, Suite, Verdict};
use ipcmark::{build_info, machine};
use ipcmark_reports::{Report, supersedes};

pub use self::added::AddedRepetitions;
use self::begin::Begun;
pub(crate) use self::begin::random;
pub use self::begin::{enough_open_files, fresh_run_id};
pub use self::outlook::describe;
use self::outlook::predicted_ns;
use crate::participants::Participants;
use crate::plan::{Changes, Ground, Plan, Planned, Text};
use crate::progress::Progress;
use crate::schedule::{Trial, schedule};
use crate::store::{Settings, Store};
use crate::trial::{Session, TrialOrder, TrialResult};

/// Default plan.
pub const DEFAULT_PLAN: &str = "quick";

/// Directory of runs without a directory of their own.
pub const DEFAULT_RUNS: &str = "ipcmark-runs";

/// Where a run's files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A new directory below `./ipcmark-runs`, named after plan and time.
    Fresh,
    /// This directory, which must not hold a run yet.
    New(PathBuf),
    /// This directory; the run it holds is removed first.
    Replace(PathBuf),
    /// Resume the run in this directory.
    Resume(PathBuf),
}

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name or path; [`DEFAULT_PLAN`] when absent, or the plan of the resumed run.
    pub plan: Option<String>,
    /// A plan that was made in memory, instead of one by name.
    pub text: Option<Text>,
    /// Changes to the plan by command line options.
    pub changes: Changes,
    /// Seed of the shuffle; a fresh one when absent.
    pub seed: Option<u64>,
    /// Files of participants beside the built-in ones. Ignored when a run is resumed.
    pub participants: Vec<PathBuf>,
    /// Where the files go.
    pub destination: Destination,
    /// No progress.
    pub quiet: bool,
}

impl Options {
    /// The plan's text.
    ///
    /// Errors: there is no such plan.
    fn plan_text(&self) -> anyhow::Result<Text> {
        let find = || Text::find(self.plan.as_deref().unwrap_or(DEFAULT_PLAN));
        self.text.clone().map_or_else(find, Ok)
    }
}

/// A run that is ready to start.
pub struct Run {
    plan: Plan,
    settings: Settings,
    store: Store,
    session: Session,
    suite: Arc<Suite>,
    machine: Arc<Machine>,
    /// Records that count, of earlier parts of this run too.
    records: Vec<Record>,
    notes: Vec<String>,
    quiet: bool,
}

/// Place of a trial in the run.
#[derive(Clone, Copy)]
struct Place<'a> {
    case: &'a Case,
    repetition: u32,
    attempt: u32,
    added: bool,
    order: u32,
}

impl<'a> Place<'a> {
    /// First attempt at a trial of the plan.
    fn of(trial: &Trial<'a>) -> Self {
        let Trial { planned, repetition, order } = *trial;
        Self { case: &planned.case, repetition, attempt: 0, added: false, order }
    }
}

/// Result of a run.
#[derive(Debug)]
pub struct Finished {
    /// Where its files are.
    pub directory: PathBuf,
    /// There is none without a record.
    pub report: Option<Report>,
    /// The records that count, earlier parts included.
    pub records: Vec<Record>,
    /// Repetitions beyond the plan's, if they were asked for.
    pub added: Option<AddedRepetitions>,
    /// The signal that ended it early.
    pub interrupted: Option<i32>,
    /// Whether the plan fails if a case is faster than its floor.
    pub hold_to_floors: bool,
}

impl Run {
    /// Checks call, plan, limits and directory, and opens the session. No worker starts.
    ///
    /// Errors: one sentence with the mistake and the accepted values.
    pub fn prepare(options: &Options) -> anyhow::Result<Self> {
        let machine = Arc::new(machine::describe());
        let Begun { plan, settings, store, session, records, notes } = begin::begin(options, &machine.facts)?;
        let suite = Arc::new(Suite {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: build_info::revision(),
            build: build_info::build(),
            plan: plan.name.clone(),
            question: plan.question.clone(),
            answers: plan.answers.clone(),
            plan_hash: plan.hash.clone(),
            seed: settings.seed,
            versions: versions(&plan, session.participants()),
        });
        let quiet = options.quiet;
        Ok(Self { plan, settings, store, session, suite, machine, records, notes, quiet })
    }

    /// Describes what will run, the predicted time and the directory, as lines of text.
    pub fn announcement(&self) -> String {
        let pending = self.pending(&self.plan);
        let no_floors = hopeless(&pending) || self.floors_tried();
        let mut lines = vec![describe(&self.plan, self.suite.seed, &pending, no_floors)];
        if hopeless(&pending) {
            let reasons: BTreeSet<&str> =
                pending.iter().filter_map(|trial| trial.planned.obstacle.as_deref()).collect();
            lines.extend(reasons.iter().map(|reason| format!("cannot run here: {reason}")));
        }
        if !self.records.is_empty() {
            lines.push(format!("resumed: {} earlier records are kept", self.records.len()));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.extend(limits_noted(&self.machine.facts).into_iter().map(|note| format!("note: {note}")));
        if self.session.other_run() {
            lines.push(
                "note: another ipcmark is running on this machine, so records will be marked disturbed".to_owned(),
            );
        }
        lines.push(format!("records go to {}", self.store.directory().display()));
        lines.join("\n")
    }

    /// Runs the pending trials, writes each record at once, and writes the report.
    ///
    /// Errors: the records or the report cannot be written. Earlier records stay.
    pub fn execute(mut self) -> anyhow::Result<Finished> {
        let plan = self.plan.clone();
        let pending = self.pending(&plan);
        let mut progress = Progress::new(self.quiet, pending.len() as u64, predicted_ns(&plan, &pending));
        // Skips the floors if no case can run.
        if !hopeless(&pending) {
            self.find_floors(&progress)?;
        }
        progress.restart();
        for trial in &pending {
            let result = self.trial(trial.planned);
            self.keep(Place::of(trial), result, &progress)?;
            if self.session.interrupted().is_some() {
                break;
            }
            progress.advance(plan.predicted_ns(trial.planned));
        }
        self.retry_disturbed(&plan, &mut progress)?;
        let added = self.add_repetitions(&plan, &mut progress)?;
        progress.finish();
        self.finish(added)
    }

    /// Saves the records and writes the report.
    fn finish(self, added: Option<AddedRepetitions>) -> anyhow::Result<Finished> {
        self.store.finish()?;
        let directory = self.store.directory().to_owned();
        let report = if self.records.is_empty() { None } else { Some(draw(&directory)?) };
        let (interrupted, hold_to_floors) = (self.session.interrupted(), self.plan.hold_to_floors);
        Ok(Finished { interrupted, directory, report, records: self.records, added, hold_to_floors })
    }

    /// Trials without a record.
    fn pending<'plan>(&self, plan: &'plan Plan) -> Vec<Trial<'plan>> {
        let done: HashSet<(&str, u32)> = self.records.iter().map(|r| (r.case_key.as_str(), r.repetition)).collect();
        let mut trials = schedule(plan, self.suite.seed);
        trials.retain(|trial| !done.contains(&(trial.planned.case.key().as_str(), trial.repetition)));
        trials
    }

    fn floors_tried(&self) -> bool {
        self.records.iter().any(|record| record.case.measure == Measure::Floors)
    }

    /// Measures the machine's floors, once per run. Every record has them.
    fn find_floors(&mut self, progress: &Progress) -> anyhow::Result<()> {
        let machine = Arc::make_mut(&mut self.machine);
        machine.floors = self.records.iter().find_map(|record| record.machine.floors.clone());
        machine.sensors.idle_watts = self.records.iter().find_map(|record| record.machine.sensors.idle_watts);
        if self.floors_tried() {
            return Ok(());
        }
        progress.print_line("measuring the floors of this machine ...");
        Arc::make_mut(&mut self.machine).sensors.idle_watts = energy::idle_watts(IDLE);
        let order = floors_order(&Ground::here(), &self.plan.timing);
        let mut result = self.session.run_trial(&order);
        Arc::make_mut(&mut self.machine).floors = result.floors.take().map(|floors| *floors);
        self.keep(Place { case: &order.case, repetition: 0, attempt: 0, added: false, order: 0 }, result, progress)
    }

    fn trial(&self, planned: &Planned) -> TrialResult {
        match &planned.obstacle {
            Some(reason) => skipped(reason),
            None => self.session.run_trial(&TrialOrder {
                case: planned.case.clone(),
                cpus: planned.cpus.clone(),
                timing: self.plan.timing_of(&planned.case),
                traced: planned.case.measure == Measure::CostModel,
                fault: None,
            }),
        }
    }

    /// Writes a trial's record, except for a trial that a signal aborted: it runs again when the run is resumed.
    fn keep(&mut self, place: Place<'_>, result: TrialResult, progress: &Progress) -> anyhow::Result<()> {
        let Place { case, repetition, attempt, added, order } = place;
        if self.session.interrupted().is_some() && result.outcome.status == Status::Failed {
            return Ok(());
        }
        let record = Record {
            schema: SCHEMA,
            run_id: self.settings.run_id.clone(),
            suite: self.suite.clone(),
            machine: self.machine.clone(),
            case: ipcmark::family::resolved(case),
            case_key: case.key(),
            repetition,
            attempt,
            added,
            order_in_run: order,
            started_at: result.started_at,
            ended_at: result.ended_at,
            cpus: result.cpus,
            count: result.count,
            warm_up_ns: result.warm_up_ns,
            noise: result.noise,
            outcome: result.outcome,
        };
        self.store.append(&record)?;
        if let Some(failure) = failure(&record) {
            progress.print_line(&failure);
        }
        let same = |known: &&mut Record| known.repetition == repetition && known.case_key == record.case_key;
        match self.records.iter_mut().find(|known| attempt > 0 && same(known)) {
            Some(earlier) if supersedes(&record, earlier) => *earlier = record,
            Some(_) => {}
            None => self.records.push(record),
        }
        Ok(())
    }
}

impl Finished {
    /// A line for every trial that failed or whose check failed.
    pub fn failures(&self) -> Vec<String> {
        self.records.iter().filter_map(failure).collect()
    }

    /// A line for every case that is faster than its floor.
    pub fn below_floor(&self) -> Vec<String> {
        let lines = ipcmark_reports::below_floor(&ipcmark_reports::summarise(&self.records));
        lines.into_iter().map(|line| format!("below its floor: {line}")).collect()
    }
}

/// The plan of a dry run, resolved for this machine, and its seed.
///
/// Errors: what is wrong with the plan, with file and line.
pub fn resolve(options: &Options) -> anyhow::Result<(Plan, u64)> {
    let text = options.plan_text()?;
    let participants = Participants::with(&begin::participants(options)?)?;
    let plan = text.plan(&Ground::with(&participants), &options.changes)?;
    Ok((plan, options.seed.unwrap_or_else(begin::random)))
}

/// Versions of the libraries built in, and of the participants in the plan.
fn versions(plan: &Plan, participants: &Participants) -> BTreeMap<String, String> {
    let mut versions = build_info::libraries();
    for name in plan.cases.iter().filter_map(|planned| planned.case.program.as_deref()) {
        versions.extend(participants.version(name).map(|version| (name.to_owned(), version.to_owned())));
    }
    versions
}

/// Time in which the power of the idle machine is read.
const IDLE: Duration = Duration::from_millis(300);
/// Weights of a control group by default.
const USUAL_WEIGHTS: [&str; 2] = ["cpu.weight 100", "cpu.shares 1024"];

/// A sentence for each limit of the control groups that changes what a run can reach.
fn limits_noted(facts: &Facts) -> Vec<String> {
    let Some(limits) = &facts.group_limits else { return vec![] };
    let allowed = facts.cpus_allowed.len() as f64;
    let quota = limits.quota().filter(|_| limits.quota_cpus.is_some_and(|quota| quota < allowed)).map(|quota| {
        let consequence = "a trial that needs more is throttled and marked disturbed";
        format!("this process may use {quota} (quota of its control group): {consequence}")
    });
    let weight = limits.weight.as_ref().filter(|weight| !USUAL_WEIGHTS.contains(&weight.as_str()));
    let weight = weight.map(|weight| format!("this process has a CPU weight other than usual ({weight})"));
    quota.into_iter().chain(weight).collect()
}

/// Writes the report from the files, as any later report will do.
fn draw(directory: &Path) -> anyhow::Result<Report> {
    let recording = ipcmark_reports::read(&[directory.to_owned()])?;
    ipcmark_reports::write(&recording, directory).context("cannot draw the report")
}

fn failure(record: &Record) -> Option<String> {
    let outcome = &record.outcome;
    let broken = outcome.status == Status::Failed || outcome.verdict == Some(Verdict::Invalid);
    let why = outcome.why.as_deref().unwrap_or("no reason was given");
    broken.then(|| format!("failed: {} (repetition {}): {why}", record.case_key, record.repetition))
}

/// Whether this machine can run none of the pending trials.
fn hopeless(pending: &[Trial<'_>]) -> bool {
    pending.iter().all(|trial| trial.planned.obstacle.is_some())
}

fn skipped(reason: &str) -> TrialResult {
    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    TrialResult {
        outcome: Outcome::skipped(reason),
        cpus: vec![],
        count: Count::default(),
        warm_up_ns: 0,
        noise: Noise::default(),
        started_at: now.clone(),
        ended_at: now,
        floors: None,
    }
}

/// The order that measures the floors, on the closest two cores this machine has.
pub fn floors_order(ground: &Ground, timing: &Timing) -> TrialOrder {
    let case = floors::case(ground.nearest);
    let cpus = ground.cpus(ground.nearest).unwrap_or_default();
    TrialOrder { case, cpus, timing: timing.clone(), traced: false, fault: None }
}
