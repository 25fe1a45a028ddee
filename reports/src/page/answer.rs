//! Answer at the top of the page: each part of it with a link to the chart or table that shows it.

use ipcmark_record::answer::RECEIVING_CPU_SHARE;
use ipcmark_record::{AnswerPart, Finding, Measure, metric};
use minijinja::HtmlEscape;

use super::sections::with_names;
use crate::analyse::answer::{caution, sentence, usual};
use crate::analyse::study::Study;
use crate::chart::{CPUS, Figure, PYTHON, Topic};
use crate::read::Recording;

/// The answer, one sentence each.
pub(super) struct Answers {
    /// Markup with highlighted names and links; never empty.
    pub markup: Vec<String>,
    /// Plain text; empty if no case answers the question.
    pub plain: Vec<String>,
}

/// One part of the answer.
struct Answered {
    label: String,
    /// What was found, without a full stop.
    text: String,
    /// Beginnings of the fragment identifiers that show it, the best first.
    evidence: &'static [&'static str],
}

/// What the page shows besides.
pub(super) struct Shown<'p> {
    /// Fragment identifiers of figures and sections.
    pub ids: Vec<&'p str>,
    /// Figures of topics and placements, in page order.
    pub figures: Vec<&'p Figure>,
    pub topics: &'p [Topic],
    pub cross_checks: Option<&'p Figure>,
}

impl Answers {
    /// From the parts that the plans of a recording state, or those of recordings whose plan states none; without those that
    /// have no case here.
    pub fn of(recording: &Recording, study: &Study<'_>, shown: &Shown<'_>) -> Self {
        let mut stated: Vec<&AnswerPart> = Vec::new();
        for part in recording.records.iter().flat_map(|record| &record.suite.answers) {
            if !stated.contains(&part) {
                stated.push(part);
            }
        }
        let found = |part: &AnswerPart| answered(study, shown, part);
        let mut parts: Vec<Answered> = stated.into_iter().filter_map(found).collect();
        if parts.is_empty() {
            parts = usual(study).iter().filter_map(found).collect();
        }
        let mut markup: Vec<String> = parts.iter().map(|part| part.markup(&shown.ids)).collect();
        if markup.is_empty() {
            // Recordings of measures without a usual answer have that of a chart.
            let of_chart = shown.figures.iter().find(|figure| !figure.answer.is_empty());
            let text = match (study.placement, of_chart) {
                (None, _) => "No case was measured, so there is no answer yet.",
                (_, Some(figure)) => &figure.answer,
                (_, None) => "No case of this recording answers the question in one sentence; see the charts below.",
            };
            markup.push(with_names(text));
        }
        let caution = caution(study);
        let plain = parts.iter().map(Answered::plain).chain(caution.clone()).collect();
        markup.extend(caution);
        Self { markup, plain }
    }
}

fn answered(study: &Study<'_>, shown: &Shown<'_>, part: &AnswerPart) -> Option<Answered> {
    let of_topic = |id| shown.topics.iter().find(|topic| topic.id == id)?.figures.first();
    let text = match part.finding {
        Finding::EqualPairs => said(shown.cross_checks?)?,
        Finding::SpeedUpOverPython => said(of_topic(PYTHON)?)?,
        Finding::CpuDistances => said(of_topic(CPUS)?)?,
        _ => sentence(study, part)?,
    };
    Some(Answered { label: part.label.clone(), text, evidence: evidence(part) })
}

/// Finding of a figure, as it reads after a colon.
fn said(figure: &Figure) -> Option<String> {
    let first = figure.answer.chars().next()?.to_lowercase();
    Some(first.chain(figure.answer.trim_end_matches('.').chars().skip(1)).collect())
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
    fn markup(&self, ids: &[&str]) -> String {
        let shows = |begin: &&str| ids.iter().copied().find(|id| id.starts_with(*begin));
        let id = self.evidence.iter().find_map(shows).unwrap_or("results");
        format!("<a href=\"#{id}\">{}</a>: {}.", HtmlEscape(&self.label), with_names(&self.text))
    }

    /// Plain text, with names as they are.
    fn plain(&self) -> String {
        format!("{}: {}.", self.label, self.text.replace('`', ""))
    }
}
