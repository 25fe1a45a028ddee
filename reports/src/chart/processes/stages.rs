//! Stages of a process: start, first message, answer to a message, exit, collection.

use ipcmark_record::{Measure, metric};

use super::super::bars::{Bar, Bars, Column, by_scale};
use super::super::canvas::Ink;
use super::super::table::Table;
use super::super::{Figure, Key, Looks};
use crate::analyse::best::{Best, with_interval};
use crate::analyse::families::{LAUNCH, is_python};
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Stages in the order of the bar: words and colour index.
const STAGES: [(&str, u8); 5] = [
    ("the call", 0),
    ("until its first message", 2),
    ("answer to a message", 3),
    ("until its exit is seen", 4),
    ("collection", 5),
];

/// Builds the chart; `None` without such cases.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let started = measured(study, LAUNCH).filter(|case| case.case.measure == Measure::StartUp);
    let grounds = Ground::all(started, |_| ());
    // Single starts by a parent with minimal memory are preferred.
    let plain = |ground: &&Ground<'_, '_>| {
        ground.shape.params.batch.is_none() && ground.shape.params.parent_rss_bytes.is_none()
    };
    let ground = grounds.iter().find(plain).or(grounds.first())?;
    let mut cases = ground.cases.clone();
    cases.sort_by(|a, b| whole(a).total_cmp(&whole(b)));
    let title = format!("Life of a process, stage by stage: {}", ground.describe());
    let chart = Bars {
        description: "Stacked bars: time of the call that starts it, until its first message, until it answered a message, \
                      from the request to exit until the exit is seen, and for collecting it.",
        columns: vec![Column {
            heading: "one process".into(),
            sections: by_scale(&cases, |case| whole(case), |case| bar(case, study, looks)),
        }],
    };
    Some(Figure {
        answer: answer(&cases),
        note: "Medians over repetitions, one process after the other, in a parent of a single thread. The line across \
             is the first message, counted from the call. Where the call returns after the first message, no \
             time is left between the two. Bars of similar length share an axis."
            .into(),
        legend: legend(),
        table: table(&cases),
        ..Figure::drawn("start-up", title, &chart)
    })
}

/// Duration of each stage; 0 if not recorded.
fn stages(case: &CaseStudy<'_>) -> [f64; 5] {
    let at = |name: &str| value(case, name).unwrap_or(0.0);
    let (call, word, message) = (at(metric::CALL_NS), at(metric::START_UP_NS), at(metric::MESSAGE_NS));
    let first_message = call.max(word);
    [call, first_message - call, (message - first_message).max(0.0), at(metric::EXIT_NS), at(metric::REAP_NS)]
}

fn whole(case: &CaseStudy<'_>) -> f64 {
    stages(case).iter().sum()
}

fn bar(case: &CaseStudy<'_>, study: &Study<'_>, looks: &Looks) -> Bar {
    let slices = STAGES.iter().zip(stages(case)).map(|(stage, ns)| (Ink::Slice(stage.1), ns));
    Bar {
        label: case.series.label(),
        ink: looks.get(study.index(&case.series)).ink(),
        tracks: vec![slices.collect()],
        mark: value(case, metric::START_UP_NS),
        note: format::ns(whole(case)),
    }
}

/// Shortest start-up of a process, of a thread and of Python.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let describe = |side: &dyn Fn(&CaseStudy<'_>) -> bool, what: &str| {
        let best = Best::among(cases.iter().copied().filter(|case| side(case)).collect())?;
        let word = with_interval(best.typical(), format::time);
        Some(format!("{what} after {word} with {}", best.names()))
    };
    let process = |case: &CaseStudy<'_>| case.series.between_processes() && !is_python(case.case);
    let parts: Vec<String> = [
        describe(&process, "A new process sends its first message soonest"),
        describe(&|case| !case.series.between_processes() && !is_python(case.case), "a new thread"),
        describe(&|case| is_python(case.case), "one of Python"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { String::new() } else { format!("{}.", parts.join("; ")) }
}

fn legend() -> Vec<Key> {
    let stages = STAGES.iter().map(|(word, ink)| Key { class: format!("p{ink}"), word: (*word).into() });
    stages.chain([Key { class: "mark".into(), word: "first message".into() }]).collect()
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .text("Way to start", "mechanism", |case| case.series.label())
        .text("Kind", "group", |case| case.series.group_word())
        .metric("Call", "call_ns", format::time, metric::CALL_NS)
        .metric("First message", "start_up_ns", format::time, metric::START_UP_NS)
        .time("Low", "low_ns", |case| case.summary.spread()[1])
        .time("High", "high_ns", |case| case.summary.spread()[2])
        .metric("Answer", "message_ns", format::time, metric::MESSAGE_NS)
        .metric("Exit seen", "exit_ns", format::time, metric::EXIT_NS)
        .metric("Reaped", "reap_ns", format::time, metric::REAP_NS)
        .metric("In all", "life_ns", format::time, metric::LIFE_NS)
        .time("p99 of the first message", "p99_ns", |case| case.summary.p99())
        .verdict()
        .table()
}
