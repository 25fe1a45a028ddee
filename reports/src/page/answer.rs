//! Answer at the top of the page: each part of it with a link to the chart or table that shows it.

use ipcmark_record::answer::RECEIVING_CPU_SHARE;
use ipcmark_record::{AnswerPart, Finding, Measure, metric};
use minijinja::HtmlEscape;

use super::sections::with_names;
use crate::analyse::answer::{sentence, usual};
use crate::analyse::study::Study;
use crate::chart::{Figure, Looks, core_to_core, cross_checks, python_figures};
use crate::read::Recording;

/// One part of the answer.
#[derive(Debug)]
pub(super) struct Answered {
    label: String,
    /// What was found, without a full stop.
    text: String,
    /// Beginnings of the fragment identifiers that show it, the best first.
    evidence: &'static [&'static str],
}

/// Parts that the plans of a recording state, or those of recordings whose plan states none; without those that have no
/// case here.
pub(super) fn answered(recording: &Recording, study: &Study<'_>, looks: &Looks) -> Vec<Answered> {
    let mut stated: Vec<AnswerPart> = Vec::new();
    for part in recording.records.iter().flat_map(|record| &record.suite.answers) {
        if !stated.contains(part) {
            stated.push(part.clone());
        }
    }
    let found = |parts: &[AnswerPart]| -> Vec<Answered> {
        parts.iter().filter_map(|part| answer(study, looks, part)).collect()
    };
    let of_plan = found(&stated);
    if of_plan.is_empty() { found(&usual(study)) } else { of_plan }
}

fn answer(study: &Study<'_>, looks: &Looks, part: &AnswerPart) -> Option<Answered> {
    let text = match part.finding {
        Finding::EqualPairs => said(cross_checks(study, looks))?,
        Finding::SpeedUpOverPython => said(python_figures(study, looks))?,
        Finding::CpuDistances => said(core_to_core::figures(study, looks))?,
        _ => sentence(study, part)?,
    };
    Some(Answered { label: part.label.clone(), text, evidence: evidence(part) })
}

/// Finding of the first figure, as it reads after a colon.
fn said(figures: impl IntoIterator<Item = Figure>) -> Option<String> {
    let answer = figures.into_iter().next()?.answer;
    let first = answer.chars().next()?.to_lowercase();
    Some(first.chain(answer.trim_end_matches('.').chars().skip(1)).collect())
}

/// Beginnings of the identifiers of figures and sections.
fn evidence(part: &AnswerPart) -> &'static [&'static str] {
    let asks = |name: &str| part.params.contains_key(name);
    match (part.finding, part.measure, part.metric.as_deref()) {
        (Finding::Ran, ..) => &["conformance", "absent"],
        (Finding::Sustained, ..) => &["load-"],
        (Finding::Survivors, ..) => &["recovery"],
        (Finding::EqualPairs, ..) => &["cross-checks"],
        (Finding::SpeedUpOverPython, ..) => &["beside-python"],
        (Finding::CpuDistances, ..) => &["core-to-core"],
        (_, Some(Measure::RoundTrip), _) if asks("hogs") => &["results"],
        (_, Some(Measure::RoundTrip), _) if asks("think_time_ns") => &["results"],
        (_, Some(Measure::RoundTrip), _) => &["ranking", "round-trip"],
        (_, Some(Measure::Stream), _) if asks("pattern") || asks("pairs") => &["patterns"],
        (_, Some(Measure::Stream), Some(metric::BYTES_PER_S)) => &["bandwidth", "rate-"],
        (_, Some(Measure::Stream), _) => &["rate-"],
        (_, Some(Measure::Paced), Some(RECEIVING_CPU_SHARE)) => &["load-cpu-", "load-"],
        (_, Some(Measure::Paced), _) => &["load-"],
        (_, Some(Measure::Wake), _) => &["wake-up"],
        (_, Some(Measure::SetUp), _) => &["set-up"],
        (_, Some(Measure::Acquire), _) => &["acquire"],
        (_, Some(Measure::Contention), Some(metric::JAIN)) => &["fairness", "contenders-"],
        (_, Some(Measure::Contention), _) => &["contenders-", "fairness"],
        (_, Some(Measure::ReadMostly), _) => &["reads"],
        (_, Some(Measure::Tickets), _) => &["tickets"],
        (_, Some(Measure::Recover), _) => &["recovery", "pool-recovery"],
        (_, Some(Measure::StartUp), _) => &["start-up"],
        (_, Some(Measure::Watch), _) => &["watch"],
        (_, Some(Measure::FirstWrite), _) => &["first-write"],
        (_, Some(Measure::Dispatch), Some(metric::EFFICIENCY)) => &["pool-efficiency", "pools"],
        (_, Some(Measure::Dispatch), _) => &["pool-cost", "pools"],
        (_, Some(Measure::Drain), Some(metric::PUT_NS | metric::GET_NS)) => &["queue-calls", "queues"],
        (_, Some(Measure::Drain), _) => &["drain", "queues"],
        (_, Some(Measure::Access), _) => &["access-reads", "access-", "shared-state"],
        (_, Some(Measure::Serve), Some(metric::P99_NS)) => &["serve-p99", "servers"],
        (_, Some(Measure::Serve), Some(metric::PSS_BYTES_PER_CONNECTION)) => &["serve-memory", "servers"],
        (_, Some(Measure::Serve), _) => &["serve-", "servers"],
        (_, Some(Measure::Parallel), _) => &["parallel"],
        _ => &[],
    }
}

impl Answered {
    /// Markup, with the label as a link to the first of `ids` that shows it, or to the results.
    pub(super) fn markup(&self, ids: &[&str]) -> String {
        let shows = |begin: &&str| ids.iter().copied().find(|id| id.starts_with(*begin));
        let id = self.evidence.iter().find_map(shows).unwrap_or("results");
        format!("<a href=\"#{id}\">{}</a>: {}.", HtmlEscape(&self.label), with_names(&self.text))
    }

    /// Plain text, with names as they are.
    pub(super) fn plain(&self) -> String {
        format!("{}: {}.", self.label, self.text.replace('`', ""))
    }
}
