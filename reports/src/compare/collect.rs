//! Small numbers of each trial, so that a thousand recordings fit into memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use ipcmark_record::{Case, CostModel, Facts, Floors, Measure, Placement, Record, Status, Suite, Verdict, metric};

use crate::analyse::core_to_core::Map;
use crate::analyse::cost_model::Moment;
use crate::analyse::distance::{Distance, Place, Sighting, cpus, places, reading};
use crate::analyse::statistics::median;
use crate::analyse::trials::{cost_ns, is_usable};
use crate::identity::{Machines, machine_id};
use crate::read::Attempt;

/// Collects the trials of several arms.
#[derive(Debug, Default)]
pub struct Collector {
    pub(super) arms: Vec<ArmData>,
    cases: Numbered<String>,
    pub(super) of_case: Vec<CaseData>,
    seen: Machines,
    machines: Numbered<String>,
    runs: Numbered<(usize, String, String)>,
    pub(super) of_run: Vec<RunData>,
    cpu_sets: Numbered<Vec<u32>>,
    reasons: Numbered<String>,
    trials: Vec<Trial>,
    /// Maps of round trips between CPUs, by arm.
    pub(super) maps: Vec<Map>,
    /// Prices of a pause hint, by arm.
    pub(super) pauses: Vec<Vec<f32>>,
    /// Trial of each run, case and repetition.
    at: HashMap<(u32, u32, u32), u32>,
}

/// Arm of a comparison.
#[derive(Debug)]
pub struct ArmData {
    /// Name.
    pub name: String,
    /// Number of records.
    pub records: usize,
}

/// What a comparison keeps of a case.
#[derive(Debug)]
pub struct CaseData {
    /// Recorded key.
    pub key: String,
    /// Parameters.
    pub case: Case,
    /// Declared cost of a message.
    pub cost_model: Option<CostModel>,
}

/// What a comparison keeps of a run.
#[derive(Debug)]
pub struct RunData {
    /// Arm.
    pub arm: usize,
    /// Number of its machine, once all records are known.
    pub machine: usize,
    /// Suite and plan.
    pub suite: Arc<Suite>,
    /// Facts of the machine, as in the first record.
    pub facts: Facts,
    /// Floors of the machine.
    pub floors: Option<Floors>,
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Measured, and every check passed.
    Usable,
    /// Measured while something else disturbed it.
    Disturbed,
    /// Measured, without keeping up with the offered rate.
    Overloaded,
    /// Lost updates without a lock, as expected.
    Caught,
    /// Broken, or failed a check.
    Broken,
    /// Not able to run.
    Skipped,
}

impl Standing {
    fn of(record: &Record) -> Self {
        match (record.outcome.status, record.outcome.verdict) {
            (Status::Skipped, _) => Self::Skipped,
            _ if !is_usable(record) => Self::Broken,
            (_, Some(Verdict::Disturbed)) => Self::Disturbed,
            (_, Some(Verdict::Overloaded)) => Self::Overloaded,
            (_, Some(Verdict::Caught)) => Self::Caught,
            _ => Self::Usable,
        }
    }

    /// Whether the trial has numbers that count.
    pub fn counts(self) -> bool {
        matches!(self, Self::Usable | Self::Overloaded | Self::Caught)
    }
}

/// Trial in small.
#[derive(Clone, Debug)]
pub struct Trial {
    case: u32,
    run: u32,
    order: u32,
    attempt: Attempt,
    cpu_set: u32,
    why: Option<u32>,
    /// What became of it.
    pub standing: Standing,
    /// Nanoseconds for one round trip, message or other unit.
    pub cost_ns: Option<f64>,
    /// 99th percentile of an open loop's latency.
    pub p99_ns: Option<f64>,
    /// Floor beside it, in the same unit; `None` for a reference.
    pub floor_ns: Option<f64>,
    reading_ns: Option<f64>,
    /// Prices beside it.
    pub moment: Moment,
    /// Whether its roles shared one CPU.
    pub one_cpu: bool,
    /// Distance of its CPUs.
    pub distance: Option<Distance>,
    /// Whether its CPUs moved during it.
    pub lost: bool,
}

/// Trials of a case in one run.
pub type InRun<'a> = (usize, Vec<&'a Trial>);

impl Collector {
    /// Collector without arms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an arm and returns its number, from 0.
    pub fn arm(&mut self, name: impl Into<String>) -> usize {
        let name = name.into();
        self.maps.push(Map::new(&name));
        self.arms.push(ArmData { name, records: 0 });
        self.pauses.push(Vec::new());
        self.arms.len() - 1
    }

    /// Takes what a comparison needs from a record of an arm. Floors of the machine are kept, untimed cases are not.
    pub fn add(&mut self, arm: usize, record: &Record) {
        self.arms[arm].records += 1;
        self.seen.add(record);
        let run = self.runs.number((arm, record.run_id.clone(), machine_id(&record.machine.facts)));
        if run == self.of_run.len() {
            let (suite, facts) = (Arc::clone(&record.suite), record.machine.facts.clone());
            self.of_run.push(RunData { arm, machine: 0, suite, facts, floors: None });
        }
        if self.of_run[run].floors.is_none() {
            self.of_run[run].floors.clone_from(&record.machine.floors);
        }
        if let Some(found) = record.outcome.core_to_core.as_deref().filter(|_| is_usable(record)) {
            self.maps[arm].add(found);
        }
        let roles = record.outcome.roles.iter().flatten();
        self.pauses[arm].extend(roles.filter_map(|role| role.pause_ns).map(|ns| ns as f32));
        if record.case.measure == Measure::Floors || record.case.main_metric().is_none() {
            return;
        }
        let case = self.cases.number(record.case_key.clone());
        if case == self.of_case.len() {
            self.of_case.push(CaseData { key: record.case_key.clone(), case: record.case.clone(), cost_model: None });
        }
        if self.of_case[case].cost_model.is_none() {
            self.of_case[case].cost_model.clone_from(&record.outcome.cost_model);
        }
        self.keep(small(case), small(run), record);
    }

    /// Of several attempts at one repetition one counts; see [`Attempt::supersedes`].
    fn keep(&mut self, case: u32, run: u32, record: &Record) {
        let floor = record.outcome.floor.as_ref().filter(|floor| floor.ns > 0.0);
        let trial = Trial {
            case,
            run,
            order: record.order_in_run,
            attempt: Attempt::of(record),
            cpu_set: small(self.cpu_sets.number(cpus(&record.cpus))),
            why: record.outcome.why.clone().map(|why| small(self.reasons.number(why))),
            standing: Standing::of(record),
            cost_ns: cost_ns(record).filter(|&ns| ns.is_finite() && ns > 0.0 && is_usable(record)),
            p99_ns: record
                .outcome
                .metric(metric::P99_NS)
                .filter(|_| record.case.measure == Measure::Paced && is_usable(record)),
            floor_ns: floor.filter(|floor| !floor.reference).map(|floor| floor.ns),
            reading_ns: reading(record),
            moment: floor.map(Moment::beside).unwrap_or_default(),
            one_cpu: record.cpus.len() == 1 || record.case.placement == Placement::SameCpu,
            distance: None,
            lost: false,
        };
        let next = small(self.trials.len());
        let at = *self.at.entry((run, case, record.repetition)).or_insert(next);
        match self.trials.get_mut(at as usize) {
            None => self.trials.push(trial),
            Some(earlier) if trial.attempt.supersedes(earlier.attempt) => *earlier = trial,
            Some(_) => {}
        }
    }

    /// Reads the distance of the CPUs of each trial, by machine.
    pub(super) fn locate(&mut self) {
        for run in &mut self.of_run {
            run.machine = self.machines.number(self.seen.id(&run.facts));
        }
        // The place of each repetition is no longer needed.
        self.at = HashMap::new();
        let mut by_machine: Vec<Vec<usize>> = vec![Vec::new(); self.machines.names.len()];
        for (index, trial) in self.trials.iter().enumerate() {
            by_machine[self.of_run[trial.run as usize].machine].push(index);
        }
        for members in by_machine {
            let sightings: Vec<Sighting<(u32, u32)>> = members
                .iter()
                .map(|&at| {
                    let trial = &self.trials[at];
                    Sighting {
                        placement: self.of_case[trial.case as usize].case.placement,
                        site: (trial.run, trial.cpu_set),
                        order: trial.order,
                        reading_ns: trial.reading_ns,
                        usable: trial.cost_ns.is_some(),
                    }
                })
                .collect();
            for (at, place) in members.into_iter().zip(places(&sightings).0) {
                let trial = &mut self.trials[at];
                trial.distance = if let Place::At(distance) = place { Some(distance) } else { None };
                trial.lost = place == Place::Unknown;
            }
        }
    }

    /// Trials of each arm and case by run: `[arm][case]`.
    pub(super) fn by_case(&self) -> Vec<Vec<Vec<InRun<'_>>>> {
        let mut all = vec![vec![Vec::<InRun<'_>>::new(); self.of_case.len()]; self.arms.len()];
        for trial in &self.trials {
            let run = trial.run as usize;
            let runs = &mut all[self.of_run[run].arm][trial.case as usize];
            match runs.iter_mut().rev().find(|(known, _)| *known == run) {
                Some((_, trials)) => trials.push(trial),
                None => runs.push((run, vec![trial])),
            }
        }
        all
    }

    /// Reason recorded for a trial.
    pub(super) fn why(&self, trial: &Trial) -> Option<&str> {
        Some(&self.reasons.names[trial.why? as usize])
    }

    /// Runs of an arm.
    pub(super) fn runs(&self, arm: usize) -> impl Iterator<Item = &RunData> {
        self.of_run.iter().filter(move |run| run.arm == arm)
    }

    /// Name of a machine: host and processor, as in its first run.
    pub(super) fn machine(&self, number: usize) -> String {
        let facts = self.of_run.iter().find(|run| run.machine == number).map(|run| &run.facts);
        facts.map_or_else(String::new, |facts| format!("{} ({})", facts.hostname, facts.cpu_model))
    }
}

/// Median of the logarithms.
pub fn median_log(values: impl Iterator<Item = f64>) -> Option<f64> {
    median(values.map(f64::ln))
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than four billion trials")
}

/// Values numbered in order of appearance.
#[derive(Debug)]
struct Numbered<T> {
    names: Vec<T>,
    numbers: HashMap<T, usize>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { names: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, name: T) -> usize {
        if let Some(&number) = self.numbers.get(&name) {
            return number;
        }
        self.names.push(name.clone());
        self.numbers.insert(name, self.names.len() - 1);
        self.names.len() - 1
    }
}
