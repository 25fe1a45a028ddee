//! Chart with one or more points per variant on a logarithmic axis, in sections.

use ipcmark_record::Isolation;

use super::axis::Axis;
use super::canvas::Marker;
use super::dots::{Dots, Mark, Row, Section};
use super::{Figure, Key, Looks, Table};
use crate::analyse::families::is_python;
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::format::Quantity;

/// Least value on a log axis.
const LEAST: f64 = 1e-9;

/// Contents of the chart.
pub struct Points<'s, 'a> {
    /// Fragment identifier.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Description for screen readers.
    pub description: &'static str,
    /// Finding in a sentence.
    pub answer: String,
    /// Reading instructions.
    pub note: String,
    /// Name of the axis.
    pub x_name: &'static str,
    /// Formatter of the axis.
    pub show: fn(f64) -> Quantity,
    /// Names and values of reference lines.
    pub references: Vec<(String, f64)>,
    /// Headings with rows, from top to bottom; rows without a point are left out.
    pub sections: Vec<(String, Vec<Entry<'s, 'a>>)>,
    /// Table of the numbers.
    pub table: Table,
}

/// Groups cases by endpoints (processes, threads, Python), cheapest first.
pub fn by_sides<'s, 'a>(cases: &[&'s CaseStudy<'a>]) -> Vec<(&'static str, Vec<&'s CaseStudy<'a>>)> {
    let cost = |case: &CaseStudy<'_>| case.cost_ns().unwrap_or(f64::MAX);
    let mut cases = cases.to_vec();
    cases.sort_by(|a, b| sides(a).cmp(&sides(b)).then(cost(a).total_cmp(&cost(b))));
    cases.chunk_by(|a, b| sides(a) == sides(b)).map(|same| (sides(same[0]).1, same.to_vec())).collect()
}

fn sides(case: &CaseStudy<'_>) -> (u8, &'static str) {
    match (is_python(case.case), case.case.isolation) {
        (true, _) => (2, "Python"),
        (false, Isolation::Process) => (0, "between processes"),
        (false, Isolation::Thread) => (1, "between threads"),
    }
}

/// Row of a variant.
pub struct Entry<'s, 'a> {
    /// Case.
    pub case: &'s CaseStudy<'a>,
    /// Label, if it differs from the series'.
    pub label: Option<String>,
    /// Text beside the points.
    pub note: String,
    /// Points with their shapes; the last is on top.
    pub marks: Vec<(Estimate, Marker)>,
}

impl Points<'_, '_> {
    /// Draws the chart; `None` without a point.
    pub fn figure(self, study: &Study<'_>, looks: &Looks) -> Option<Figure> {
        let section = |(heading, entries): &(String, Vec<Entry<'_, '_>>)| {
            let rows: Vec<Row> = entries.iter().filter_map(|entry| row(entry, study, looks)).collect();
            (!rows.is_empty()).then(|| Section { heading: heading.clone(), rows })
        };
        let sections: Vec<Section> = self.sections.iter().filter_map(section).collect();
        if sections.is_empty() {
            return None;
        }
        let drawn = self.sections.iter().flat_map(|(_, entries)| entries).map(|entry| &entry.case.series);
        let legend: Vec<Key> = looks.kinds_of(drawn);
        let marks = sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.marks);
        let ends = marks.flat_map(|mark| [Some(mark.value), mark.interval.map(|i| i.0), mark.interval.map(|i| i.1)]);
        let values: Vec<f64> = ends.flatten().chain(self.references.iter().map(|(_, value)| *value)).collect();
        let show = self.show;
        let chart = Dots {
            description: self.description,
            x_name: self.x_name,
            axis: Axis::log(values, show),
            references: self.references,
            stretch: None,
            sections,
        };
        Some(Figure {
            answer: self.answer,
            note: self.note,
            legend,
            table: self.table,
            ..Figure::drawn(self.id, self.title, &chart)
        })
    }
}

fn row(entry: &Entry<'_, '_>, study: &Study<'_>, looks: &Looks) -> Option<Row> {
    let look = looks.get(study.index(&entry.case.series));
    let mark = |&(estimate, marker): &(Estimate, Marker)| {
        let (value, interval) = estimate.with_ends();
        // An interval whose end is off the axis is not drawn.
        let interval = interval.filter(|(low, high)| *low >= LEAST && high.is_finite());
        let shown = value >= LEAST && value.is_finite();
        shown.then(|| Mark { value, interval, ink: look.ink(), marker, each: Vec::new(), crossed: false })
    };
    let marks: Vec<Mark> = entry.marks.iter().filter_map(mark).collect();
    let label = entry.label.clone().unwrap_or_else(|| entry.case.series.label());
    (!marks.is_empty()).then(|| Row { label, ink: look.ink(), note: entry.note.clone(), marks })
}
