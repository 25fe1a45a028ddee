//! History: cost of each case over the runs of one machine, as a ratio to its first run.

use super::axis::Axis;
use super::canvas::{Ink, Marker};
use super::lines::{Lines, heights};
use super::plot::{Line, Panel, Point, Scales};
use super::table::{OfCase, Table};
use super::{Figure, Looks};
use crate::analyse::history::{AtRun, History, Trend};
use crate::analyse::statistics::{Estimate, quantile};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Most cases with a panel that is not folded.
const MOST_PANELS: usize = 9;

/// Builds the chart; `labels` are those of the runs.
pub fn figure(history: &History<'_, '_>, study: &Study<'_>, looks: &Looks, labels: &[String]) -> Figure {
    let changed = history.changed();
    let panel = |trend: &Trend<'_, '_>| Panel {
        heading: trend.case.name(),
        lines: vec![level(history.runs.len()), line(trend, study, looks)],
        limits: trend.changes.iter().map(|it| (it.run as f64 - 0.5, factor(it.ratio.value))).collect(),
    };
    let chart = |panels: Vec<Panel>| Lines {
        description: "Cost of a case in each run over that in its first run, with intervals; vertical lines where it changed.",
        scales: Scales {
            x_name: "run",
            y_name: "cost, over the first run",
            x: Axis::even(labels.to_vec()),
            y: Axis::log(heights(&panels), format::ratio),
        },
        columns: 2,
        panels,
    };
    let main = changed.iter().take(MOST_PANELS).map(|trend| panel(trend));
    let all = format!("All {} cases", history.trends.len());
    Figure {
        note: "Cost is time for one round trip, message or other unit of work; above 1 is slower than in the first run of the \
               case. Bars are intervals over the repetitions of a run, without disturbed ones. A vertical line marks a change, \
               with the cost after it over the cost before it."
            .into(),
        table: table(history, labels),
        ..Figure::drawn("history-runs", "Cost of each case over the runs", &chart(vec![crowd(history)].into_iter().chain(main).collect()))
    }
    .unfolding(all, Some(chart(history.trends.iter().map(panel).collect())))
}

/// `1.42x`.
fn factor(ratio: f64) -> String {
    format!("{}x", format::ratio(ratio))
}

fn level(runs: usize) -> Line {
    let ends = [0.0, (runs - 1) as f64];
    Line { label: String::new(), ink: Ink::Reference, marker: None, points: ends.map(|x| Point::at(x, 1.0)).to_vec() }
}

/// Line of a case, broken where it changed.
fn line(trend: &Trend<'_, '_>, study: &Study<'_>, looks: &Looks) -> Line {
    let look = looks.get(study.index(&trend.case.series));
    let point = |at: &AtRun<'_>| {
        let (value, band) = trend.to_first(at).with_ends();
        let joined = !trend.changes.iter().any(|change| change.run == at.run);
        Point { band, joined, ..Point::at(at.run as f64, value) }
    };
    let points = trend.points.iter().map(point).collect();
    Line { label: String::new(), ink: look.ink(), marker: Some(look.marker), points }
}

/// Median over all cases in each run, with the middle half of them.
fn crowd(history: &History<'_, '_>) -> Panel {
    let point = |run: usize| {
        let of_case = |trend: &Trend<'_, '_>| {
            let at = trend.points.iter().find(|at| at.run == run)?;
            Some(trend.to_first(at).value)
        };
        let mut ratios: Vec<f64> = history.trends.iter().filter_map(of_case).collect();
        ratios.sort_by(f64::total_cmp);
        let quarter = |share: f64| quantile(&ratios, share);
        (!ratios.is_empty())
            .then(|| Point { band: Some((quarter(0.25), quarter(0.75))), ..Point::at(run as f64, quarter(0.5)) })
    };
    let runs = history.runs.len();
    let points = (0..runs).filter_map(point).collect();
    let line = Line { label: "median".into(), ink: Ink::Strong, marker: Some(Marker::Circle), points };
    let heading = format!("median and middle half of all {} cases", history.trends.len());
    Panel { heading, lines: vec![level(runs), line], limits: Vec::new() }
}

impl OfCase for Trend<'_, '_> {
    fn study(&self) -> &CaseStudy<'_> {
        self.case
    }
}

/// One row for each case and run.
fn table(history: &History<'_, '_>, labels: &[String]) -> Table {
    let rows = history.trends.iter().flat_map(|trend| trend.points.iter().map(move |at| (trend, at)));
    let ratio = |(trend, at): &(&Trend<'_, '_>, &AtRun<'_>)| trend.to_first(at);
    let ends = |estimate: Estimate| estimate.interval;
    Table::of(rows)
        .text("Case", "case", |(trend, _)| trend.case.name())
        .text("Run", "run", |(_, at)| labels[at.run].clone())
        .time("Cost", "cost_ns", |(_, at)| Some(at.cost.value))
        .time("Low", "low_ns", |(_, at)| Some(ends(at.cost)?.low))
        .time("High", "high_ns", |(_, at)| Some(ends(at.cost)?.high))
        .number("Over the first run", "ratio_count", format::ratio, move |row| Some(ratio(row).value))
        .time("Floor beside it", "floor_ns", |(_, at)| at.floor_ns)
        .count("Repetitions", "repetitions_count", |(_, at)| Some(at.cost.repetitions as f64))
        .text("Change", "change", |(trend, at)| {
            let here = trend.changes.iter().find(|change| change.run == at.run);
            here.map_or_else(String::new, |change| factor(change.ratio.value))
        })
        .table()
}
