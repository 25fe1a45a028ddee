//! A value against something that was swept (message size, pause, depth): one line per variant, polling and blocking
//! in panels of their own.

use super::axis::Axis;
use super::canvas::Ink;
use super::lines::{Lines, PANELS};
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Looks, Shape};
use crate::analyse::best::{MOST_LINES, Shown, size};
use crate::analyse::load::is_overloaded;
use crate::analyse::series::Manner;
use crate::analyse::statistics::median;
use crate::analyse::study::{CaseStudy, Study};
use crate::format::{self, Quantity};

/// How a case becomes a point: the value and both ends of its interval.
pub type AsPoint = fn(&CaseStudy<'_>) -> Option<(f64, Option<(f64, f64)>)>;

/// What was swept.
pub struct Swept {
    /// Name of the horizontal axis.
    pub name: &'static str,
    /// Where a case stands on it.
    pub of: fn(&CaseStudy<'_>) -> u64,
    /// How places are written.
    pub show: fn(u64) -> String,
    /// The table's column: for people, and for programs.
    pub column: (&'static str, &'static str),
    /// Whether places stand evenly apart instead of by their logarithm: where they are shares, or one of them is 0.
    pub even: bool,
}

/// Where a panel stands among the others, and its heading.
pub type PanelOf = (usize, &'static str);

/// The panel of most charts: by how a side waits. What never waits has none.
pub fn manner(case: &CaseStudy<'_>) -> Option<PanelOf> {
    let at = PANELS.iter().position(|(_, manners)| manners.contains(&case.series.manner))?;
    Some((at, PANELS[at].0))
}

/// The sweep over message sizes.
pub const SIZE: Swept =
    Swept { name: "message size", of: size, show: format::bytes, column: ("Size", "message_bytes"), even: false };

/// A chart of some value against something swept, in panels by how a side waits.
pub struct Against<'s, 'a> {
    /// Its data, in order of series and place.
    pub cases: Vec<&'s CaseStudy<'a>>,
    /// Horizontally.
    pub swept: Swept,
    /// The value of a case.
    pub value: AsPoint,
    /// The value of a floor of so many nanoseconds, at a size; `None` for charts without floors.
    pub floor: Option<fn(f64, u64) -> f64>,
    /// How values are written.
    pub show: fn(f64) -> Quantity,
    /// Name of the vertical axis.
    pub y_name: &'static str,
    /// The table's columns for the value and the ends of its interval: for people, and for programs.
    pub columns: [(&'static str, &'static str); 3],
    /// Fragment of its address.
    pub id: &'static str,
    /// Heading.
    pub title: String,
    /// For screen readers.
    pub description: &'static str,
    /// How to read it.
    pub note: String,
}

impl Against<'_, '_> {
    /// Draws it in both shapes; `None` where nothing was swept: one place is no line.
    pub fn figure(mut self, study: &Study<'_>, looks: &Looks) -> Option<Figure> {
        self.cases.retain(|case| (self.value)(case).is_some());
        let shown = Shown::of(&self.cases, self.swept.of);
        self.showing(&shown, &manner, study, looks)
    }

    /// The same for variants that are mostly of one kind, so that a kind is nothing to choose by.
    pub fn figure_of_one_kind(self, study: &Study<'_>, looks: &Looks) -> Option<Figure> {
        self.among(MOST_LINES, &manner, study, looks)
    }

    /// The same in panels of one's own; `most` variants are shown, in each way of waiting.
    pub fn figure_in_panels(
        self,
        panel: fn(&CaseStudy<'_>) -> PanelOf,
        most: usize,
        study: &Study<'_>,
        looks: &Looks,
    ) -> Option<Figure> {
        self.among(most, &|case| Some(panel(case)), study, looks)
    }

    fn among(
        mut self,
        most: usize,
        panel: &dyn Fn(&CaseStudy<'_>) -> Option<PanelOf>,
        study: &Study<'_>,
        looks: &Looks,
    ) -> Option<Figure> {
        self.cases.retain(|case| (self.value)(case).is_some());
        let shown = Shown::closest(&self.cases, most, self.swept.of);
        self.showing(&shown, panel, study, looks)
    }

    fn showing(
        self,
        shown: &Shown,
        panel_of: &dyn Fn(&CaseStudy<'_>) -> Option<PanelOf>,
        study: &Study<'_>,
        looks: &Looks,
    ) -> Option<Figure> {
        if self.places().len() < 2 {
            return None;
        }
        let (alone, crossing): (Vec<&CaseStudy<'_>>, Vec<_>) =
            self.cases.iter().copied().partition(|case| case.series.manner == Manner::Alone);
        let drawn: Vec<&CaseStudy<'_>> = crossing.into_iter().filter(|case| shown.shows(&case.series)).collect();
        let panel = |heading: &str, lines: Vec<Line>| Panel { heading: heading.into(), lines, limits: Vec::new() };
        let mut kinds: Vec<PanelOf> = drawn.iter().filter_map(|case| panel_of(case)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut panels: Vec<Panel> = kinds
            .into_iter()
            .map(|kind| {
                let (_, heading) = kind;
                let members: Vec<&CaseStudy<'_>> =
                    drawn.iter().copied().filter(|case| panel_of(case) == Some(kind)).collect();
                let mut lines = self.floors(&members);
                lines.extend(self.lines(&alone, study, looks));
                lines.extend(self.lines(&members, study, looks));
                panel(heading, lines)
            })
            .collect();
        if panels.is_empty() && !alone.is_empty() {
            panels.push(panel(Manner::Alone.word(), self.lines(&alone, study, looks)));
        }
        let points = panels.iter().flat_map(|panel| panel.lines.iter().flat_map(|line| &line.points));
        let values = points.flat_map(|p| [Some(p.y), p.band.map(|b| b.0), p.band.map(|b| b.1)]).flatten();
        let chart = Lines {
            title: self.title.clone(),
            description: self.description.into(),
            scales: Scales {
                x_name: self.swept.name,
                y_name: self.y_name,
                x: self.axis(),
                y: Axis::log(values, |value| (self.show)(value).trimmed().to_string()),
            },
            columns: 2,
            panels,
        };
        (!chart.panels.is_empty()).then(|| Figure {
            id: self.id.into(),
            title: self.title.clone(),
            note: format!("{}{}", self.note, shown.told()),
            answer: String::new(),
            legend: Vec::new(),
            wide: chart.svg(Shape::Wide),
            narrow: chart.svg(Shape::Narrow),
            more: None,
            table: self.table(),
        })
    }

    fn axis(&self) -> Axis {
        let places = self.places();
        if self.swept.even {
            Axis::even(places.into_iter().map(self.swept.show).collect())
        } else {
            Axis::places(&places, self.swept.show)
        }
    }

    /// Every place that was measured, in order.
    fn places(&self) -> Vec<u64> {
        let mut places: Vec<u64> = self.cases.iter().map(|case| (self.swept.of)(case)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// One line per series, its points in order. A place that others have and this series lacks is a gap.
    fn lines(&self, cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Vec<Line> {
        let places = self.places();
        let line = |cases: &[&CaseStudy<'_>]| {
            let series = cases[0].series.usual();
            let look = looks.get(study.index(&series));
            let mut before = None;
            let points = cases.iter().filter_map(|case| {
                let (y, band) = (self.value)(case)?;
                let place = (self.swept.of)(case);
                let at = places.iter().position(|&known| known == place);
                let joined = at.zip(before).is_some_and(|(at, before)| at == before + 1);
                before = at;
                let x = if self.swept.even { at? as f64 } else { place.max(1) as f64 };
                Some(Point { band, joined, crossed: is_overloaded(case), ..Point::at(x, y) })
            });
            Line { label: series.label(), ink: look.ink(), marker: Some(look.marker), points: points.collect() }
        };
        cases.chunk_by(|a, b| a.series.usual() == b.series.usual()).map(line).collect()
    }

    /// The floors that ran next to these cases, median over cases at each size: one line where each size has one kind of
    /// floor, else one line per kind.
    fn floors(&self, cases: &[&CaseStudy<'_>]) -> Vec<Line> {
        let Some(value) = self.floor else { return Vec::new() };
        let mut floors: Vec<(u64, &str, f64)> =
            cases.iter().filter_map(|case| case.floor().map(|(name, ns)| (case.bytes(), name, ns))).collect();
        floors.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        if floors.chunk_by(|a, b| a.0 == b.0).all(|at_size| at_size[0].1 == at_size[at_size.len() - 1].1) {
            return if floors.is_empty() { Vec::new() } else { vec![floor_line("floor".into(), &floors, value)] };
        }
        floors.sort_by(|a, b| (a.1, a.0).cmp(&(b.1, b.0)));
        let kinds = floors.chunk_by(|a, b| a.1 == b.1);
        kinds.map(|of_kind| floor_line(floor_name(of_kind[0].1), of_kind, value)).collect()
    }

    /// The numbers behind it: all of them, shown or not.
    fn table(&self) -> Table {
        let Swept { of, show, column, .. } = self.swept;
        let [value, low, high] = self.columns;
        let ends = |case: &CaseStudy<'_>| (self.value)(case)?.1;
        Table::of(&self.cases)
            .case("Mechanism")
            .number(column.0, column.1, |place| show(place as u64), |case| Some(of(case) as f64))
            .number(value.0, value.1, self.show, |case| Some((self.value)(case)?.0))
            .number(low.0, low.1, self.show, |case| Some(ends(case)?.0))
            .number(high.0, high.1, self.show, |case| Some(ends(case)?.1))
            .repetitions()
            .table()
    }
}

/// One line through floors in order of size.
fn floor_line(label: String, floors: &[(u64, &str, f64)], value: fn(f64, u64) -> f64) -> Line {
    let points = floors.chunk_by(|a, b| a.0 == b.0).filter_map(|at_size| {
        let (bytes, ns) = (at_size[0].0, median(at_size.iter().map(|floor| floor.2))?);
        Some(Point::at(bytes.max(1) as f64, value(ns, bytes)))
    });
    Line { label, ink: Ink::Reference, marker: None, points: points.collect() }
}

/// A floor's name in records as a label.
pub fn floor_name(name: &str) -> String {
    format!("floor: {}", name.replace('_', " "))
}
