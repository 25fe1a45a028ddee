//! What readers and writers wait for each other: a lock that prefers readers lets writers wait, and the other way round.

use ipcmark_record::{Group, Placement, metric};

use super::super::axis::Axis;
use super::super::canvas::Dash;
use super::super::lines::Lines;
use super::super::plot::{Line, Panel, Point, Scales};
use super::super::table::Table;
use super::super::{Figure, Looks, Shape};
use super::extreme;
use super::read_mostly::{at, axis, cases, reads, shares};
use crate::analyse::answer::place;
use crate::analyse::locks::holders;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Both sides: the name of the percentile in records, what it is called, and how its line looks.
const SIDES: [(&str, &str, Dash); 2] =
    [(metric::WRITE_P99_NS, "write", Dash::Dashed), (metric::READ_P99_NS, "read", Dash::Solid)];

/// The chart, a panel for each lock; `None` where waits were not told apart.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let mut cases = cases(study, placement);
    cases.retain(|case| SIDES.iter().any(|side| value(case, side.0).is_some()));
    let shares = shares(&cases);
    // A lock that does not tell readers from writers lets both wait alike.
    let tells = |case: &&CaseStudy<'_>| case.series.group == Some(Group::ReadMostly);
    let drawn: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(tells).collect();
    let panel = |cases: &[&CaseStudy<'_>]| {
        let series = &cases[0].series;
        let look = looks.get(study.index(series));
        let line = |&(name, label, dash): &(&str, &str, Dash)| {
            let point = |case: &&CaseStudy<'_>| Some(Point::at(at(case, &shares), value(case, name)?.max(1.0)));
            let points: Vec<Point> = cases.iter().filter_map(point).collect();
            let marker = (dash == Dash::Solid).then_some(look.marker);
            (!points.is_empty()).then(|| Line { label: label.into(), ink: look.stroke(dash), marker, points })
        };
        let heading = format!("{} ({})", series.label(), series.manner.word());
        Panel { heading, lines: SIDES.iter().filter_map(line).collect(), limits: Vec::new() }
    };
    let panels: Vec<Panel> = drawn.chunk_by(|a, b| a.series == b.series).map(panel).collect();
    if shares.len() < 2 || panels.is_empty() {
        return None;
    }
    let heights = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points).map(|point| point.y);
    let title = format!(
        "Wait of reads and writes, p99: {} contenders, {}",
        holders(cases[0].case),
        place(cases[0].case.placement)
    );
    let chart = Lines {
        title: title.clone(),
        description:
            "99th percentile of the wait of reads and of writes by how many of a hundred accesses only read, one \
                      panel per lock."
                .into(),
        scales: Scales {
            x_name: "accesses that only read",
            y_name: "wait, p99",
            x: axis(&shares),
            y: Axis::log(heights, |ns| format::time(ns).trimmed().to_string()),
        },
        columns: 3,
        panels,
    };
    Some(Figure {
        id: "read-waits".into(),
        title,
        answer: answer(&cases),
        note: "Time from the request until the access that counted began, retries included. Reads are solid, \
             writes dashed; at 100 % reads there is no write. Locks that treat readers and writers alike are \
             in the table only."
            .into(),
        legend: Vec::new(),
        wide: chart.svg(Shape::Wide),
        narrow: chart.svg(Shape::Narrow),
        more: None,
        table: table(&cases),
    })
}

/// Where writes wait longest against reads, and the other way round.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let ratio = |case: &CaseStudy<'_>| {
        (case.series.group == Some(Group::ReadMostly)).then_some(())?;
        Some(value(case, metric::WRITE_P99_NS)?.max(1.0) / value(case, metric::READ_P99_NS)?.max(1.0))
    };
    let told = |(case, ratio): (&CaseStudy<'_>, f64), longer: &str, ratio_of: fn(f64) -> f64| {
        let (name, share) = (case.series.quoted(), reads(case));
        format!("with {name} {longer} {} times as long ({share}\u{202f}% reads)", format::ratio(ratio_of(ratio)))
    };
    let writes = extreme(cases, false, ratio).filter(|one| one.1 > 1.0);
    let reads = extreme(cases, true, ratio).filter(|one| one.1 < 1.0);
    let parts = [
        writes.map(|one| told(one, "writes wait", |ratio| ratio)),
        reads.map(|one| told(one, "reads wait", |ratio| 1.0 / ratio)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("At p99, {}.", parts.join("; ")) }
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Reads", "reads_percent", |case| Some(f64::from(reads(case))))
        .metric("Read, p50", "read_p50_ns", format::time, metric::READ_P50_NS)
        .metric("Read, p99", "read_p99_ns", format::time, metric::READ_P99_NS)
        .metric("Read, longest", "read_starved_ns", format::time, metric::READ_STARVED_NS)
        .metric("Write, p50", "write_p50_ns", format::time, metric::WRITE_P50_NS)
        .metric("Write, p99", "write_p99_ns", format::time, metric::WRITE_P99_NS)
        .metric("Write, longest", "write_starved_ns", format::time, metric::WRITE_STARVED_NS)
        .table()
}
