//! Report of a start-up trial.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::clock;
use crate::measure::count::Sliced;
use crate::measure::histogram;
use crate::protocol::Report;
use crate::record::{Metrics, RoleCost, Window, metric};

/// Times of one worker, measured by its parent from the call that started it, unless noted.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_field_names)] // a number's name ends in its unit
pub(super) struct Life {
    /// Return of the call.
    pub(super) call_ns: u64,
    /// Arrival of its first word.
    pub(super) first_word_ns: u64,
    /// Response to a message.
    pub(super) message_ns: Option<u64>,
    /// From the exit order until the end was detected.
    pub(super) exit_ns: Option<u64>,
    /// From then until it was collected; `None` for threads.
    pub(super) reap_ns: Option<u64>,
    /// Collection.
    pub(super) life_ns: u64,
}

/// Stage: name of its distribution, metric, and time.
type Stage = (&'static str, &'static str, fn(&Life) -> Option<u64>);

const STAGES: &[Stage] = &[
    ("call", metric::CALL_NS, |life| Some(life.call_ns)),
    ("first_word", metric::START_UP_NS, |life| Some(life.first_word_ns)),
    ("message", metric::MESSAGE_NS, |life| life.message_ns),
    ("exit", metric::EXIT_NS, |life| life.exit_ns),
    ("reap", metric::REAP_NS, |life| life.reap_ns),
];

/// Course of a trial.
pub(super) struct Course {
    /// Workers per unit of the count.
    pub(super) at_once: u64,
    /// Time in which a worker ran.
    pub(super) alive_ns: u64,
    pub(super) chosen_by: &'static str,
    pub(super) warm_up_ns: u64,
    pub(super) sliced: Sliced,
    pub(super) cost: RoleCost,
}

pub(super) fn report(lives: &[Life], course: Course) -> Report {
    let mut metrics = Metrics::new();
    let mut distributions = BTreeMap::new();
    for (name, metric, of) in STAGES {
        let times: Vec<u64> = lives.iter().filter_map(of).collect();
        if !times.is_empty() {
            distributions.extend(histogram::encode(&spread(&times)).map(|blob| ((*name).to_owned(), blob)));
            metrics.insert((*metric).into(), median(&times));
        }
    }
    metrics.insert(metric::LIFE_NS.into(), median(&lives.iter().map(|life| life.life_ns).collect::<Vec<_>>()));
    metrics.insert(metric::STARTS_PER_S.into(), lives.len() as f64 * 1e9 / course.alive_ns.max(1) as f64);
    let first_words = spread(&lives.iter().map(|life| life.first_word_ns).collect::<Vec<_>>());
    histogram::percentiles(&first_words, clock::now_step_ns(), &mut metrics);
    let in_lives = |window: Window| Window { messages: window.messages * course.at_once, ..window };
    Report {
        messages: lives.len() as u64,
        chosen_by: course.chosen_by.into(),
        warm_up_ns: course.warm_up_ns,
        metrics,
        windows: course.sliced.windows.into_iter().map(in_lives).collect(),
        histogram: histogram::encode(&first_words),
        distributions,
        roles: vec![course.cost],
        ..Report::default()
    }
}

/// Distribution of `times`.
pub(super) fn spread(times: &[u64]) -> Histogram<u64> {
    let mut spread = histogram::empty();
    for ns in times {
        spread.saturating_record((*ns).max(1));
    }
    spread
}

/// Median of `times`.
pub(super) fn median(times: &[u64]) -> f64 {
    histogram::median(times.iter().map(|ns| *ns as f64).collect())
}
