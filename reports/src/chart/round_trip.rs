//! Round trip against message size: the price of an answer, and where copying takes over from waking.

use ipcmark::record::{Measure, Placement};

use super::axis::Axis;
use super::canvas::Ink;
use super::lines::{Line, Lines, PANELS, Panel, Point};
use super::{Figure, Looks, Shape, table::Cell, table::Table};
use crate::analyse::answer::place;
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format::{self, Quantity};

/// How a case becomes a point: the value and both ends of its interval.
pub type AsPoint = fn(&CaseStudy<'_>) -> Option<(f64, Option<(f64, f64)>)>;

/// The chart; `None` without round trips.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let against_size = AgainstSize {
        measure: Measure::RoundTrip,
        placement,
        value: |case| {
            let typical = case.summary.typical?;
            Some((typical.value, typical.interval.map(|i| (i.low, i.high))))
        },
        floor: |ns, _| ns,
        show: format::time,
        y_name: "round trip",
        title: format!("Round trip against message size, {}", place(placement)),
        description: "Time for a message out and back by message size, on logarithmic axes, one line per mechanism.",
    };
    let table = against_size.table(study, ("Round trip", "round_trip_ns"), ("Low", "low_ns"), ("High", "high_ns"));
    Some(Figure {
        id: "round-trip".into(),
        note:
            "Closed loop, one message outstanding, every byte written and read on both sides. Bands and bars are 95 % \
               intervals over sets of processes; the grey line is the floor measured next to the cases."
                .into(),
        ..against_size.figure(study, looks, table)?
    })
}

/// A chart of some value against message size, in panels by how a side waits.
pub struct AgainstSize {
    /// Which cases.
    pub measure: Measure,
    /// Where they ran.
    pub placement: Placement,
    /// The value of a case.
    pub value: AsPoint,
    /// The value of a floor of so many nanoseconds, at a size.
    pub floor: fn(f64, u64) -> f64,
    /// How values are written.
    pub show: fn(f64) -> Quantity,
    /// Name of the vertical axis.
    pub y_name: &'static str,
    /// Heading.
    pub title: String,
    /// For those who hear it.
    pub description: &'static str,
}

impl AgainstSize {
    fn cases<'s, 'a>(&self, study: &'s Study<'a>) -> Vec<&'s CaseStudy<'a>> {
        study.measured(self.measure, self.placement).filter(|case| (self.value)(case).is_some()).collect()
    }

    /// Draws it in both shapes; the caller names it.
    pub fn figure(&self, study: &Study<'_>, looks: &Looks, table: Table) -> Option<Figure> {
        let cases = self.cases(study);
        let sizes = study.sizes(self.measure, self.placement);
        let alone: Vec<_> = cases.iter().copied().filter(|case| case.series.manner == Manner::Alone).collect();
        let mut panels = Vec::new();
        for (heading, manners) in PANELS {
            let members: Vec<_> = cases.iter().copied().filter(|case| manners.contains(&case.series.manner)).collect();
            if members.is_empty() {
                continue;
            }
            let mut lines = self.floors(&members);
            lines.extend(self.lines(&alone, study, looks));
            lines.extend(self.lines(&members, study, looks));
            panels.push(Panel { heading, lines });
        }
        if panels.is_empty() && !alone.is_empty() {
            panels.push(Panel { heading: Manner::Alone.word(), lines: self.lines(&alone, study, looks) });
        }
        let points = panels.iter().flat_map(|panel| panel.lines.iter().flat_map(|line| &line.points));
        let values = points.flat_map(|p| [Some(p.y), p.band.map(|b| b.0), p.band.map(|b| b.1)]).flatten();
        let chart = Lines {
            title: self.title.clone(),
            description: self.description.into(),
            x_name: "message size",
            y_name: self.y_name,
            x: Axis::sizes(&sizes),
            y: Axis::log(values, |value| (self.show)(value).trimmed().to_string()),
            panels,
        };
        (!chart.panels.is_empty()).then(|| Figure {
            id: String::new(),
            title: self.title.clone(),
            note: String::new(),
            legend: Vec::new(),
            wide: chart.svg(Shape::Wide),
            narrow: chart.svg(Shape::Narrow),
            table,
        })
    }

    /// One line per series, its points in order of size.
    fn lines(&self, cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Vec<Line> {
        let of_series = cases.chunk_by(|a, b| a.series == b.series);
        let line = |cases: &[&CaseStudy<'_>]| {
            let series = &cases[0].series;
            let look = looks.get(study.index(series));
            let points = cases.iter().filter_map(|case| {
                let (y, band) = (self.value)(case)?;
                Some(Point { x: case.bytes().max(1) as f64, y, band })
            });
            Line { label: series.label(), ink: look.ink, marker: Some(look.marker), points: points.collect() }
        };
        of_series.map(line).collect()
    }

    /// The floors that ran next to these cases, one line per kind: the median over cases at each size.
    fn floors(&self, cases: &[&CaseStudy<'_>]) -> Vec<Line> {
        let mut floors: Vec<(&str, u64, f64)> =
            cases.iter().filter_map(|case| case.floor().map(|(name, ns)| (name, case.bytes(), ns))).collect();
        floors.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let several = floors.first().map(|floor| floor.0) != floors.last().map(|floor| floor.0);
        let line = |of_name: &[(&str, u64, f64)]| {
            let at_size = of_name.chunk_by(|a, b| a.1 == b.1);
            let points = at_size.filter_map(|same| {
                let ns = crate::analyse::statistics::median(same.iter().map(|floor| floor.2))?;
                Some(Point { x: same[0].1.max(1) as f64, y: (self.floor)(ns, same[0].1), band: None })
            });
            let label = if several { floor_name(of_name[0].0) } else { "floor".into() };
            Line { label, ink: Ink::Reference, marker: None, points: points.collect() }
        };
        floors.chunk_by(|a, b| a.0 == b.0).map(line).collect()
    }

    /// The numbers behind it.
    pub fn table(
        &self,
        study: &Study<'_>,
        value: (&'static str, &'static str),
        low: (&'static str, &'static str),
        high: (&'static str, &'static str),
    ) -> Table {
        let mut table = Table::new(&[
            ("Mechanism", "mechanism"),
            ("Waiting", "waiting"),
            ("Size", "message_bytes"),
            value,
            low,
            high,
            ("Sets", "sets_count"),
        ]);
        let show = |value| (self.show)(value).to_string();
        for case in self.cases(study) {
            let (value, band) = (self.value)(case).unzip();
            let band = band.flatten();
            table.rows.push(vec![
                Cell::text(case.series.label()),
                Cell::text(case.series.manner.word()),
                Cell::number(Some(case.bytes() as f64), |bytes| format::bytes(bytes as u64)),
                Cell::number(value, show),
                Cell::number(band.map(|band| band.0), show),
                Cell::number(band.map(|band| band.1), show),
                Cell::number(Some(case.summary.sets.measured as f64), format::count),
            ]);
        }
        table
    }
}

/// A floor's name in records as a label.
pub fn floor_name(name: &str) -> String {
    format!("floor: {}", name.replace('_', " "))
}
