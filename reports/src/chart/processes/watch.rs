//! Detection time of a process end, by kind of end and way to watch.

use ipcmark_record::{Case, Ending, Measure, metric};

use super::super::canvas::Marker;
use super::super::points::{Entry, Points};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::best::{Best, with_interval};
use crate::analyse::families::LAUNCH;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Chart with a section for each kind of end; `None` without such cases.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let watched = measured(study, LAUNCH).filter(|case| case.case.measure == Measure::Watch);
    let ground = Ground::most(watched, |shape: &mut Case| shape.params.ending = None)?;
    let of = |ending: Ending| {
        let mut cases: Vec<&CaseStudy<'_>> =
            ground.cases.iter().copied().filter(|case| case.case.params.ending == Some(ending)).collect();
        cases.sort_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)));
        cases
    };
    let sections =
        Ending::ALL.iter().map(|&ending| (describe(ending).to_owned(), of(ending).into_iter().map(entry).collect()));
    Points {
        id: "watch".into(),
        title: format!("Detection time of a process end: {}", ground.describe()),
        description: "Time from an end until it is known, median and 99th percentile, by how the end came, on a \
                      logarithmic axis.",
        answer: answer(&of(Ending::Kill), &of(Ending::Exit)),
        note: "Circle: typical, diamond: 99th percentile, each as the median over repetitions with its interval. An \
             exit counts from the child's last time stamp, an end by a signal from just before the signal is \
             sent, so its delivery is included. For a zombie only the collection is timed."
            .into(),
        x_name: "until it is known (log scale)",
        show: format::time,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&ground.cases),
    }
    .figure(study, looks)
}

fn describe(ending: Ending) -> &'static str {
    match ending {
        Ending::Exit => "exit",
        Ending::Terminate => "SIGTERM",
        Ending::Kill => "SIGKILL",
        Ending::Daemon => "a daemon, when its parent dies",
        Ending::Orphan => "an orphan, when its parent dies",
        Ending::Zombie => "collection of a zombie",
    }
}

fn entry<'s, 'a>(case: &'s CaseStudy<'a>) -> Entry<'s, 'a> {
    let late = case.summary.p99_ns.map(|p99| (p99, Marker::Diamond));
    let note = case
        .cost_ns()
        .map(format::ns)
        .into_iter()
        .chain(case.summary.p99().map(|ns| format!("p99 {}", format::ns(ns))));
    Entry {
        case,
        label: None,
        note: note.collect::<Vec<_>>().join(", "),
        marks: late.into_iter().chain(case.summary.typical.map(|typical| (typical, Marker::Circle))).collect(),
    }
}

/// Fastest detection of a kill, or of an exit if nothing was killed.
fn answer(killed: &[&CaseStudy<'_>], left: &[&CaseStudy<'_>]) -> String {
    let (cases, what) = if killed.is_empty() { (left, "an exit") } else { (killed, "a kill") };
    let Some(best) = Best::among(cases.to_vec()) else { return String::new() };
    let time = with_interval(best.typical(), format::time);
    let last = cases.last().filter(|_| cases.len() > 1).and_then(|last| Some((last, last.cost_ns()?)));
    let last = last.map(|(last, ns)| format!("; {} takes {}", last.series.quoted(), format::ns(ns)));
    format!("The parent detects {what} soonest with {}: {time}{}.", best.names(), last.unwrap_or_default())
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .text("Way to watch", "mechanism", |case| case.series.label())
        .text("Ending", "ending", |case| case.case.params.ending.map_or("", Ending::word))
        .spread([("Known after", "notice_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .time("p99", "p99_ns", |case| case.summary.p99())
        .metric("One liveness check", "alive_ns", format::time, metric::ALIVE_NS)
        .metric("Reaping", "reap_ns", format::time, metric::REAP_NS)
        .verdict()
        .table()
}
