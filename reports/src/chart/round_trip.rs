//! Round trip against message size: the price of an answer, and where copying takes over from waking.

use ipcmark::record::{Measure, Placement};

use super::axis::Axis;
use super::canvas::Ink;
use super::lines::{Line, Lines, PANELS, Panel, Point};
use super::{Figure, Looks, Shape, table::Cell, table::Table};
use crate::analyse::answer::place;
use crate::analyse::series::Manner;
use crate::analyse::statistics::median;
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

    /// One line per series, its points in order of size. A size that others have and this series lacks is a gap.
    fn lines(&self, cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Vec<Line> {
        let sizes = study.sizes(self.measure, self.placement);
        let line = |cases: &[&CaseStudy<'_>]| {
            let series = &cases[0].series;
            let look = looks.get(study.index(series));
            let mut before = None;
            let points = cases.iter().filter_map(|case| {
                let (y, band) = (self.value)(case)?;
                let at = sizes.iter().position(|&size| size == case.bytes());
                let joined = at.zip(before).is_some_and(|(at, before)| at == before + 1);
                before = at;
                Some(Point { x: case.bytes().max(1) as f64, y, band, joined })
            });
            Line { label: series.label(), ink: look.ink, marker: Some(look.marker), points: points.collect() }
        };
        cases.chunk_by(|a, b| a.series == b.series).map(line).collect()
    }

    /// The floors that ran next to these cases, median over cases at each size: one line where each size has one kind of
    /// floor, else one line per kind.
    fn floors(&self, cases: &[&CaseStudy<'_>]) -> Vec<Line> {
        let mut floors: Vec<(u64, &str, f64)> =
            cases.iter().filter_map(|case| case.floor().map(|(name, ns)| (case.bytes(), name, ns))).collect();
        floors.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        if floors.chunk_by(|a, b| a.0 == b.0).all(|at_size| at_size[0].1 == at_size[at_size.len() - 1].1) {
            return if floors.is_empty() { Vec::new() } else { vec![self.floor_line("floor".into(), &floors)] };
        }
        floors.sort_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)));
        floors.chunk_by(|a, b| a.1 == b.1).map(|of_kind| self.floor_line(floor_name(of_kind[0].1), of_kind)).collect()
    }

    /// One line through floors in order of size.
    fn floor_line(&self, label: String, floors: &[(u64, &str, f64)]) -> Line {
        let points = floors.chunk_by(|a, b| a.0 == b.0).filter_map(|at_size| {
            let (bytes, ns) = (at_size[0].0, median(at_size.iter().map(|floor| floor.2))?);
            Some(Point { x: bytes.max(1) as f64, y: (self.floor)(ns, bytes), band: None, joined: true })
        });
        Line { label, ink: Ink::Reference, marker: None, points: points.collect() }
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
