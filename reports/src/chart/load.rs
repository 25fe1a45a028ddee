//! Latency against offered rate: flat while a mechanism keeps up, a wall where it does not.

use ipcmark_record::Placement;

use super::axis::Axis;
use super::canvas::Dash;
use super::lines::Lines;
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Looks, Shape};
use crate::analyse::answer::place;
use crate::analyse::best::Shown;
use crate::analyse::load::{Due, Load, Offered, is_overloaded, loads, offered, rate, told};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::summary::CaseSummary;
use crate::format;

/// Variants of one kind that have a panel, in each way of waiting.
const MOST_PANELS: usize = 3;
/// More letters than this reach into the next panel.
const LONGEST_HEADING: usize = 42;

/// One chart for each kind of load of messages.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let offered = offered(study, placement, Due::Messages).into_iter();
    offered.filter_map(|offered| figure(study, looks, placement, offered)).collect()
}

/// The same for loads of a family that has a part of the page to itself, wherever they were offered.
pub fn apart(study: &Study<'_>, looks: &Looks, due: Due) -> Vec<Figure> {
    let at = |placement: Placement| {
        let offered = offered(study, placement, due).into_iter();
        let figures = offered.filter_map(move |offered| figure(study, looks, placement, offered));
        figures.map(move |figure| Figure { id: format!("{}-{placement}", figure.id), ..figure })
    };
    study.placements().into_iter().flat_map(at).collect()
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, offered: Offered) -> Option<Figure> {
    let loads = loads(study, placement, offered);
    let cases: Vec<&CaseStudy<'_>> = loads.iter().flat_map(|load| load.cases.iter().copied()).collect();
    let place_of = |case: &CaseStudy<'_>| case.case.params.rate_per_s.unwrap_or(0);
    let shown = match offered.due {
        Due::Messages => Shown::of(&cases, place_of),
        // They are of one kind.
        Due::Tasks | Due::Requests => Shown::closest(&cases, MOST_PANELS, place_of),
    };
    let drawn: Vec<&Load<'_, '_>> = loads.iter().filter(|load| shown.shows(load.series)).collect();
    let title = format!("Latency against offered rate, {}, {}", offered.told(), place(placement));
    let panels: Vec<Panel> = drawn.iter().map(|load| panel(load, study, looks)).collect();
    let points = || panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let heights = points().flat_map(|p| [Some(p.y), p.band.map(|b| b.0), p.band.map(|b| b.1)]).flatten();
    let chart = Lines {
        title: title.clone(),
        description:
            "Median, 99th and 99.9th percentile of the latency by offered rate, on logarithmic axes, one panel \
                      per mechanism; overloaded rates are crossed out."
                .into(),
        scales: Scales {
            x_name: match offered.due {
                Due::Messages => "messages offered per second",
                Due::Tasks => "tasks offered per second",
                Due::Requests => "requests offered per second",
            },
            y_name: "from due to verified",
            x: Axis::log(points().map(|point| point.x), |per_s| format::rate(per_s).trimmed().to_string()),
            y: Axis::log(heights, |ns| format::time(ns).trimmed().to_string()),
        },
        columns: 3,
        panels,
    };
    (!chart.panels.is_empty()).then(|| Figure {
        id: format!("load-{}", offered.id()),
        answer: told(&drawn),
        note: format!(
            "An open loop: {what} are due by the clock, and latency counts from the due time. A rate is \
             overloaded, and crossed out, where any repetition delivered less than 99 % of it; its latency \
             then grows with the length of the trial and has no meaning.{}{}",
            match offered.due {
                Due::Messages => {
                    " The sender spins until a message is due; the cost of that, and a sender that sleeps, are not \
             shown."
                }
                Due::Tasks | Due::Requests => "",
            },
            shown.told(),
            what = offered.due.word(),
        ),
        legend: Vec::new(),
        wide: chart.svg(Shape::Wide),
        narrow: chart.svg(Shape::Narrow),
        more: None,
        table: table(&loads),
        title,
    })
}

/// A variant's panel: one line per percentile, and where it stops keeping up.
fn panel(load: &Load<'_, '_>, study: &Study<'_>, looks: &Looks) -> Panel {
    let look = looks.get(study.index(load.series));
    let percentile = |label: &str, dash: Dash, value: fn(&CaseSummary) -> Option<f64>| Line {
        label: label.into(),
        ink: look.stroke(dash),
        marker: None,
        points: load.cases.iter().filter_map(|case| Some(Point::at(rate(case), value(&case.summary)?))).collect(),
    };
    let median = load.cases.iter().filter_map(|case| {
        let typical = case.summary.typical?;
        let band = typical.interval.map(|i| (i.low, i.high));
        Some(Point { band, crossed: is_overloaded(case), ..Point::at(rate(case), typical.value) })
    });
    let mut lines = vec![
        percentile("p99.9", Dash::Dotted, |summary| summary.p999_ns),
        percentile("p99", Dash::Dashed, |summary| summary.p99_ns),
        Line {
            label: "median".into(),
            ink: look.stroke(Dash::Solid),
            marker: Some(look.marker),
            points: median.collect(),
        },
    ];
    lines.retain(|line| !line.points.is_empty());
    let knee = load.knee();
    let (label, manner) = (load.series.label(), load.series.manner.word());
    // A long name has no room for it, and says it as its wait.
    let silent = load.series.manner == Manner::Alone || label.len() + manner.len() > LONGEST_HEADING;
    Panel {
        heading: if silent { label } else { format!("{label} ({manner})") },
        lines,
        limits: knee.overloaded_per_s.map(|per_s| (per_s, "overloaded \u{2192}".into())).into_iter().collect(),
    }
}

fn table(loads: &[Load<'_, '_>]) -> Table {
    Table::of(loads.iter().flat_map(|load| &load.cases))
        .case("Mechanism")
        .number("Offered", "offered_per_s", format::rate, |case| Some(rate(case)))
        .number("Delivered", "messages_per_s", format::rate, |case| case.summary.messages_per_s)
        .spread([("Median", "latency_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .time("p99", "p99_ns", |case| case.summary.p99_ns)
        .time("p99.9", "p999_ns", |case| case.summary.p999_ns)
        .number("Lost", "lost_share", format::percent, |case| case.summary.lost_share)
        .verdict()
        .table()
}
