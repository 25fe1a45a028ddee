//! History: what changed over the runs of one machine.

use serde::Serialize;

use super::sections::with_names;
use crate::analyse::history::{Change, History, Run, Trend};
use crate::analyse::study::Study;
use crate::chart::{Figure, Looks, history_figure};
use crate::compare::{DRIFT, differing_facts};
use crate::format;

/// Fewest runs among which a change can be told from the spread between runs.
const ENOUGH_RUNS: usize = 4;
/// Most changes that are not folded.
const MOST_SHOWN: usize = 8;

/// Values for the template.
#[derive(Serialize)]
pub struct Section {
    /// What changed, in a sentence.
    pub answer: String,
    /// Markup: changes, the largest first.
    changes: Vec<String>,
    /// Markup: changes behind the largest ones.
    more: Vec<String>,
    /// What differs between neighbouring runs.
    facts: Vec<String>,
    figure: Figure,
    /// Number of cases that changed.
    #[serde(skip)]
    pub changed: usize,
}

/// Section of the page; `None` for a single run.
pub fn section(study: &Study<'_>, looks: &Looks) -> Option<Section> {
    let history = History::of(study)?;
    let labels = labels(&history.runs);
    let changed = history.changed();
    let mut changes: Vec<String> =
        changed.iter().map(|trend| with_names(&format!("{}: {}.", named(trend), in_words(trend, &labels)))).collect();
    let more = changes.split_off(changes.len().min(MOST_SHOWN));
    Some(Section {
        answer: answer(&history, &labels),
        changes,
        more,
        facts: facts(&history, &labels),
        figure: history_figure(&history, study, looks, &labels),
        changed: changed.len(),
    })
}

fn answer(history: &History<'_, '_>, labels: &[String]) -> String {
    let (runs, cases, changed) = (history.runs.len(), history.trends.len(), history.changed());
    let over = format!("over {runs} runs from {} to {}", labels[0], labels[runs - 1]);
    if let [first, ..] = changed.as_slice() {
        let largest = if changed.len() == 1 { "" } else { "the largest change: " };
        return format!(
            "{} of {cases} cases changed {over}; {largest}{}: {}.",
            format::whole(changed.len() as u64),
            named(first),
            in_words(first, labels)
        );
    }
    let weak = if runs < ENOUGH_RUNS {
        format!(
            " With fewer than {ENOUGH_RUNS} runs only a first or last run that is surely more than {}x apart counts as a change.",
            format::ratio(DRIFT)
        )
    } else {
        String::new()
    };
    format!("None of {cases} cases changed {over}.{weak}")
}

fn named(trend: &Trend<'_, '_>) -> String {
    let name = trend.case.name();
    let (label, rest) = name.split_once(", ").unwrap_or((&name, ""));
    format!("`{label}`, {rest}")
}

/// `1.42x slower (1.38 to 1.47) since 11-30 10:05, the floor beside it 1.02x`, for each change.
fn in_words(trend: &Trend<'_, '_>, labels: &[String]) -> String {
    let one = |change: &Change| {
        let times = |ratio: f64| if change.ratio.value < 1.0 { 1.0 / ratio } else { ratio };
        let word = if change.ratio.value < 1.0 { "faster" } else { "slower" };
        let interval = change.ratio.interval.map_or_else(String::new, |interval| {
            let (a, b) = (times(interval.low), times(interval.high));
            format!(" ({})", format::span(a.min(b), a.max(b), format::ratio))
        });
        let floors = change
            .floors
            .map_or_else(String::new, |ratio| format!(", while the floor beside it went to {}x", format::ratio(ratio)));
        format!("{}x {word}{interval} from {} on{floors}", format::ratio(times(change.ratio.value)), labels[change.run])
    };
    trend.changes.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What differs between each run and the one before it.
fn facts(history: &History<'_, '_>, labels: &[String]) -> Vec<String> {
    let records = |run: usize| history.runs[run].records.iter().copied();
    let pair = |run: usize| {
        let both = [run - 1, run].map(|run| (labels[run].as_str(), records(run)));
        let [before, after] = both;
        let found = differing_facts(before, after);
        (!found.is_empty()).then(|| format!("{}: {}.", labels[run], found.join("; ")))
    };
    (1..history.runs.len()).filter_map(pair).collect()
}

/// Starts of the runs, as short as they are distinct: `10:05`, `11-30 10:05`, `2026-11-30 10:05`, with seconds if need be.
fn labels(runs: &[Run<'_>]) -> Vec<String> {
    let part = |from: usize, to: usize| -> Vec<&str> {
        runs.iter().map(|run| run.started_at.get(from..to).unwrap_or(run.started_at)).collect()
    };
    let same = |all: &[&str]| all.windows(2).all(|pair| pair[0] == pair[1]);
    let from = if same(&part(0, 10)) {
        11
    } else if same(&part(0, 4)) {
        5
    } else {
        0
    };
    let distinct = |all: &[&str]| all.windows(2).all(|pair| pair[0] != pair[1]);
    let minutes = part(from, 16);
    let all = if distinct(&minutes) { minutes } else { part(from, 19) };
    all.into_iter().map(|label| label.replace('T', " ")).collect()
}
