//! Advice: which mechanism for a request, with evidence, and why not the others.
//!
//! Pure analysis of records. Every candidate has figures (latency, CPUs, capacity, what happens when a process dies), each
//! with an interval, where it comes from, and the nearest measured cases. A limit within an interval cannot be judged;
//! candidates whose intervals overlap are tied.

mod axes;
mod choice;
mod death;
mod families;
mod floors;
mod grid;
mod rank;
mod request;
mod span;
mod table;
mod transports;

use std::collections::BTreeMap;

use ipcmark_record::Record;
use serde::Serialize;

pub use self::choice::ChoiceErrors;
pub use self::death::Death;
pub use self::families::unfit;
pub(crate) use self::grid::{Field, Grid, grids};
pub(crate) use self::rank::{bare, ends, in_figures};
pub(crate) use self::request::shown_cpus;
pub use self::request::{Request, Subject};
pub use self::span::{PredictionError, Span};
pub use self::table::{Basis, Figure};
use crate::analyse::study::Study;
use crate::identity::{Machines, pooled_by};
use crate::read::Recording;

/// Advice for a request.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// The request.
    pub request: Request,
    /// Machine that it is for: host, processor, CPUs.
    pub machine: String,
    /// Where the roles ran in the cases used.
    pub placement: Option<&'static str>,
    /// What can be decided.
    pub decision: Decision,
    /// Answer in one or two sentences.
    pub answer: String,
    /// Command that measures what is missing; absent if the evidence decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_measure: Option<String>,
    /// What candidates are ranked by.
    pub ranked_by: &'static str,
    /// How far choices by such predictions are behind the best, among rows that may wait as these candidates do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice_error: Option<PredictionError>,
    /// The same for other candidates.
    #[serde(skip)]
    pub choice_errors: ChoiceErrors,
    /// Candidates, the best first.
    pub candidates: Vec<Candidate>,
    /// Rows that were ruled out.
    pub excluded: Vec<Excluded>,
}

/// What the evidence decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// One candidate is surely best.
    Clear,
    /// Several meet the request, and their intervals overlap. Where some are predictions, a choice by them is close to the
    /// best.
    Tied,
    /// No candidate surely meets the request, or predictions do not tell which is best.
    CannotTell,
    /// Every row was ruled out.
    Nothing,
}

/// Mechanism that may meet a request.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// Label of the row.
    pub row: String,
    /// How an endpoint waits.
    pub waits: &'static str,
    /// Main metric: median latency, acquisitions a second, time per task, accesses a second, start-up.
    pub typical: Option<Figure>,
    /// 99th percentile in nanoseconds.
    pub p99_ns: Option<Figure>,
    /// CPUs that all sides together keep busy.
    pub cpus: Option<Figure>,
    /// Highest rate in messages a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_per_s: Option<Figure>,
    /// What happens when a process dies.
    pub death: Death,
    /// Limits that cannot be judged, in words; empty if the candidate surely meets the request.
    pub doubts: Vec<String>,
    /// Whether its interval and that of the first candidate are known and overlap.
    pub tied: bool,
}

impl Advice {
    /// Whether a row is among the candidates or was ruled out.
    pub fn knows(&self, row: &str) -> bool {
        self.candidates.iter().any(|one| one.row == row) || self.excluded.iter().any(|one| one.row == row)
    }
}

impl Candidate {
    /// Whether it surely meets the request.
    pub fn is_sure(&self) -> bool {
        self.doubts.is_empty()
    }

    /// What its figures are made of, one line for those of the same cases; `typical_word` names the main metric.
    pub fn evidence(&self, typical_word: &str) -> Vec<String> {
        let figures = [
            (typical_word, &self.typical),
            ("p99", &self.p99_ns),
            ("CPUs", &self.cpus),
            ("rate", &self.capacity_per_s),
        ];
        let mut said: Vec<String> = vec![];
        for (word, figure) in figures.into_iter().filter_map(|(word, figure)| Some((word, figure.as_ref()?))) {
            let error = figure.error_in_words().map_or_else(String::new, |error| format!("; {error}"));
            let line = format!("{}{error}", figure.evidence);
            match said.iter_mut().find(|known| known.ends_with(&format!(": {line}"))) {
                Some(known) => known.insert_str(known.len() - line.len() - 2, &format!(", {word}")),
                None => said.push(format!("{word}: {line}")),
            }
        }
        said
    }
}

/// Why a row is left out of which no case fits.
pub const NOT_MEASURED: &str = "not measured here";

/// Row that was ruled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Label of the row.
    pub row: String,
    /// Reason that several rows may share.
    pub why: String,
    /// What the row has instead; may be empty.
    pub detail: String,
}

/// Splits a recording by machine, that of the last record first. Advice is for the first; the others show how well the
/// cost model predicts.
pub fn by_machine(recording: Recording) -> Vec<Recording> {
    let machines = Machines::of(&recording.records);
    let mut split: BTreeMap<(String, String), Vec<Record>> = BTreeMap::new();
    let last = recording.records.last().map(|record| pooled_by(&machines, &record.machine));
    for record in recording.records {
        split.entry(pooled_by(&machines, &record.machine)).or_default().push(record);
    }
    let first = last.and_then(|last| split.remove(&last));
    first.into_iter().chain(split.into_values()).map(|records| Recording { records, bad_lines: vec![] }).collect()
}

/// Advice for the machine of the first recording; the others are of other machines. `refused` says why a row cannot do
/// what is asked on any machine, where that is known.
pub fn advise(request: &Request, recordings: &[Recording], refused: &dyn Fn(&str) -> Option<String>) -> Advice {
    let studies: Vec<Study<'_>> = recordings.iter().map(Study::of).collect();
    match studies.split_first() {
        Some((here, others)) => {
            let choice_errors = transports::choice_errors(request.subject, here, others);
            from_studies(request, here, others, refused, &choice_errors)
        }
        None => rank::ranked(request, String::new(), None, vec![], &ChoiceErrors::default()),
    }
}

fn from_studies(
    request: &Request,
    here: &Study<'_>,
    others: &[Study<'_>],
    refused: &dyn Fn(&str) -> Option<String>,
    choice_errors: &ChoiceErrors,
) -> Advice {
    let drafts = match request.subject {
        Subject::Transport { .. } => transports::drafts(request, here, others, refused),
        _ => families::drafts(request, here, refused),
    };
    rank::ranked(request, machine(here), placement_word(request, here), drafts, choice_errors)
}

fn machine(study: &Study<'_>) -> String {
    let Some(machine) = study.machines.first() else { return "unknown".to_owned() };
    let cpus = machine.facts.cpus_allowed.len();
    format!("{}, {cpus} CPU{}", machine.facts.cpu_model, if cpus == 1 { "" } else { "s" })
}

fn placement_word(request: &Request, study: &Study<'_>) -> Option<&'static str> {
    families::placement(study, request.subject).map(ipcmark_record::Placement::word)
}
