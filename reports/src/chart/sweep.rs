//! Builder of sweep charts, which show a value against one parameter.
//!
//! A chart declares its cases, the [`Parameter`] on the horizontal axis and the [`Value`] on the vertical one; all else
//! has defaults.

use super::axis::Axis;
use super::canvas::{Dash, Ink};
use super::lines::{Lines, PANELS, heights};
use super::parameter::{Parameter, Scale};
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::best::Shown;
use crate::analyse::load::is_overloaded;
use crate::analyse::series::{Manner, Series};
use crate::analyse::statistics::{Estimate, median};
use crate::analyse::study::{CaseStudy, Study};
use crate::format::{self, Quantity};

/// Longest heading of a variant's panel, in letters.
const LONGEST_HEADING: usize = 42;

/// Function from a case to its value and both ends of its interval.
pub type AsPoint = fn(&CaseStudy<'_>) -> Option<(f64, Option<(f64, f64)>)>;

/// Value on the vertical axis.
#[derive(Clone, Copy)]
pub struct Value {
    /// Name of the axis.
    pub name: &'static str,
    /// Value of a case.
    pub of: AsPoint,
    /// Formatter of the value.
    pub show: fn(f64) -> Quantity,
    /// Headings and keys of the table columns for the value and both ends of its interval.
    pub columns: [(&'static str, &'static str); 3],
}

/// Main metric of a case with its interval.
pub const TYPICAL: AsPoint = |case| case.summary.typical.map(Estimate::with_ends);

/// 99th percentile with its interval.
pub const P99: AsPoint = |case| case.summary.p99_ns.map(Estimate::with_ends);

/// Verified messages per second.
pub const MESSAGES_PER_S: Value = Value {
    name: "verified messages per second",
    of: TYPICAL,
    show: format::rate,
    columns: [("Rate", "messages_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Assignment of lines to panels.
#[derive(Clone, Copy)]
pub enum Layout {
    /// One panel per manner and one line per variant.
    Manner,
    /// Panels by order and heading, with one line per variant.
    By(fn(&CaseStudy<'_>) -> (usize, &'static str)),
    /// One panel per variant and one line per curve.
    Variant(&'static [Curve]),
}

/// Curve in a variant's panel.
pub struct Curve {
    /// Name.
    pub label: &'static str,
    /// Dash; only solid lines have markers.
    pub dash: Dash,
    /// Value of a case.
    pub of: AsPoint,
}

/// Choice of variants if not all fit.
#[derive(Clone, Copy)]
pub enum Choice {
    /// Best of each kind and manner.
    EachKind,
    /// Number of variants of each manner, those closest to the best.
    Closest(usize),
    /// All variants.
    All,
}

/// Function from the cases of a panel to a position on the horizontal axis and its label.
pub type Limits<'s> = Box<dyn Fn(&[&CaseStudy<'_>]) -> Option<(f64, &'static str)> + 's>;

/// Chart of a value against a parameter.
pub struct Sweep<'s, 'a> {
    /// Cases in order of series and parameter.
    pub cases: Vec<&'s CaseStudy<'a>>,
    /// Horizontal axis.
    pub parameter: Parameter,
    /// Vertical axis.
    pub value: Value,
    /// Fragment identifier.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Description for screen readers.
    pub description: &'static str,
    /// Reading instructions.
    pub note: String,
    /// Assignment of lines to panels.
    pub layout: Layout,
    /// Choice of variants.
    pub choice: Choice,
    /// Conversion of a floor from nanoseconds at a size; `None` without floors.
    pub floor: Option<fn(f64, u64) -> f64>,
    /// Vertical line in a panel.
    pub limit: Limits<'s>,
}

impl<'s, 'a> Sweep<'s, 'a> {
    /// Chart without texts, in panels by manner.
    pub fn of(cases: Vec<&'s CaseStudy<'a>>, parameter: Parameter, value: Value) -> Self {
        Self {
            cases,
            parameter,
            value,
            id: String::new(),
            title: String::new(),
            description: "",
            note: String::new(),
            layout: Layout::Manner,
            choice: Choice::EachKind,
            floor: None,
            limit: Box::new(|_| None),
        }
    }

    /// Variants that it shows.
    pub fn shown(&self) -> Shown {
        match self.choice {
            Choice::EachKind => Shown::of(&self.cases, self.parameter.of),
            Choice::Closest(most) => Shown::closest(&self.cases, most, self.parameter.of),
            Choice::All => Shown::default(),
        }
    }

    /// Builds the figure without an answer; `None` if the parameter has fewer than two values.
    pub fn figure(mut self, study: &Study<'_>, looks: &Looks) -> Option<Figure> {
        let has_value = |case: &CaseStudy<'_>| match self.layout {
            Layout::Variant(curves) => curves.iter().any(|curve| (curve.of)(case).is_some()),
            _ => (self.value.of)(case).is_some(),
        };
        self.cases.retain(|case| has_value(case));
        if self.parameter.values(&self.cases).len() < 2 {
            return None;
        }
        let shown = self.shown();
        let drawn: Vec<&CaseStudy<'_>> = self
            .cases
            .iter()
            .copied()
            .filter(|case| case.series.manner == Manner::Alone || shown.shows(&case.series))
            .collect();
        let panels = self.panels(&drawn, study, looks);
        let chart = Lines {
            description: self.description,
            scales: Scales {
                x_name: self.parameter.name,
                y_name: self.value.name,
                x: self.axis(&panels),
                y: Axis::log(heights(&panels), self.value.show),
            },
            columns: match self.layout {
                Layout::Variant(_) => 3,
                Layout::By(_) => 2,
                // Panels above each other have the whole width for the parameter, and one axis for comparisons.
                Layout::Manner => 1,
            },
            panels,
        };
        let table = self.table();
        let legend = match self.layout {
            Layout::Variant(_) => Vec::new(),
            _ => looks.kinds_of(drawn.iter().map(|case| &case.series)),
        };
        (!chart.panels.is_empty()).then(|| Figure {
            note: self.note + &shown.describe(),
            legend,
            table,
            ..Figure::drawn(self.id, self.title, &chart)
        })
    }

    fn panels(&self, drawn: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Vec<Panel> {
        if let Layout::Variant(curves) = self.layout {
            let each = drawn.chunk_by(|a, b| a.series == b.series);
            return each.map(|cases| self.variant(cases, curves, study, looks)).collect();
        }
        // Variants that never wait are references in every panel.
        let never_waits = |case: &CaseStudy<'_>| matches!(case.series.manner, Manner::Alone | Manner::NeverWaits);
        let (references, waiting): (Vec<&CaseStudy<'_>>, Vec<_>) =
            drawn.iter().copied().partition(|case| never_waits(case));
        let mut kinds: Vec<(usize, &str)> = waiting.iter().filter_map(|case| self.panel_of(case)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let panel = |heading: &str, members: &[&CaseStudy<'_>]| {
            let mut lines = self.floors(members);
            lines.extend(self.lines(&references, study, looks));
            lines.extend(self.lines(members, study, looks));
            self.panel(heading.into(), lines, members)
        };
        let of_kind = |kind: (usize, &str)| -> Vec<&CaseStudy<'_>> {
            waiting.iter().copied().filter(|case| self.panel_of(case) == Some(kind)).collect()
        };
        match references.first() {
            Some(first) if kinds.is_empty() => vec![panel(first.series.manner.word(), &[])],
            _ => kinds.into_iter().map(|kind| panel(kind.1, &of_kind(kind))).collect(),
        }
    }

    fn panel(&self, heading: String, lines: Vec<Line>, members: &[&CaseStudy<'_>]) -> Panel {
        let limit = (self.limit)(members).map(|(at, what)| (at, format!("{what} \u{2192}")));
        Panel { heading, lines, limits: limit.into_iter().collect() }
    }

    fn panel_of(&self, case: &CaseStudy<'_>) -> Option<(usize, &'static str)> {
        if let Layout::By(panel) = self.layout {
            return Some(panel(case));
        }
        let at = PANELS.iter().position(|(_, manners)| manners.contains(&case.series.manner))?;
        Some((at, PANELS[at].0))
    }

    /// Panel of one variant.
    fn variant(&self, cases: &[&CaseStudy<'_>], curves: &[Curve], study: &Study<'_>, looks: &Looks) -> Panel {
        let series = &cases[0].series;
        let look = looks.get(study.index(series));
        let line = |curve: &Curve| Line {
            label: curve.label.into(),
            ink: look.stroke(curve.dash),
            marker: (curve.dash == Dash::Solid).then_some(look.marker),
            points: cases.iter().filter_map(|case| self.point(case, curve.of)).collect(),
        };
        let lines: Vec<Line> = curves.iter().map(line).filter(|line| !line.points.is_empty()).collect();
        self.panel(heading(series), lines, cases)
    }

    /// One line per series with sorted points; a missing value leaves a gap.
    fn lines(&self, cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Vec<Line> {
        let values = self.parameter.values(&self.cases);
        let line = |cases: &[&CaseStudy<'_>]| {
            let series = cases[0].series.usual();
            let look = looks.get(study.index(&series));
            let mut before = None;
            let points = cases.iter().filter_map(|case| {
                let point = self.point(case, self.value.of)?;
                let at = values.iter().position(|&known| known == (self.parameter.of)(case));
                let joined = at.zip(before).is_some_and(|(at, before)| at == before + 1);
                before = at;
                Some(Point { joined, ..point })
            });
            Line { label: series.label(), ink: look.ink(), marker: Some(look.marker), points: points.collect() }
        };
        cases.chunk_by(|a, b| a.series.usual() == b.series.usual()).map(line).collect()
    }

    fn point(&self, case: &CaseStudy<'_>, of: AsPoint) -> Option<Point> {
        let (y, band) = of(case)?;
        Some(Point { band, crossed: is_overloaded(case), ..Point::at(self.x(case)?, y) })
    }

    fn x(&self, case: &CaseStudy<'_>) -> Option<f64> {
        let value = (self.parameter.of)(case);
        match self.parameter.scale {
            Scale::Log => Some(value.max(1) as f64),
            Scale::Even => Some(self.parameter.values(&self.cases).iter().position(|&known| known == value)? as f64),
            Scale::Derived(of, _) => of(case),
        }
    }

    fn axis(&self, panels: &[Panel]) -> Axis {
        let values = self.parameter.values(&self.cases);
        match self.parameter.scale {
            Scale::Log => Axis::places(&values, self.parameter.show),
            Scale::Even => Axis::even(values.into_iter().map(self.parameter.show).collect()),
            Scale::Derived(_, show) => {
                let points = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
                Axis::log(points.map(|point| point.x), show)
            }
        }
    }

    /// Floors of these cases, median over cases at each size: one line, or one per kind if a size has several kinds.
    fn floors(&self, cases: &[&CaseStudy<'_>]) -> Vec<Line> {
        let Some(value) = self.floor else { return Vec::new() };
        let mut floors: Vec<(u64, String, f64)> =
            cases.iter().filter_map(|case| case.floor().map(|(label, ns)| (case.bytes(), label, ns))).collect();
        floors.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        if floors.chunk_by(|a, b| a.0 == b.0).all(|at_size| at_size[0].1 == at_size[at_size.len() - 1].1) {
            let Some((_, label, _)) = floors.first() else { return Vec::new() };
            let kind = label.split(':').next().unwrap_or(label).to_owned();
            return vec![floor_line(kind, &floors, value)];
        }
        floors.sort_by(|a, b| (&a.1, a.0).cmp(&(&b.1, b.0)));
        let kinds = floors.chunk_by(|a, b| a.1 == b.1);
        kinds.map(|of_kind| floor_line(of_kind[0].1.clone(), of_kind, value)).collect()
    }

    /// Table of all cases, shown or not.
    fn table(&self) -> Table {
        let Parameter { of, show, column, .. } = self.parameter;
        let Value { of: value_of, show: write, columns: [value, low, high], .. } = self.value;
        let ends = |case: &CaseStudy<'_>| value_of(case)?.1;
        Table::of(&self.cases)
            .case("Mechanism")
            .number(column.0, column.1, |place| show(place as u64), |case| Some(of(case) as f64))
            .number(value.0, value.1, write, |case| Some(value_of(case)?.0))
            .number(low.0, low.1, write, |case| Some(ends(case)?.0))
            .number(high.0, high.1, write, |case| Some(ends(case)?.1))
            .repetitions()
            .table()
    }
}

/// Label and manner of a variant; the label alone if both are too long.
fn heading(series: &Series) -> String {
    let (label, manner) = (series.label(), series.manner.word());
    let silent = series.manner == Manner::Alone || label.len() + manner.len() > LONGEST_HEADING;
    if silent { label } else { format!("{label} ({manner})") }
}

/// Line through floors in order of size.
fn floor_line(label: String, floors: &[(u64, String, f64)], value: fn(f64, u64) -> f64) -> Line {
    let points = floors.chunk_by(|a, b| a.0 == b.0).filter_map(|at_size| {
        let (bytes, ns) = (at_size[0].0, median(at_size.iter().map(|floor| floor.2))?);
        Some(Point::at(bytes.max(1) as f64, value(ns, bytes)))
    });
    Line { label, ink: Ink::Reference, marker: None, points: points.collect() }
}
