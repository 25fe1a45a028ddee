//! Plot area of a line chart's panel: axes, bands, lines, and names at their right ends.

use super::axis::Axis;
use super::canvas::{Canvas, Ink, Marker, Side, text_width};

/// Font size.
pub const TEXT: f64 = 12.0;
/// Least distance between two names.
pub const LABEL_APART: f64 = 13.5;

/// Both axes of a chart.
pub struct Scales {
    /// Name and unit of the horizontal axis.
    pub x_name: &'static str,
    /// Name and unit of the vertical axis.
    pub y_name: &'static str,
    /// Horizontal scale.
    pub x: Axis,
    /// Vertical scale.
    pub y: Axis,
}

/// Panel of a line chart.
pub struct Panel {
    /// Common property of its lines.
    pub heading: String,
    /// Lines, references first so that they are below.
    pub lines: Vec<Line>,
    /// Positions and names of vertical lines.
    pub limits: Vec<(f64, String)>,
}

/// Line of a panel.
pub struct Line {
    /// Name at the right end; empty for marks on another line.
    pub label: String,
    /// Ink.
    pub ink: Ink,
    /// Shape of the points; `None` for curves and references.
    pub marker: Option<Marker>,
    /// Points from left to right.
    pub points: Vec<Point>,
}

/// Point with its interval, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Horizontal value.
    pub x: f64,
    /// Vertical value.
    pub y: f64,
    /// Both ends of the interval.
    pub band: Option<(f64, f64)>,
    /// Whether a line joins it to the previous point.
    pub joined: bool,
    /// Whether a cross replaces it: measured under other conditions than requested.
    pub crossed: bool,
}

impl Point {
    /// Point without interval, joined to the previous one.
    pub fn at(x: f64, y: f64) -> Self {
        Self { x, y, band: None, joined: true, crossed: false }
    }
}

impl Line {
    /// Runs of joined points.
    pub fn stretches(&self) -> impl Iterator<Item = &[Point]> {
        self.points.chunk_by(|_, next| next.joined)
    }
}

/// Position of a panel's plot in the drawing.
pub struct Plot<'a, 'c> {
    /// Canvas.
    pub canvas: &'a Canvas<'c>,
    /// Axes.
    pub scales: &'a Scales,
    /// Left edge.
    pub left: f64,
    /// Right edge.
    pub right: f64,
    /// Upper edge.
    pub top: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Plot<'_, '_> {
    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.scales.x.place(value)
    }

    fn y(&self, value: f64) -> f64 {
        // Clamped to the plot, so that no line leaves its frame.
        self.bottom - (self.bottom - self.top) * self.scales.y.place(value).clamp(0.0, 1.0)
    }

    /// Draws axes, bands and lines; the vertical axis has labels in the first column.
    pub fn paint(&self, panel: &Panel, first_column: bool) {
        self.frame(panel, first_column);
        for (at, what) in &panel.limits {
            self.limit(*at, what);
        }
        for line in &panel.lines {
            self.band(line);
        }
        for line in &panel.lines {
            self.line(line);
        }
    }

    fn frame(&self, panel: &Panel, first_column: bool) {
        let canvas = self.canvas;
        canvas.text((self.left, self.top - 14.0), Side::Right, &panel.heading, Ink::Strong, TEXT + 1.0);
        let label_height = TEXT * 1.5 / (self.bottom - self.top);
        for (value, label) in &self.scales.y.clone().thin(label_height).ticks {
            let y = self.y(*value);
            canvas.line(&[(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            if first_column {
                canvas.text((self.left - 7.0, y), Side::Left, label, Ink::Muted, TEXT);
            }
        }
        let width = self.right - self.left;
        let widest = self.scales.x.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(0.0, f64::max);
        for (value, _) in &self.scales.x.ticks {
            let x = self.x(*value);
            canvas.line(&[(x, self.bottom), (x, self.bottom + 4.0)], Ink::Axis, 1.0);
        }
        for (value, label) in &self.scales.x.clone().thin((widest + 8.0) / width).ticks {
            canvas.text((self.x(*value), self.bottom + 13.0), Side::Middle, label, Ink::Muted, TEXT);
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], Ink::Axis, 1.0);
        canvas.text(
            (f64::midpoint(self.left, self.right), self.bottom + 31.0),
            Side::Middle,
            self.scales.x_name,
            Ink::Text,
            TEXT,
        );
        if first_column {
            canvas.upright((11.0, f64::midpoint(self.top, self.bottom)), self.scales.y_name, Ink::Text, TEXT);
        }
    }

    /// Draws a vertical line, named on the side with more space.
    fn limit(&self, at: f64, what: &str) {
        let x = self.x(at);
        self.canvas.line(&[(x, self.top), (x, self.bottom)], Ink::Reference, 1.2);
        let (side, x) =
            if x - self.left > (self.right - self.left) / 2.0 { (Side::Left, x - 5.0) } else { (Side::Right, x + 5.0) };
        self.canvas.text((x, self.top + 7.0), side, what, Ink::Reference, TEXT - 1.0);
    }

    /// Draws the interval band faintly, since bands may overlap.
    fn band(&self, line: &Line) {
        for stretch in line.stretches() {
            let edge = |pick: fn((f64, f64)) -> f64| {
                stretch.iter().filter_map(move |p| Some((self.x(p.x), self.y(pick(p.band?))))).collect::<Vec<_>>()
            };
            let (mut outline, upper) = (edge(|band| band.0), edge(|band| band.1));
            if outline.len() > 1 {
                outline.extend(upper.into_iter().rev());
                self.canvas.area(&outline, line.ink, 0.12);
            }
        }
    }

    fn line(&self, line: &Line) {
        let place = |point: &Point| (self.x(point.x), self.y(point.y));
        for stretch in line.stretches().filter(|stretch| stretch.len() > 1) {
            let points: Vec<_> = stretch.iter().map(place).collect();
            self.canvas.line(&points, line.ink, if line.ink == Ink::Reference { 1.2 } else { 1.9 });
        }
        let Some(marker) = line.marker else { return };
        for point in &line.points {
            let (x, y) = place(point);
            if let Some((low, high)) = point.band {
                self.canvas.bar((x - 0.6, self.y(high)), (x + 0.6, self.y(low)), line.ink);
            }
            let tip = self.tip(line, point);
            if point.crossed {
                self.canvas.cross((x, y), line.ink, 4.4, tip);
            } else {
                self.canvas.point((x, y), marker, line.ink, 3.2, tip);
            }
        }
    }

    /// `64 B: 349 ns (335 to 362 ns)`, after the name of a line that is not a series.
    fn tip(&self, line: &Line, point: &Point) -> String {
        let name = match line.ink {
            Ink::Series(_) => String::new(),
            _ => format!("{}, ", line.label),
        };
        format!("{name}{}: {}", self.scales.x.text(point.x), self.scales.y.estimate(point.y, point.band))
    }

    /// Draws names at the right ends, moved apart where they overlap, with thin leaders.
    pub fn names(&self, panel: &Panel) {
        let ends = panel.lines.iter().filter(|line| !line.label.is_empty()).filter_map(|line| {
            let last = line.points.last()?;
            Some((line, self.x(last.x), self.y(last.y)))
        });
        let mut ends: Vec<_> = ends.collect();
        ends.sort_by(|a, b| a.2.total_cmp(&b.2));
        let wanted: Vec<f64> = ends.iter().map(|end| end.2).collect();
        let places = spread(&wanted, LABEL_APART, self.top, self.bottom);
        for ((line, x, y), place) in ends.into_iter().zip(places) {
            let from = self.right + 14.0;
            self.canvas.line(&[(x + 5.0, y), (self.right + 5.0, y), (from - 2.0, place)], Ink::Grid, 1.0);
            self.canvas.text((from, place), Side::Right, &line.label, line.ink, TEXT);
        }
    }
}

/// Moves sorted positions to a distance of `apart`, close to the wanted ones, within `low` to `high` if all fit.
fn spread(wanted: &[f64], apart: f64, low: f64, high: f64) -> Vec<f64> {
    let mut places = wanted.to_vec();
    for _ in 0..60 {
        for at in 1..places.len() {
            let lacking = apart - (places[at] - places[at - 1]);
            if lacking > 0.0 {
                places[at - 1] -= lacking / 2.0;
                places[at] += lacking / 2.0;
            }
        }
        for (index, place) in places.iter_mut().enumerate() {
            let (above, below) = (index as f64 * apart, (wanted.len() - 1 - index) as f64 * apart);
            *place = place.max(low + above).min((high - below).max(low + above));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn names_move_apart_and_stay_in_order() {
        let places = spread(&[10.0, 11.0, 12.0, 80.0], 13.0, 0.0, 100.0);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 12.9), "{places:?}");
        assert!(places[0] >= 0.0 && places[3] <= 100.0);
    }
}
