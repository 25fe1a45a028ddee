//! Lines of `records.jsonl`. What the trials of a run share is written once, in a line that they name: suite and machine in
//! a [`RunLine`], the case and its declared cost in a [`CaseLine`]. A [`TrialLine`] has the rest.
//!
//! Runs are named by `run_id` and `part`, cases by `run_id` and `number`, so recordings may be joined in any order. A
//! [`Record`] with everything in one line is read as well: that is all there was before form 3.

mod codec;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use codec::{Decoder, Encoder};

use super::{
    Case, CostModel, Count, Counters, Machine, Noise, NoiseReading, Outcome, Record, RoleCost, SCHEMA, SpinBudget,
    Suite, Window, is_usual,
};

/// One line of `records.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Line {
    /// Suite and machine of the trials that name it.
    Run(RunLine),
    /// Case of the trials that name it.
    Case(Box<CaseLine>),
    /// One trial.
    Trial(Box<TrialLine>),
    /// One trial, complete in itself.
    Record(Box<Record>),
}

/// Suite and machine of the trials of a run. It is known by having a `suite` and no `case`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run_id: String,
    /// Part of the run, from 0: a run that is resumed begins another one.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub part: u32,
    /// What ran: the suite's own identity and the plan.
    pub suite: Arc<Suite>,
    /// Where it ran.
    pub machine: Arc<Machine>,
}

/// Case of some trials of a run. It is known by having a `case` with a `family`, and no `repetition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseLine {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run_id: String,
    /// The number by which trials of this run name the case.
    pub number: u32,
    /// What was asked.
    pub case: Case,
    /// The case as a path, stable between runs: see [`Case::key`].
    pub case_key: String,
    /// What the mechanism declares one message to cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_model: Option<CostModel>,
}

/// One trial; its suite and machine are in a [`RunLine`], its case in a [`CaseLine`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialLine {
    /// Version of this form, [`SCHEMA`].
    pub schema: u32,
    /// The run this trial belongs to.
    pub run_id: String,
    /// Part of the run.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub part: u32,
    /// Number of the case in this run.
    pub case: u32,
    /// Which repetition, each with fresh processes, from 0.
    pub repetition: u32,
    /// Which attempt at this repetition, from 0. A disturbed trial is tried again at the end of the run; the last
    /// attempt that was not disturbed counts, else the last one.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub attempt: u32,
    /// Added to the plan's repetitions, because the interval of the case was wide.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub added: bool,
    /// Position of this trial in the shuffled schedule, from 0.
    pub order_in_run: u32,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC; absent where it is `took_ms` after the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// From start to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// CPUs the roles were pinned to, in order of role; absent when unpinned, and where each role has its `cpu`.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub cpus: Vec<u32>,
    /// How many messages the hot phase carried and who chose that.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub count: Count,
    /// Length of the warm-up before the hot phase.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub warm_up_ns: u64,
    /// Disturbances seen around the trial.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub noise: NoiseLine,
    /// Result, without what stands beside it here: windows, roles, and the cost model of the case.
    pub outcome: Outcome,
    /// The hot phase in slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<WindowColumns>,
    /// What each role used between hot start and hot end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<RoleLine>>,
}

/// Disturbances around a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoiseLine {
    /// Just before.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub before: NoiseReading,
    /// Just after; absent where it reads as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<NoiseReading>,
    /// Times a pinned role was found on another CPU, or an unpinned one moved.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub migrations: u64,
    /// Another ipcmark ran on this machine at the time.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub other_run: bool,
}

/// The hot phase in slices, a column for each property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowColumns {
    /// Length of each.
    pub elapsed_ns: Vec<u64>,
    /// Messages, or round trips, completed in each; or in all, where the k-th of n slices, from 0, has its share: the whole
    /// part of all * (k + 1) / n less that of all * k / n.
    pub messages: WindowMessages,
    /// From hot start; absent where each slice begins as the one before it ends, the first at 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<Vec<u64>>,
}

/// Messages of the slices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WindowMessages {
    /// In all, in equal shares.
    All(u64),
    /// In each.
    Each(Vec<u64>),
}

/// What a role used between hot start and hot end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RoleLine {
    /// `sender`, `receiver`, ...
    pub role: String,
    /// The CPU it was pinned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Its messages; absent where it has as many as the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Length of its hot phase; absent where it is the sum of the three states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ns: Option<u64>,
    /// Time in each state: on a CPU, waiting for one, and neither.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub states_ns: [u64; 3],
    /// CPU time: user, system.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub cpu_ns: [u64; 2],
    /// Context switches: voluntary, involuntary.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub switches: [u64; 2],
    /// Page faults: minor, major.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub faults: [u64; 2],
    /// Times it was found on another CPU.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub migrations: u64,
    /// CPU time of the process's other threads that are bound to the same CPU, such as those of a library.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub own_threads_ns: u64,
    /// Time of one step of a chain of dependent instructions, at the start and at the end: it changes with the core's clock
    /// frequency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_step_ns: Option<[f64; 2]>,
    /// Price of one pause hint, measured before the trial by the process that reports the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ns: Option<f64>,
    /// Times to spin that this process used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spin_budgets: Vec<SpinBudget>,
    /// Hardware counters, where they are granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
    /// Energy of all packages, of the leader only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_energy_uj: Option<u64>,
}

impl RunLine {
    fn of(record: &Record, part: u32) -> Self {
        let Record { run_id, suite, machine, .. } = record;
        Self { schema: SCHEMA, run_id: run_id.clone(), part, suite: suite.clone(), machine: machine.clone() }
    }

    fn has(&self, record: &Record) -> bool {
        self.run_id == record.run_id && self.suite == record.suite && self.machine == record.machine
    }
}

impl CaseLine {
    fn of(record: &Record, number: u32) -> Self {
        let Record { run_id, case, case_key, outcome, .. } = record;
        let cost_model = outcome.cost_model.clone();
        let (run_id, case, case_key) = (run_id.clone(), case.clone(), case_key.clone());
        Self { schema: SCHEMA, run_id, number, case, case_key, cost_model }
    }

    fn has(&self, record: &Record) -> bool {
        self.run_id == record.run_id && self.case == record.case && self.cost_model == record.outcome.cost_model
    }
}

impl TrialLine {
    fn of(record: &Record, part: u32, case: u32) -> Self {
        let record = record.clone();
        let messages = record.count.messages;
        let Outcome { windows, roles, .. } = record.outcome;
        let roles: Option<Vec<RoleLine>> =
            roles.map(|roles| roles.into_iter().map(|role| RoleLine::of(role, messages)).collect());
        let took_ms = took_ms(&record.started_at, &record.ended_at);
        let cpus = if pinned(roles.as_deref()) == record.cpus { vec![] } else { record.cpus };
        Self {
            schema: SCHEMA,
            run_id: record.run_id,
            part,
            case,
            repetition: record.repetition,
            attempt: record.attempt,
            added: record.added,
            order_in_run: record.order_in_run,
            started_at: record.started_at,
            ended_at: took_ms.is_none().then_some(record.ended_at),
            took_ms,
            cpus,
            count: record.count,
            warm_up_ns: record.warm_up_ns,
            noise: NoiseLine::of(record.noise),
            windows: windows.as_deref().map(WindowColumns::of),
            roles,
            outcome: Outcome { windows: None, roles: None, cost_model: None, ..record.outcome },
        }
    }

    /// The record of this trial.
    ///
    /// Errors: a sentence about columns that do not fit, or about an end that is missing.
    fn record(self, run: &RunLine, case: &CaseLine) -> Result<Record, String> {
        let messages = self.count.messages;
        let windows = self.windows.map(WindowColumns::windows).transpose()?;
        let cpus = if self.cpus.is_empty() { pinned(self.roles.as_deref()) } else { self.cpus };
        let ended_at = self.ended_at.or_else(|| after(&self.started_at, self.took_ms?));
        let ended_at =
            ended_at.ok_or_else(|| format!("no `ended_at`, and no `took_ms` after {:?}", self.started_at))?;
        let roles = self.roles.map(|roles| roles.into_iter().map(|role| role.cost(messages)).collect());
        Ok(Record {
            schema: self.schema,
            run_id: self.run_id,
            suite: run.suite.clone(),
            machine: run.machine.clone(),
            case: case.case.clone(),
            case_key: case.case_key.clone(),
            repetition: self.repetition,
            attempt: self.attempt,
            added: self.added,
            order_in_run: self.order_in_run,
            started_at: self.started_at,
            ended_at,
            cpus,
            count: self.count,
            warm_up_ns: self.warm_up_ns,
            noise: self.noise.noise(),
            outcome: Outcome { windows, roles, cost_model: case.cost_model.clone(), ..self.outcome },
        })
    }
}

/// Whole milliseconds from start to end, if the end follows from them.
fn took_ms(started_at: &str, ended_at: &str) -> Option<u64> {
    let time = |text| humantime::parse_rfc3339(text).ok();
    let took = time(ended_at)?.duration_since(time(started_at)?).ok()?;
    let took_ms = u64::try_from(took.as_millis()).ok()?;
    (after(started_at, took_ms)? == ended_at).then_some(took_ms)
}

fn after(started_at: &str, took_ms: u64) -> Option<String> {
    let ended = humantime::parse_rfc3339(started_at).ok()?.checked_add(Duration::from_millis(took_ms))?;
    // Later times have no such form.
    let last = humantime::parse_rfc3339("9999-12-31T23:59:59Z").ok()?;
    (ended <= last).then(|| humantime::format_rfc3339_millis(ended).to_string())
}

/// CPUs of the roles, if each has one.
fn pinned(roles: Option<&[RoleLine]>) -> Vec<u32> {
    roles.unwrap_or_default().iter().map(|role| role.cpu).collect::<Option<_>>().unwrap_or_default()
}

impl NoiseLine {
    fn of(noise: Noise) -> Self {
        let Noise { before, after, migrations, other_run } = noise;
        let after = (after != before).then_some(after);
        Self { before, after, migrations, other_run }
    }

    fn noise(self) -> Noise {
        let Self { before, after, migrations, other_run } = self;
        Noise { after: after.unwrap_or_else(|| before.clone()), before, migrations, other_run }
    }
}

impl WindowColumns {
    fn of(windows: &[Window]) -> Self {
        let column = |property: fn(&Window) -> u64| windows.iter().map(property).collect::<Vec<u64>>();
        let (elapsed_ns, each) = (column(|it| it.elapsed_ns), column(|it| it.messages));
        let all = each.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let messages =
            if each == shares(all, each.len()) { WindowMessages::All(all) } else { WindowMessages::Each(each) };
        let start_ns = Some(column(|it| it.start_ns)).filter(|starts| *starts != ends(&elapsed_ns));
        Self { elapsed_ns, messages, start_ns }
    }

    fn windows(self) -> Result<Vec<Window>, String> {
        let count = self.elapsed_ns.len();
        let messages = match self.messages {
            WindowMessages::All(all) => shares(all, count),
            WindowMessages::Each(each) => each,
        };
        let starts = self.start_ns.unwrap_or_else(|| ends(&self.elapsed_ns));
        if messages.len() != count || starts.len() != count {
            return Err(format!(
                "its windows have {count} lengths, {} counts and {} starts",
                messages.len(),
                starts.len()
            ));
        }
        let rows = starts.into_iter().zip(self.elapsed_ns).zip(messages);
        Ok(rows.map(|((start_ns, elapsed_ns), messages)| Window { start_ns, elapsed_ns, messages }).collect())
    }
}

/// `all` in equal shares.
fn shares(all: u64, count: usize) -> Vec<u64> {
    let up_to = |k: usize| (u128::from(all) * k as u128 / count as u128) as u64;
    (0..count).map(|k| up_to(k + 1) - up_to(k)).collect()
}

/// Where each slice begins, if the one before ends there.
fn ends(elapsed_ns: &[u64]) -> Vec<u64> {
    let begin = |end: &mut u64, length: &u64| {
        let begin = *end;
        *end = begin.saturating_add(*length);
        Some(begin)
    };
    elapsed_ns.iter().scan(0, begin).collect()
}

impl RoleLine {
    fn of(cost: RoleCost, messages: u64) -> Self {
        // Without `..`, so that a new field is not forgotten here.
        let RoleCost {
            role,
            cpu,
            messages: own_messages,
            wall_ns,
            user_ns,
            system_ns,
            voluntary_switches,
            involuntary_switches,
            minor_faults,
            major_faults,
            running_ns,
            ready_ns,
            blocked_ns,
            migrations,
            own_threads_ns,
            core_step_ns,
            pause_ns,
            spin_budgets,
            counters,
            package_energy_uj,
        } = cost;
        let states_ns = [running_ns, ready_ns, blocked_ns];
        Self {
            role,
            cpu,
            messages: (own_messages != messages).then_some(own_messages),
            wall_ns: (wall_ns != sum(states_ns)).then_some(wall_ns),
            states_ns,
            cpu_ns: [user_ns, system_ns],
            switches: [voluntary_switches, involuntary_switches],
            faults: [minor_faults, major_faults],
            migrations,
            own_threads_ns,
            core_step_ns,
            pause_ns,
            spin_budgets,
            counters,
            package_energy_uj,
        }
    }

    fn cost(self, messages: u64) -> RoleCost {
        let ([running_ns, ready_ns, blocked_ns], [user_ns, system_ns]) = (self.states_ns, self.cpu_ns);
        let ([voluntary_switches, involuntary_switches], [minor_faults, major_faults]) = (self.switches, self.faults);
        RoleCost {
            role: self.role,
            cpu: self.cpu,
            messages: self.messages.unwrap_or(messages),
            wall_ns: self.wall_ns.unwrap_or_else(|| sum(self.states_ns)),
            user_ns,
            system_ns,
            voluntary_switches,
            involuntary_switches,
            minor_faults,
            major_faults,
            running_ns,
            ready_ns,
            blocked_ns,
            migrations: self.migrations,
            own_threads_ns: self.own_threads_ns,
            core_step_ns: self.core_step_ns,
            pause_ns: self.pause_ns,
            spin_budgets: self.spin_budgets,
            counters: self.counters,
            package_energy_uj: self.package_energy_uj,
        }
    }
}

fn sum(states_ns: [u64; 3]) -> u64 {
    states_ns.into_iter().fold(0, u64::saturating_add)
}
