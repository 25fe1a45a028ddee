//! Reads a second against how many of a hundred accesses only read: what it is worth to let readers in together.

use ipcmark_record::{Measure, Placement, metric};

use super::super::axis::Axis;
use super::super::lines::Lines;
use super::super::plot::{Line, Point, Scales};
use super::super::table::Table;
use super::super::{Figure, Looks, Shape};
use super::{extreme, panels};
use crate::analyse::answer::place;
use crate::analyse::best::Shown;
use crate::analyse::locks::{contenders, excludes, holders, home, is_sound};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Cases with the most common number of contenders, in order of series and share of reads.
pub fn cases<'s, 'a>(study: &'s Study<'a>, placement: Placement) -> Vec<&'s CaseStudy<'a>> {
    let placement = home(study, Measure::ReadMostly, placement);
    let mut cases = placement.map_or_else(Vec::new, |at| contenders(study, Measure::ReadMostly, at));
    cases.retain(|case| is_sound(case) && case.case.params.reads_percent.is_some());
    let with = |n: u32| cases.iter().filter(|case| holders(case.case) == n).count();
    let most = cases.iter().map(|case| holders(case.case)).max_by_key(|&n| (with(n), n));
    cases.retain(|case| Some(holders(case.case)) == most);
    cases.sort_by(|a, b| (&a.series, reads(a)).cmp(&(&b.series, reads(b))));
    cases
}

/// Of a hundred accesses, how many only read.
pub fn reads(case: &CaseStudy<'_>) -> u32 {
    case.case.params.reads_percent.unwrap_or(0)
}

/// Shares of reads that were tried, in order.
pub fn shares(cases: &[&CaseStudy<'_>]) -> Vec<u32> {
    let mut shares: Vec<u32> = cases.iter().map(|case| reads(case)).collect();
    shares.sort_unstable();
    shares.dedup();
    shares
}

/// Where a case stands on the axis of `shares`.
pub fn at(case: &CaseStudy<'_>, shares: &[u32]) -> f64 {
    shares.iter().position(|&share| share == reads(case)).unwrap_or(0) as f64
}

/// The axis of `shares`, evenly apart: from 99 to 100 % is as large a step as from 50 to 90.
pub fn axis(shares: &[u32]) -> Axis {
    Axis::even(shares.iter().map(|share| format!("{share}\u{202f}%")).collect())
}

/// The chart; `None` where only one share of reads was tried.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let cases = cases(study, placement);
    let shares = shares(&cases);
    if shares.len() < 2 {
        return None;
    }
    let shown = Shown::of(&cases, |case| u64::from(reads(case)));
    let drawn: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| shown.shows(&case.series)).collect();
    let line = |cases: &[&CaseStudy<'_>]| {
        let look = looks.get(study.index(&cases[0].series));
        let point = |case: &&CaseStudy<'_>| {
            let (y, band) = case.summary.typical?.with_ends();
            Some(Point { band, ..Point::at(at(case, &shares), y) })
        };
        let points = cases.iter().filter_map(point).collect();
        Some(Line { label: cases[0].series.label(), ink: look.ink(), marker: Some(look.marker), points })
    };
    let panels = panels(&drawn, &[], line);
    let points = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    let heights = points.flat_map(|p| [Some(p.y), p.band.map(|b| b.0), p.band.map(|b| b.1)]).flatten();
    let title = format!("Reads per second: {} contenders, {}", holders(cases[0].case), place(cases[0].case.placement));
    let chart = Lines {
        title: title.clone(),
        description:
            "Reads per second of all contenders together by how many of a hundred accesses only read, one line per \
                      lock."
                .into(),
        scales: Scales {
            x_name: "accesses that only read",
            y_name: "reads per second, in all",
            x: axis(&shares),
            y: Axis::log(heights, |rate| format::rate(rate).trimmed().to_string()),
        },
        columns: 2,
        panels,
    };
    Some(Figure {
        id: "reads".into(),
        title,
        answer: answer(&cases, &shares),
        note: format!(
            "Every read copies the state and checks that it is whole; a torn read makes the trial invalid. \
             Each access is drawn at random as a read or a write. Bands are 95 % intervals over \
             repetitions.{}",
            shown.told()
        ),
        legend: looks.kinds_of(drawn.iter().map(|case| &case.series)),
        wide: chart.svg(Shape::Wide),
        narrow: chart.svg(Shape::Narrow),
        more: None,
        table: table(&cases),
    })
}

/// The lock with most reads at the smallest and at the largest share.
fn answer(cases: &[&CaseStudy<'_>], shares: &[u32]) -> String {
    let best = |share: u32| {
        let there: Vec<&CaseStudy<'_>> =
            cases.iter().copied().filter(|case| reads(case) == share && excludes(case)).collect();
        let rate = |case: &CaseStudy<'_>| case.summary.typical.map(|typical| typical.value);
        let (best, rate) = extreme(&there, false, rate)?;
        let (name, rate) = (best.series.quoted(), format::rate(rate));
        Some(format!("With {share}\u{202f}% of reads {name} reads most, {rate}."))
    };
    let ends = [shares.first(), shares.last()];
    ends.into_iter().flatten().filter_map(|&share| best(share)).collect::<Vec<_>>().join(" ")
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Contenders", "holders_count", |case| Some(f64::from(holders(case.case))))
        .count("Reads", "reads_percent", |case| Some(f64::from(reads(case))))
        .spread([("Reads per second", "reads_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")], format::rate)
        .metric("Writes per second", "writes_per_s", format::rate, metric::WRITES_PER_S)
        .metric("Retries per read", "retries_count", format::count, metric::RETRIES_PER_READ)
        .verdict()
        .table()
}
