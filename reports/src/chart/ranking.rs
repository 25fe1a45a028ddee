//! Ranking at the smallest size: one point with its interval per mechanism, grouped by how it waits.

use ipcmark::record::{Measure, Placement};

use super::axis::Axis;
use super::canvas::{Canvas, Ink, Side, draw, text_width};
use super::round_trip::floor_name;
use super::table::{Cell, Table};
use super::{Figure, Looks, Shape};
use crate::analyse::answer::place;
use crate::analyse::series::Manner;
use crate::analyse::statistics::{Estimate, median};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

const TEXT: f64 = 13.0;
const ROW: f64 = 24.0;
const HEADING: f64 = 30.0;
const BOTTOM: f64 = 46.0;
/// Room at the top for the names of floors.
const FLOORS: f64 = 14.0;

/// The chart; `None` without round trips.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let &smallest = study.sizes(Measure::RoundTrip, placement).first()?;
    let groups: Vec<(Manner, Vec<Entry<'_, '_>>)> = Manner::ALL
        .into_iter()
        .map(|manner| (manner, entries(study, placement, smallest, manner)))
        .filter(|(_, entries)| !entries.is_empty())
        .collect();
    let title = format!("Who answers soonest: {} round trip, {}", format::bytes(smallest), place(placement));
    let ranking = Ranking { study, looks, groups, title };
    Some(Figure {
        id: "ranking".into(),
        title: ranking.title.clone(),
        note:
            "Median over sets of processes with its 95 % interval; ranked within each way of waiting, since a CPU kept \
               busy is a price of its own. Intervals that overlap show no difference."
                .into(),
        legend: Vec::new(),
        wide: ranking.svg(Shape::Wide),
        narrow: ranking.svg(Shape::Narrow),
        table: ranking.table(),
    })
}

struct Entry<'s, 'a> {
    case: &'s CaseStudy<'a>,
    typical: Estimate,
}

fn entries<'s, 'a>(study: &'s Study<'a>, placement: Placement, bytes: u64, manner: Manner) -> Vec<Entry<'s, 'a>> {
    let mut entries: Vec<_> = study
        .measured(Measure::RoundTrip, placement)
        .filter(|case| case.bytes() == bytes && case.series.manner == manner)
        .filter_map(|case| Some(Entry { case, typical: case.summary.typical? }))
        .collect();
    entries.sort_by(|a, b| a.typical.value.total_cmp(&b.typical.value));
    entries
}

/// `212 ns  (206 to 220 ns)`.
fn told(typical: &Estimate) -> String {
    let value = format::ns(typical.value);
    match typical.interval {
        Some(interval) => format!("{value}  ({})", format::span(interval.low, interval.high, format::time)),
        None => value,
    }
}

/// The floors that ran next to these cases, median over cases: each a line down the chart.
fn floors(groups: &[(Manner, Vec<Entry<'_, '_>>)]) -> Vec<(String, f64)> {
    let mut floors: Vec<(&str, f64)> =
        groups.iter().flat_map(|(_, entries)| entries).filter_map(|entry| entry.case.floor()).collect();
    floors.sort_by(|a, b| a.0.cmp(b.0));
    let each = floors.chunk_by(|a, b| a.0 == b.0);
    each.filter_map(|same| Some((floor_name(same[0].0), median(same.iter().map(|floor| floor.1))?))).collect()
}

struct Ranking<'s, 'a> {
    study: &'s Study<'a>,
    looks: &'s Looks,
    groups: Vec<(Manner, Vec<Entry<'s, 'a>>)>,
    title: String,
}

impl Ranking<'_, '_> {
    fn svg(&self, shape: Shape) -> String {
        let all = || self.groups.iter().flat_map(|(_, entries)| entries);
        let widest = all().map(|entry| text_width(&entry.case.series.label(), TEXT)).fold(40.0, f64::max);
        let told_width = all().map(|entry| text_width(&told(&entry.typical), TEXT)).fold(60.0, f64::max);
        // In a narrow drawing name and value stand above their point.
        let (left, right, row) = match shape {
            Shape::Wide => (widest + 18.0, shape.width() - told_width - 10.0, ROW),
            Shape::Narrow => (8.0, shape.width() - 16.0, ROW + 13.0),
        };
        let floors = floors(&self.groups);
        let spans = all().flat_map(|entry| {
            let interval = entry.typical.interval;
            [Some(entry.typical.value), interval.map(|i| i.low), interval.map(|i| i.high)]
        });
        let axis = Axis::log(spans.flatten().chain(floors.iter().map(|floor| floor.1)), |ns| {
            format::time(ns).trimmed().to_string()
        });
        let rows = all().count() as f64;
        let height = FLOORS + HEADING * self.groups.len() as f64 + row * rows + BOTTOM;
        draw(
            (shape.width(), height),
            &self.title,
            "Round-trip medians with their intervals on a logarithmic axis, sorted within each way of waiting.",
            |canvas| {
                let plot =
                    Plot { canvas, axis: axis.thin(58.0 / (right - left)), left, right, bottom: height - BOTTOM };
                plot.frame();
                for (name, ns) in &floors {
                    plot.floor(name, *ns);
                }
                let mut y = FLOORS;
                for (manner, entries) in &self.groups {
                    canvas.text((0.0, y + HEADING - 12.0), Side::Right, manner.word(), Ink::Strong, TEXT);
                    y += HEADING;
                    for entry in entries {
                        plot.entry(self, entry, y + row / 2.0, shape);
                        y += row;
                    }
                }
            },
        )
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            ("Mechanism", "mechanism"),
            ("Waiting", "waiting"),
            ("Round trip", "round_trip_ns"),
            ("Low", "low_ns"),
            ("High", "high_ns"),
            ("Sets", "sets_count"),
        ]);
        for (manner, entry) in self.groups.iter().flat_map(|(manner, all)| all.iter().map(move |one| (manner, one))) {
            let interval = entry.typical.interval;
            table.rows.push(vec![
                Cell::text(entry.case.series.label()),
                Cell::text(manner.word()),
                Cell::number(Some(entry.typical.value), format::ns),
                Cell::number(interval.map(|i| i.low), format::ns),
                Cell::number(interval.map(|i| i.high), format::ns),
                Cell::number(Some(entry.typical.sets as f64), format::count),
            ]);
        }
        table
    }
}

struct Plot<'a, 'c> {
    canvas: &'a Canvas<'c>,
    axis: Axis,
    left: f64,
    right: f64,
    bottom: f64,
}

impl Plot<'_, '_> {
    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.axis.place(value)
    }

    fn frame(&self) {
        for (value, label) in &self.axis.ticks {
            let x = self.x(*value);
            self.canvas.line(&[(x, FLOORS + 4.0), (x, self.bottom + 4.0)], Ink::Grid, 1.0);
            self.canvas.text((x, self.bottom + 14.0), Side::Middle, label, Ink::Muted, TEXT - 1.0);
        }
        self.canvas.line(&[(self.left, self.bottom + 4.0), (self.right, self.bottom + 4.0)], Ink::Axis, 1.0);
        let middle = f64::midpoint(self.left, self.right);
        self.canvas.text((middle, self.bottom + 34.0), Side::Middle, "round trip (log scale)", Ink::Text, TEXT - 1.0);
    }

    fn floor(&self, name: &str, ns: f64) {
        let x = self.x(ns);
        self.canvas.line(&[(x, 14.0), (x, self.bottom + 4.0)], Ink::Reference, 1.2);
        let text = format!("{name}, {}", format::ns(ns));
        // The name stands on the side where there is room for it.
        let side = if x - self.left > text_width(&text, TEXT - 1.0) { Side::Left } else { Side::Right };
        self.canvas.text((x, 6.0), side, &text, Ink::Reference, TEXT - 1.0);
    }

    fn entry(&self, ranking: &Ranking<'_, '_>, entry: &Entry<'_, '_>, y: f64, shape: Shape) {
        let look = ranking.looks.get(ranking.study.index(&entry.case.series));
        let (canvas, typical) = (self.canvas, entry.typical);
        let name = entry.case.series.label();
        let told = told(&typical);
        let y = match shape {
            Shape::Wide => {
                canvas.text((self.left - 12.0, y), Side::Left, &name, look.ink, TEXT);
                canvas.text((self.right + 10.0, y), Side::Right, &told, Ink::Text, TEXT);
                y
            }
            Shape::Narrow => {
                canvas.text((0.0, y - 8.0), Side::Right, &name, look.ink, TEXT);
                canvas.text((self.right + 14.0, y - 8.0), Side::Left, &told, Ink::Text, TEXT);
                y + 8.0
            }
        };
        let x = self.x(typical.value);
        canvas.line(&[(self.left, y), (x, y)], Ink::Grid, 1.0);
        if let Some(interval) = typical.interval {
            let (low, high) = (self.x(interval.low), self.x(interval.high));
            canvas.bar((low, y - 1.2), (high, y + 1.2), look.ink);
            for end in [low, high] {
                canvas.bar((end - 0.7, y - 5.0), (end + 0.7, y + 5.0), look.ink);
            }
        }
        canvas.marker((x, y), look.marker, look.ink, 4.4);
    }
}
