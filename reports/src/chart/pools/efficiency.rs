//! Efficiency (share of worker time that is work) against the length of a task.

use ipcmark_record::{Kind, metric};

use super::super::axis::Axis;
use super::super::canvas::{Ink, Marker};
use super::super::lines::{Lines, by_manner};
use super::super::parameter::GRAIN;
use super::super::plot::{Line, Panel, Point, Scales};
use super::super::table::Table;
use super::super::{Figure, Looks};
use super::grains::{Found, found};
use super::{competes, swept};
use crate::analyse::best::{MOST_LINES, Shown};
use crate::analyse::ground::Ground;
use crate::analyse::metg::Reach;
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::estimate;
use crate::format;

/// Builds the chart; `None` with fewer than two grains.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let (ground, serial) = swept(study)?;
    let shown = Shown::closest(&ground.cases, MOST_LINES, GRAIN.of);
    let drawn: Vec<&CaseStudy<'_>> = ground.cases.iter().copied().filter(|case| shown.shows(&case.series)).collect();
    let found = found(&ground, &serial);
    let grains = GRAIN.values(&ground.cases);
    let ends = (*grains.first()? as f64, *grains.last()? as f64);
    let panels: Vec<Panel> = by_manner(&drawn, |case| case.series.manner)
        .map(|(heading, members)| {
            let members: Vec<&CaseStudy<'_>> = members.into_iter().copied().collect();
            let mut lines = references(ground.shape.params.workers, ends);
            for cases in members.chunk_by(|a, b| a.series == b.series) {
                lines.push(line(cases, study, looks));
            }
            lines.extend(marks(&members, &found, study, looks));
            Panel { heading: heading.into(), lines, limits: Vec::new() }
        })
        .collect();
    let title = format!("Efficiency against the length of a task: {}", ground.describe());
    let chart = Lines {
        description: "The share of worker time that is the tasks' own work by the length of a task, one line per pool, \
                      with break-even and METG(50 %) marked on it.",
        scales: Scales {
            x_name: GRAIN.name,
            y_name: "share of worker time that is work",
            x: Axis::places(&grains, GRAIN.show),
            y: Axis::shares(),
        },
        columns: 2,
        panels,
    };
    Some(Figure {
        answer: answer(&drawn, &grains),
        note: format!(
            "Work done over workers times whole time. The large circle on a line is METG(50 %), the diamond its break-even with a \
             plain loop. A plain loop keeps one of the workers busy: that is its share. Bands are intervals over repetitions.{}",
            shown.describe()
        ),
        table: table(&ground, &serial),
        ..Figure::drawn("pool-efficiency", title, &chart)
    })
}

fn share(case: &CaseStudy<'_>) -> Option<(f64, Option<(f64, f64)>)> {
    estimate(&case.records, Kind::Rate, metric::EFFICIENCY).map(Estimate::with_ends)
}

fn line(cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Line {
    let look = looks.get(study.index(&cases[0].series));
    let points = cases.iter().filter_map(|case| {
        let (y, band) = share(case)?;
        Some(Point { band, ..Point::at((GRAIN.of)(case) as f64, y) })
    });
    Line { label: cases[0].series.label(), ink: look.ink(), marker: None, points: points.collect() }
}

/// Reference lines at 50 % and at the share of a single worker.
fn references(workers: Option<u32>, (least, most): (f64, f64)) -> Vec<Line> {
    let across = |label: String, height: f64| Line {
        label,
        ink: Ink::Reference,
        marker: None,
        points: vec![Point::at(least, height), Point::at(most, height)],
    };
    let one =
        workers.filter(|&workers| workers > 2).map(|workers| across("plain loop".into(), 1.0 / f64::from(workers)));
    let half = if workers == Some(2) { "50 %, a plain loop" } else { "50 %" };
    [Some(across(half.into(), 0.5)), one].into_iter().flatten().collect()
}

/// Marks at METG(50 %) and break-even, without a name or line.
fn marks(members: &[&CaseStudy<'_>], found: &[Found<'_, '_>], study: &Study<'_>, looks: &Looks) -> Vec<Line> {
    let here = found.iter().filter(|found| members.iter().any(|case| case.series == found.case.series));
    here.flat_map(|found| {
        let of_series: Vec<&CaseStudy<'_>> =
            members.iter().copied().filter(|case| case.series == found.case.series).collect();
        let ink = looks.get(study.index(&found.case.series)).ink();
        let mark = move |reach: Option<Reach>, marker: Marker| {
            let x = reach.and_then(Reach::at)?;
            let points = vec![Point::at(x, height(&of_series, x)?)];
            Some(Line { label: String::new(), ink, marker: Some(marker), points })
        };
        [mark(found.break_even, Marker::Diamond), mark(found.metg, Marker::Circle)].into_iter().flatten()
    })
    .collect()
}

/// Interpolated height of a line at a grain.
fn height(cases: &[&CaseStudy<'_>], grain_ns: f64) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        cases.iter().filter_map(|case| Some((((GRAIN.of)(case) as f64).ln(), share(case)?.0))).collect();
    let x = grain_ns.ln();
    points
        .windows(2)
        .find(|pair| pair[0].0 <= x && x <= pair[1].0)
        .map(|pair| pair[0].1 + (pair[1].1 - pair[0].1) * (x - pair[0].0) / (pair[1].0 - pair[0].0))
}

/// Most efficient pool at the smallest and at the largest grain.
fn answer(cases: &[&CaseStudy<'_>], grains: &[u64]) -> String {
    let best = |grain_ns: u64| {
        let there = cases.iter().filter(|case| (GRAIN.of)(case) == grain_ns && competes(case));
        let (case, share) = there.filter_map(|case| Some((case, share(case)?.0))).max_by(|a, b| a.1.total_cmp(&b.1))?;
        let grain = (GRAIN.show)(grain_ns);
        Some(format!(
            "{} of worker time is work with {} at tasks of {grain}",
            format::percent(share),
            case.series.quoted()
        ))
    };
    let parts: Vec<String> = [grains.first(), grains.last()].into_iter().flatten().filter_map(|&at| best(at)).collect();
    if parts.is_empty() { String::new() } else { format!("At best, {}.", parts.join(", and ")) }
}

fn table(ground: &Ground<'_, '_>, serial: &[&CaseStudy<'_>]) -> Table {
    Table::of(ground.cases.iter().chain(serial))
        .case("Pool")
        .time("Work per task", "grain_ns", |case| Some((GRAIN.of)(case) as f64))
        .number("Efficiency", "efficiency_share", format::percent, |case| Some(share(case)?.0))
        .number("Low", "low_share", format::percent, |case| Some(share(case)?.1?.0))
        .number("High", "high_share", format::percent, |case| Some(share(case)?.1?.1))
        .time("Time per task", "task_ns", |case| case.cost_ns())
        .metric("Worker overhead", "task_overhead_ns", format::time, metric::TASK_OVERHEAD_NS)
        .verdict()
        .table()
}
