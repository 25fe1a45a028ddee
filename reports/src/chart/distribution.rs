//! Latency distributions on a percentile axis with evenly spaced nines.

use ipcmark_record::{Measure, Placement};

use super::axis::Axis;
use super::canvas::Ink;
use super::lines::{Lines, PANELS};
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, size};
use crate::analyse::distribution::Distribution;
use crate::analyse::series::{Manner, Series};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Quantiles of the points on a curve.
fn shares() -> impl Iterator<Item = f64> {
    let bulk = (0..20).map(|step| f64::from(step) * 0.045);
    let tail = (0..=48).map(|step| 1.0 - 10f64.powf(-1.0 - f64::from(step) / 12.0));
    bulk.chain(tail)
}

/// Chart at the most common size; `None` without a distribution.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let common = study.common_size(Measure::RoundTrip, placement)?;
    let of_size = study.measured(Measure::RoundTrip, placement).filter(|case| case.bytes() == common);
    let cases: Vec<(&CaseStudy<'_>, Distribution)> =
        of_size.filter_map(|case| Some((case, case.distribution()?))).collect();
    let noise = study.floors().and_then(|floors| Distribution::merge([floors.idle_noise.histogram.as_str()]));
    let step_ns = study.machines.last().and_then(|machine| machine.clock_step_ns()).unwrap_or(0.0);
    let noise = noise.map(|noise| noise.stamped_in_steps_of(step_ns));
    // The axes fit mechanisms with two endpoints; a null transport counts only if it is alone.
    let crosses = |(case, _): &&(&CaseStudy<'_>, Distribution)| case.series.manner != Manner::Alone;
    let any = cases.iter().any(|case| crosses(&case));
    let shown = Shown::of(&cases.iter().map(|entry| entry.0).collect::<Vec<_>>(), size);
    let drawn = cases.iter().filter(|case| (!any || crosses(case)) && shown.shows(&case.0.series));
    let of_cases: Vec<Point> = drawn.flat_map(|(_, latencies)| points(latencies)).collect();
    let highest = of_cases.iter().map(|point| point.x).fold(0.0, f64::max);
    // The noise ends where the cases end, so that it does not extend the axis.
    let mut idle: Vec<Point> = noise.iter().flat_map(points).filter(|point| point.x <= highest).collect();
    let bulk = idle.iter().filter(|point| point.x >= 0.5).copied();
    let heights: Vec<f64> = of_cases.iter().copied().chain(bulk).map(|point| point.y).collect();
    let lowest = heights.iter().copied().fold(f64::MAX, f64::min);
    idle.retain(|point| point.y >= lowest);

    let mut panels = Vec::new();
    let alone: (&str, &[Manner]) = (Manner::Alone.word(), &[Manner::Alone]);
    for (heading, manners) in PANELS.into_iter().chain([alone]) {
        let members: Vec<_> = cases
            .iter()
            .filter(|(case, _)| manners.contains(&case.series.manner) && shown.shows(&case.series))
            .collect();
        if members.is_empty() || (manners.contains(&Manner::Alone) && !panels.is_empty()) {
            continue;
        }
        let mut lines =
            vec![Line { label: "idle CPU".into(), ink: Ink::Reference, marker: None, points: idle.clone() }];
        lines.extend(members.iter().map(|(case, latencies)| line(&case.series, study, looks, latencies)));
        panels.push(Panel { heading: heading.into(), lines, limits: Vec::new() });
    }
    let title = format!("Distribution of the {} round trip, {}", format::bytes(common), place(placement));
    let chart = Lines {
        description: "Round-trip latency by the share of messages that were faster, nines evenly apart, one curve per \
                      mechanism; the grey curve is an idle CPU's own noise.",
        scales: Scales {
            x_name: "share of round trips that took less (%)",
            y_name: "round trip",
            x: Axis::percentiles(highest),
            y: Axis::log(heights, format::time),
        },
        columns: 2,
        panels,
    };
    (!chart.panels.is_empty()).then(|| Figure {
        answer: slowed(&cases.iter().map(|entry| entry.0).collect::<Vec<_>>()),
        note: format!(
            "A curve is all repetitions merged with the same weight, and ends where fewer than ten samples lie beyond it. Percentiles in the table are medians over repetitions. Times shorter than ten steps of the clock are left out. The grey curve \
                 is the noise of an idle CPU, seen as gaps between clock reads: no mechanism can have less.{}",
            shown.describe()
        ),
        table: table(&cases),
        ..Figure::drawn("distribution", title, &chart)
    })
}

/// Largest difference between stamped and counted trips, and the number of cases that differ by more than 5 %.
fn slowed(cases: &[&CaseStudy<'_>]) -> String {
    let all = cases.iter().filter_map(|case| Some((*case, case.stamping()?)));
    let mut marked: Vec<_> = all.filter_map(|(case, both)| Some((case, both, both.warning()?))).collect();
    marked.sort_by(|a, b| b.1.ratio.value.total_cmp(&a.1.ratio.value));
    let Some((case, _, warning)) = marked.first() else { return String::new() };
    let others = match marked.len() - 1 {
        0 => String::new(),
        1 => " One more differs by more than 5 %; see the table.".into(),
        more => format!(" {more} more differ by more than 5 %; see the table."),
    };
    format!("The percentiles of {} come from trips that were {warning}.{others}", case.series.quoted())
}

fn line(series: &Series, study: &Study<'_>, looks: &Looks, latencies: &Distribution) -> Line {
    let look = looks.get(study.index(series));
    Line { label: series.label(), ink: look.ink(), marker: None, points: points(latencies) }
}

fn points(latencies: &Distribution) -> Vec<Point> {
    let at = |q: f64| latencies.at(q).map(|ns| Point::at(q, ns.max(1.0)));
    // The lowest may be too short for the clock, and the highest have too few samples.
    shares().map(at).skip_while(Option::is_none).map_while(|point| point).collect()
}

fn table(cases: &[(&CaseStudy<'_>, Distribution)]) -> Table {
    Table::of(cases)
        .text("Mechanism", "mechanism", |row| row.0.series.label())
        .text("Waiting", "waiting", |row| row.0.series.manner.word())
        .time("Mean, counted", "counted_mean_ns", |row| Some(row.0.stamping()?.counted_ns))
        .time("Mean, stamped", "stamped_mean_ns", |row| Some(row.0.stamping()?.stamped_ns))
        .text("Stamping", "stamping", |row| row.0.stamping().and_then(|both| both.warning()).unwrap_or_default())
        .time("Fastest", "min_ns", |row| row.1.min())
        .time("p50", "p50_ns", |row| row.1.typical_at(0.5))
        .time("p90", "p90_ns", |row| row.1.typical_at(0.9))
        .time("p99", "p99_ns", |row| row.1.typical_at(0.99))
        .time("p99.9", "p999_ns", |row| row.1.typical_at(0.999))
        .time("p99.99", "p9999_ns", |row| row.1.typical_at(0.9999))
        .time("Slowest", "max_ns", |row| Some(row.1.max()))
        .number("Samples", "samples_count", |n| format::whole(n as u64), |row| Some(row.1.samples() as f64))
        .table()
}
