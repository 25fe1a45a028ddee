//! Records to lines, and lines to records.

use std::collections::HashMap;
use std::sync::Arc;

use super::{CaseLine, Line, RunLine, TrialLine};
use crate::{Machine, Record, Suite};

/// Writes records as lines.
#[derive(Debug, Default)]
pub struct Encoder {
    part: u32,
    run: Option<RunLine>,
    next_case: u32,
    cases: HashMap<String, Vec<CaseLine>>,
}

impl Encoder {
    /// Goes on after the `parts` and `cases` that the run's lines have so far.
    pub fn after((parts, cases): (u32, u32)) -> Self {
        Self { part: parts, next_case: cases, ..Self::default() }
    }

    /// The lines of a record: first those of its run and its case, unless they are written already.
    pub fn lines(&mut self, record: &Record) -> Vec<Line> {
        let mut lines = vec![];
        let part = match &self.run {
            Some(run) if run.has(record) => run.part,
            _ => {
                let run = RunLine::of(record, self.part);
                self.part += 1;
                lines.push(Line::Run(run.clone()));
                self.run.insert(run).part
            }
        };
        let known = self.cases.entry(record.case_key.clone()).or_default();
        let number = if let Some(line) = known.iter().find(|line| line.has(record)) {
            line.number
        } else {
            let line = CaseLine::of(record, self.next_case);
            self.next_case += 1;
            lines.push(Line::Case(Box::new(line.clone())));
            known.push(line);
            self.next_case - 1
        };
        lines.push(Line::Trial(Box::new(TrialLine::of(record, part, number))));
        lines
    }
}

/// Line that a trial names: a part of a run, or a case of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Part(String, u32),
    Case(String, u32),
}

/// Makes records of lines in any order. `At` says where a line stands.
#[derive(Debug)]
pub struct Decoder<At> {
    runs: HashMap<String, Parts>,
    /// Last line of each case by key, without its run and number: most runs ask the same.
    cases: HashMap<String, Arc<CaseLine>>,
    /// Trials by the line that they wait for.
    waiting: HashMap<Name, Vec<(TrialLine, At)>>,
    /// Of the complete records.
    last: Option<(Arc<Suite>, Arc<Machine>)>,
}

/// Lines of one run.
#[derive(Debug, Default)]
struct Parts {
    runs: HashMap<u32, RunLine>,
    cases: HashMap<u32, Arc<CaseLine>>,
}

impl<At> Default for Decoder<At> {
    fn default() -> Self {
        Self { runs: HashMap::new(), cases: HashMap::new(), waiting: HashMap::new(), last: None }
    }
}

impl<At> Decoder<At> {
    /// Adds a line. `give` gets each record that is complete by it, or a sentence about what is wrong with it.
    pub fn add(&mut self, line: Line, at: At, give: &mut dyn FnMut(Result<Record, String>, At)) {
        match line {
            Line::Record(mut record) => {
                self.share(&mut record);
                give(Ok(*record), at);
            }
            Line::Trial(trial) => self.trial(*trial, at, give),
            Line::Run(line) => {
                let name = Name::Part(line.run_id.clone(), line.part);
                self.runs.entry(line.run_id.clone()).or_default().runs.insert(line.part, line);
                self.named(&name, give);
            }
            Line::Case(line) => {
                let (run_id, number) = (line.run_id, line.number);
                let line = CaseLine { run_id: String::new(), number: 0, ..*line };
                let line = match self.cases.get(&line.case_key) {
                    Some(known) if **known == line => known.clone(),
                    _ => {
                        let line = Arc::new(line);
                        self.cases.insert(line.case_key.clone(), line.clone());
                        line
                    }
                };
                self.runs.entry(run_id.clone()).or_default().cases.insert(number, line);
                self.named(&Name::Case(run_id, number), give);
            }
        }
    }

    /// First numbers of a part and of a case that no line of the run has.
    pub fn free(&self, run_id: &str) -> (u32, u32) {
        let Some(parts) = self.runs.get(run_id) else { return (0, 0) };
        let free = |numbers: Option<&u32>| numbers.map_or(0, |last| last.saturating_add(1));
        (free(parts.runs.keys().max()), free(parts.cases.keys().max()))
    }

    /// The trials whose run or case never came, with the id of their run.
    pub fn left(self) -> impl Iterator<Item = (String, At)> {
        self.waiting.into_values().flatten().map(|(trial, at)| (trial.run_id, at))
    }

    fn trial(&mut self, trial: TrialLine, at: At, give: &mut dyn FnMut(Result<Record, String>, At)) {
        let parts = self.runs.get(&trial.run_id);
        let run = parts.and_then(|parts| parts.runs.get(&trial.part));
        let case = parts.and_then(|parts| parts.cases.get(&trial.case));
        let missing = match (run, case) {
            (Some(run), Some(case)) => return give(trial.record(run, case), at),
            (None, _) => Name::Part(trial.run_id.clone(), trial.part),
            (_, None) => Name::Case(trial.run_id.clone(), trial.case),
        };
        self.waiting.entry(missing).or_default().push((trial, at));
    }

    /// Goes on with the trials that waited for a line.
    fn named(&mut self, name: &Name, give: &mut dyn FnMut(Result<Record, String>, At)) {
        for (trial, at) in self.waiting.remove(name).into_iter().flatten() {
            self.trial(trial, at, give);
        }
    }

    /// Lets complete records that follow each other have one suite and machine in memory.
    fn share(&mut self, record: &mut Record) {
        match &self.last {
            Some((suite, machine)) if *suite == record.suite && *machine == record.machine => {
                (record.suite, record.machine) = (suite.clone(), machine.clone());
            }
            _ => self.last = Some((record.suite.clone(), record.machine.clone())),
        }
    }
}
