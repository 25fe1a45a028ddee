//! Drift: cost of the sentinel's trials in schedule order, which shows warm-up and disturbances.

use ipcmark_record::Record;

use super::axis::Axis;
use super::canvas::Ink;
use super::lines::Lines;
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::statistics::median;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::cost_ns;
use crate::format;

/// Builds the chart; `None` without a sentinel.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let sentinel = study.sentinel()?;
    let look = looks.get(study.index(&sentinel.series));
    let trials = trials(sentinel);
    let typical = median(trials.iter().map(|trial| trial.1))?;
    let point = |&(record, ns): &(&Record, f64)| Point::at(f64::from(record.order_in_run), ns);
    let line = |label: String, ink: Ink, points: Vec<Point>| Line {
        label,
        ink,
        marker: (ink == look.ink()).then_some(look.marker),
        points,
    };
    let (first, last) = (trials.first()?.0.order_in_run, trials.last()?.0.order_in_run);
    let level = [first, last].map(|x| Point::at(f64::from(x), typical));
    let lines = vec![
        line("median".into(), Ink::Reference, level.to_vec()),
        line(sentinel.series.label(), look.ink(), trials.iter().map(point).collect()),
    ];
    let title = format!("Drift: the same case, {} times through the run", trials.len());
    let chart = Lines {
        description: "Cost of the sentinel case by its place in the schedule, with its median.",
        scales: Scales {
            x_name: "place in the schedule",
            y_name: "cost",
            x: Axis::linear(f64::from(last), 6, format::count),
            y: Axis::log(trials.iter().map(|trial| trial.1), format::time),
        },
        columns: 1,
        panels: vec![Panel { heading: "sentinel".into(), lines, limits: Vec::new() }],
    };
    Some(Figure { note: describe(&trials), table: table(&trials), ..Figure::drawn("drift", title, &chart) })
}

/// Trials of the sentinel with numbers, in schedule order.
fn trials<'a>(sentinel: &CaseStudy<'a>) -> Vec<(&'a Record, f64)> {
    let mut trials: Vec<_> = sentinel.usable_anywhere().filter_map(|record| Some((record, cost_ns(record)?))).collect();
    trials.sort_by_key(|trial| trial.0.order_in_run);
    trials
}

/// Comparison of the last third with the first.
fn describe(trials: &[(&Record, f64)]) -> String {
    let third = trials.len().div_ceil(3);
    let of = |part: &[(&Record, f64)]| median(part.iter().map(|trial| trial.1)).unwrap_or(f64::NAN);
    let change = of(&trials[trials.len() - third..]) / of(&trials[..third]) - 1.0;
    let how = if change < 0.0 { "faster" } else { "slower" };
    format!(
        "The last third of these trials was {} {how} than the first. Cases are shuffled, so drift widens \
             all intervals alike instead of favouring cases that ran early.",
        format::percent(change.abs())
    )
}

fn table(trials: &[(&Record, f64)]) -> Table {
    Table::of(trials)
        .count("Place in the schedule", "order_count", |(record, _)| Some(f64::from(record.order_in_run)))
        .time("Cost", "cost_ns", |(_, ns)| Some(*ns))
        .text("Started", "started_at", |(record, _)| record.started_at.clone())
        .table()
}
