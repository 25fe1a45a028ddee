//! Fairness over windows: a lock that is fair in the long run may be unfair over a millisecond.

use ipcmark_record::{Measure, Placement, metric};

use super::super::axis::Axis;
use super::super::lines::{Lines, by_manner, heights};
use super::super::plot::{Line, Panel, Point, Scales};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, extreme};
use crate::analyse::locks::{
    common_ground, describe_ground, excludes, on_ground, over_windows, rivals, whole_window_ns, windows_ns,
};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Builds the chart; `None` without windows.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let mut cases = rivals(study, Measure::Contention, placement);
    cases.retain(|case| excludes(case) && case.is_sound());
    let ground = common_ground(study, &cases)?;
    let cases = on_ground(&cases, ground);
    let lengths = windows_ns(&cases);
    if lengths.is_empty() {
        return None;
    }
    let shown = Shown::of(&cases, |_| 0);
    let drawn: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| shown.shows(&case.series)).collect();
    let line = |case: &CaseStudy<'_>| {
        let look = looks.get(study.index(&case.series));
        let points = points(case, &lengths);
        (!points.is_empty()).then(|| Line {
            label: case.series.label(),
            ink: look.ink(),
            marker: Some(look.marker),
            points,
        })
    };
    let panel = |(heading, members): (&str, Vec<&&CaseStudy<'_>>)| Panel {
        heading: heading.into(),
        lines: members.into_iter().filter_map(|case| line(case)).collect(),
        limits: Vec::new(),
    };
    let panels: Vec<Panel> = by_manner(&drawn, |case| case.series.manner).map(panel).collect();
    let points = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let mut spans: Vec<u64> = points.map(|point| point.x as u64).collect();
    spans.sort_unstable();
    spans.dedup();
    let title = format!("Fairness by length of window: {}, {}", describe_ground(ground), place(placement));
    let chart = Lines {
        description: "Jain's index by the length of the window over which shares are counted, one line per lock.",
        scales: Scales {
            x_name: "window",
            y_name: "Jain's index",
            x: Axis::places(&spans, |ns| format::time(ns as f64).trimmed().to_string()),
            y: Axis::index(heights(&panels)),
        },
        columns: 2,
        panels,
    };
    Some(Figure {
        answer: answer(&cases),
        note: format!(
            "Mean of Jain's index over all windows of a length; the last point is the whole measurement. It \
             is 1 when all contenders got the same share, 1/{} when one got all. A line that rises late is a \
             lock that serves in long turns.{}",
            ground.1,
            shown.describe()
        ),
        legend: looks.kinds_of(drawn.iter().map(|case| &case.series)),
        table: table(&cases, &lengths),
        ..Figure::drawn("starvation", title, &chart)
    })
}

/// Point for each window length, and one for the whole measurement.
fn points(case: &CaseStudy<'_>, lengths: &[u64]) -> Vec<Point> {
    let at = |&ns: &u64| Some(Point::at(ns as f64, over_windows(case, ns, |fairness| fairness.jain_mean)?));
    let whole = whole_window_ns(case).zip(value(case, metric::JAIN)).map(|(ns, jain)| Point::at(ns, jain));
    let mut points: Vec<Point> = lengths.iter().filter_map(at).chain(whole).collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    points
}

/// Locks with the longest and the shortest starvation.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let starved = |case: &CaseStudy<'_>| value(case, metric::STARVED_NS);
    let describe = |(case, ns): (&CaseStudy<'_>, f64)| {
        let run = value(case, metric::LONGEST_RUN)
            .map(|run| format!(", and the most acquisitions in a row are {}", format::whole(run as u64)));
        format!("with {} {}{}", case.series.quoted(), format::ns(ns), run.unwrap_or_default())
    };
    match (extreme(cases, false, starved), extreme(cases, true, starved)) {
        (Some(most), Some(least)) if cases.len() > 1 => {
            format!("Longest time of a contender without the lock: {}; {}.", describe(most), describe(least))
        }
        _ => String::new(),
    }
}

fn table(cases: &[&CaseStudy<'_>], lengths: &[u64]) -> Table {
    let windows = cases.iter().flat_map(|case| lengths.iter().map(move |&ns| (*case, ns)));
    Table::of(windows)
        .case("Lock")
        .time("Window", "window_ns", |(_, ns)| Some(*ns as f64))
        .number("Jain, mean", "jain_mean_count", format::ratio, |(case, ns)| {
            over_windows(case, *ns, |one| one.jain_mean)
        })
        .number("Jain, least", "jain_min_count", format::ratio, |(case, ns)| {
            over_windows(case, *ns, |one| one.jain_min)
        })
        .number("Got nothing", "starved_share", format::percent, |(case, ns)| {
            over_windows(case, *ns, |one| one.starved_share)
        })
        .metric("Longest without", "starved_ns", format::time, metric::STARVED_NS)
        .metric("Longest run", "run_count", |run| format::whole(run as u64), metric::LONGEST_RUN)
        .table()
}
