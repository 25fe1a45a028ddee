//! Acquisitions per second against the number of contenders, up to more contenders than CPUs.

use ipcmark_record::{Measure, Placement, metric};

use super::super::axis::Axis;
use super::super::lines::Lines;
use super::super::plot::{Line, Point, Scales};
use super::super::table::Table;
use super::super::{Figure, Looks, Shape};
use super::{panels, scaling};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, with_interval};
use crate::analyse::locks::{Work, contenders, cpus, excludes, holders, is_sound};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// A chart for each work that was asked of several numbers of contenders, and what limits each lock below it.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let mut cases = contenders(study, Measure::Contention, placement);
    cases.sort_by(|a, b| {
        let order = |case: &CaseStudy<'_>| (Work::of(case.case), case.series.clone(), holders(case.case));
        order(a).cmp(&order(b))
    });
    let each = cases.chunk_by(|a, b| Work::of(a.case) == Work::of(b.case));
    each.filter(|cases| numbers(cases).len() > 1)
        .flat_map(|cases| {
            let chart = figure(study, looks, placement, cases);
            [Some(chart), scaling::figure(cases, placement)]
        })
        .flatten()
        .collect()
}

/// Numbers of contenders that were tried, in order.
fn numbers(cases: &[&CaseStudy<'_>]) -> Vec<u64> {
    let mut numbers: Vec<u64> = cases.iter().map(|case| u64::from(holders(case.case))).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, cases: &[&CaseStudy<'_>]) -> Figure {
    let work = Work::of(cases[0].case);
    let shown = Shown::of(cases, |case| u64::from(holders(case.case)));
    // A rate of work that was lost is no rate, and would stretch the axis for nothing.
    let lossy: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| !is_sound(case)).collect();
    let sound = |case: &CaseStudy<'_>| lossy.iter().all(|lossy| lossy.series != case.series);
    let drawn: Vec<&CaseStudy<'_>> =
        cases.iter().copied().filter(|case| shown.shows(&case.series) && sound(case)).collect();
    let line = |cases: &[&CaseStudy<'_>]| {
        let look = looks.get(study.index(&cases[0].series));
        let points = cases.iter().filter_map(|case| {
            let (rate, band) = case.summary.typical?.with_ends();
            Some(Point { band, ..Point::at(f64::from(holders(case.case)), rate) })
        });
        let label = cases[0].series.label();
        Some(Line { label, ink: look.ink(), marker: Some(look.marker), points: points.collect() })
    };
    let numbers = numbers(cases);
    let limits: Vec<(f64, String)> =
        limit(study, &numbers).map(|at| (at, "more contenders than CPUs \u{2192}".into())).into_iter().collect();
    let panels = panels(&drawn, &limits, line);
    let points = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let heights = points.flat_map(|p| [Some(p.y), p.band.map(|b| b.0), p.band.map(|b| b.1)]).flatten();
    let title = format!("Acquisitions per second against contenders: {work}, {}", place(placement));
    let chart = Lines {
        title: title.clone(),
        description:
            "Acquisitions per second of all contenders together by the number of contenders, on logarithmic axes, one \
                      line per lock."
                .into(),
        scales: Scales {
            x_name: "holders",
            y_name: "acquisitions per second, in all",
            x: Axis::places(&numbers, |n| n.to_string()),
            y: Axis::log(heights, |rate| format::rate(rate).trimmed().to_string()),
        },
        columns: 2,
        panels,
    };
    Figure {
        id: format!("holders-{}", work.id()),
        title,
        answer: answer(study, cases, &numbers),
        note: format!(
            "A fixed window in which all contenders run; each repeats {work}. Right of the grey line there \
             are more contenders than CPUs. Rows that lose updates have no rate and are in the table only. \
             Grey lines are single instructions instead of a lock. A high rate can be one contender that the \
             others never interrupt: see fairness below.{}",
            shown.told()
        ),
        legend: looks.kinds_of(drawn.iter().map(|case| &case.series)),
        wide: chart.svg(Shape::Wide),
        narrow: chart.svg(Shape::Narrow),
        more: None,
        table: table(cases),
    }
}

/// Between the last number of contenders that have a CPU each and the first that do not.
fn limit(study: &Study<'_>, numbers: &[u64]) -> Option<f64> {
    let cpus = u64::from(cpus(study)?);
    let last = numbers.iter().copied().filter(|&n| n <= cpus).max()?;
    let first = numbers.iter().copied().filter(|&n| n > cpus).min()?;
    Some((last as f64 * first as f64).sqrt())
}

/// The highest rates with a CPU for each contender, and with the most contenders.
fn answer(study: &Study<'_>, cases: &[&CaseStudy<'_>], numbers: &[u64]) -> String {
    let fitting = cpus(study).and_then(|cpus| numbers.iter().copied().filter(|&n| n > 1 && n <= u64::from(cpus)).max());
    let mut asked: Vec<u64> = fitting.into_iter().chain(numbers.last().copied()).collect();
    asked.dedup();
    let best = |n: u64, polls: bool| {
        let of = |case: &&&CaseStudy<'_>| {
            let competes = excludes(case) && is_sound(case) && case.series.between_processes();
            competes && u64::from(holders(case.case)) == n && (case.series.manner == Manner::Polls) == polls
        };
        let cost = |case: &&&CaseStudy<'_>| case.cost_ns().unwrap_or(f64::MAX);
        let best = cases.iter().filter(of).min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
        let word = best.series.manner.word();
        Some(format!(
            "{}, which {word}, {}",
            best.series.quoted(),
            with_interval(best.summary.typical.as_ref()?, format::rate)
        ))
    };
    let told = |&n: &u64| {
        let parts: Vec<String> = [best(n, true), best(n, false)].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("With {n} contenders the highest rate is that of {}.", parts.join(" and ")))
    };
    asked.iter().filter_map(told).collect::<Vec<_>>().join(" ")
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Contenders", "holders_count", |case| Some(f64::from(holders(case.case))))
        .spread([("Rate", "acquisitions_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")], format::rate)
        .metric("CPU time each", "cpu_ns", format::time, metric::CPU_NS_PER_ACQUISITION)
        .metric("Switches each", "switches_count", format::count, metric::SWITCHES_PER_ACQUISITION)
        .metric("Handed off", "handed_over_share", format::percent, metric::HANDED_OVER_SHARE)
        .metric("Lost updates", "lost_count", |lost| format::whole(lost as u64), metric::LOST_UPDATES)
        .verdict()
        .table()
}
