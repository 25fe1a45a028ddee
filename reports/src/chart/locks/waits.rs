//! The wait for a lock against how much of its time is asked for: flat where it is mostly free, a wall where it is not.

use ipcmark_record::{Measure, Placement};

use super::super::axis::Axis;
use super::super::canvas::Dash;
use super::super::lines::Lines;
use super::super::plot::{Line, Panel, Point, Scales};
use super::super::table::Table;
use super::super::{Figure, Looks, Shape};
use super::extreme;
use crate::analyse::answer::place;
use crate::analyse::best::Shown;
use crate::analyse::locks::{Work, contenders, excludes, holders, is_sound, utilisation};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::summary::CaseSummary;
use crate::format;

/// The chart, of the sweep over work outside that most cases belong to; `None` without any.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let cases = sweep(study, placement)?;
    let shown = Shown::of(&cases, |case| Work::of(case.case).outside_ns);
    let drawn: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| shown.shows(&case.series)).collect();
    let panels: Vec<Panel> =
        drawn.chunk_by(|a, b| a.series == b.series).map(|cases| panel(cases, study, looks)).collect();
    let points = || panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let (n, inside) = (holders(cases[0].case), Work::of(cases[0].case).inside_ns);
    let inside = if inside > 0 { format!(", {} inside", format::time(inside as f64).trimmed()) } else { String::new() };
    let title = format!("The wait against offered utilisation: {n} contenders{inside}, {}", place(placement));
    let chart = Lines {
        title: title.clone(),
        description:
            "Median, 99th and 99.9th percentile of the wait by the share of the lock's time that is asked for, on \
                      logarithmic axes, one panel per lock."
                .into(),
        scales: Scales {
            x_name: "offered utilisation \u{3c1}",
            y_name: "wait for the lock",
            x: Axis::log(points().map(|point| point.x), |rho| format::ratio(rho).trimmed().to_string()),
            y: Axis::log(points().map(|point| point.y), |ns| format::time(ns).trimmed().to_string()),
        },
        columns: 3,
        panels,
    };
    (!chart.panels.is_empty()).then(|| Figure {
        id: "waits".into(),
        title,
        answer: answer(&cases),
        note: format!(
            "\u{3c1} = n C / (C + N): n contenders with critical section C and think time N request that \
             share of the time of the lock, if the lock itself cost nothing. A wait is the time from request \
             to acquisition, over the sampled acquisitions. Without a calibrated critical section, the \
             measured hold time counts as C.{}",
            shown.told()
        ),
        legend: Vec::new(),
        wide: chart.svg(Shape::Wide),
        narrow: chart.svg(Shape::Narrow),
        more: None,
        table: table(&cases),
    })
}

/// The cases that differ in nothing but the work outside, in order of series and utilisation: the largest such field, and
/// of those only locks that were asked more than once.
fn sweep<'s, 'a>(study: &'s Study<'a>, placement: Placement) -> Option<Vec<&'s CaseStudy<'a>>> {
    let mut cases = contenders(study, Measure::Contention, placement);
    cases.retain(|case| excludes(case) && is_sound(case) && case.summary.p50_ns.is_some());
    let field = |case: &CaseStudy<'_>| {
        let work = Work::of(case.case);
        (holders(case.case), work.inside_ns, work.lines)
    };
    let mut fields: Vec<_> = cases.iter().map(|case| field(case)).collect();
    fields.sort_unstable();
    fields.dedup();
    let swept = |wanted| {
        let mut members: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| field(case) == wanted).collect();
        members.sort_by(|a, b| {
            let rho = |case: &CaseStudy<'_>| utilisation(case).unwrap_or(0.0);
            a.series.cmp(&b.series).then(rho(a).total_cmp(&rho(b)))
        });
        let each = members.chunk_by(|a, b| a.series == b.series).filter(|cases| cases.len() > 1);
        each.flat_map(<[_]>::to_vec).collect::<Vec<_>>()
    };
    fields.into_iter().filter(|field| field.0 > 1).map(swept).max_by_key(Vec::len).filter(|cases| !cases.is_empty())
}

fn panel(cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Panel {
    let series = &cases[0].series;
    let look = looks.get(study.index(series));
    let percentile = |label: &str, dash: Dash, value: fn(&CaseSummary) -> Option<f64>| Line {
        label: label.into(),
        ink: look.stroke(dash),
        marker: (dash == Dash::Solid).then_some(look.marker),
        points: cases
            .iter()
            .filter_map(|case| Some(Point::at(utilisation(case)?, value(&case.summary)?.max(1.0))))
            .collect(),
    };
    let mut lines = vec![
        percentile("p99.9", Dash::Dotted, |summary| summary.p999_ns),
        percentile("p99", Dash::Dashed, |summary| summary.p99_ns),
        percentile("median", Dash::Solid, |summary| summary.p50_ns),
    ];
    lines.retain(|line| !line.points.is_empty());
    Panel { heading: format!("{} ({})", series.label(), series.manner.word()), lines, limits: Vec::new() }
}

/// The shortest and longest waits at the lowest and at the highest utilisation.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let mut places: Vec<u64> = cases.iter().map(|case| Work::of(case.case).outside_ns).collect();
    places.sort_unstable();
    places.dedup();
    let told = |outside: u64| {
        let there: Vec<&CaseStudy<'_>> =
            cases.iter().copied().filter(|case| Work::of(case.case).outside_ns == outside).collect();
        let p99 = |case: &CaseStudy<'_>| case.summary.p99_ns;
        let (least, most) = (extreme(&there, true, p99)?, extreme(&there, false, p99)?);
        let rho = format::ratio(utilisation(least.0)?);
        let name = |(case, ns): (&CaseStudy<'_>, f64)| format!("{} with {}", format::ns(ns), case.series.quoted());
        Some(format!(
            "At \u{3c1} = {rho} one wait in a hundred is longer than {}, and than {}.",
            name(least),
            name(most)
        ))
    };
    let ends = [places.last().copied(), places.first().copied().filter(|_| places.len() > 1)];
    ends.into_iter().flatten().filter_map(told).collect::<Vec<_>>().join(" ")
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .text("Work", "work", |case| Work::of(case.case).to_string())
        .number("\u{3c1}", "utilisation_count", format::ratio, |case| utilisation(case))
        .time("p50", "p50_ns", |case| case.summary.p50_ns)
        .time("p99", "p99_ns", |case| case.summary.p99_ns)
        .time("p99.9", "p999_ns", |case| case.summary.p999_ns)
        .typical("Rate", "acquisitions_per_s", format::rate)
        .table()
}
