//! Line charts in panels, one panel for each way of waiting, so that polling and blocking never share an unlabelled
//! axis. All panels share both scales; each line carries its name at its right end.

use super::Shape;
use super::axis::Axis;
use super::canvas::{Canvas, Ink, Marker, Side, draw, text_width};

const TEXT: f64 = 12.0;
const LABEL_APART: f64 = 13.5;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;

/// A chart of lines.
pub struct Lines {
    /// Name of the chart, for those who hear it.
    pub title: String,
    /// What it shows in words.
    pub description: String,
    /// Name and unit of the horizontal axis.
    pub x_name: &'static str,
    /// Name and unit of the vertical axis.
    pub y_name: &'static str,
    /// Horizontal scale.
    pub x: Axis,
    /// Vertical scale.
    pub y: Axis,
    /// Side by side, or below each other.
    pub panels: Vec<Panel>,
}

/// One panel.
pub struct Panel {
    /// What its lines have in common.
    pub heading: String,
    /// References first, so that they lie below.
    pub lines: Vec<Line>,
}

/// One line.
pub struct Line {
    /// Its name, at the right end.
    pub label: String,
    /// Its ink.
    pub ink: Ink,
    /// Its points' shape; none for curves and references.
    pub marker: Option<Marker>,
    /// Left to right.
    pub points: Vec<Point>,
}

/// A value with its interval, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Horizontal.
    pub x: f64,
    /// Vertical.
    pub y: f64,
    /// Both ends of the interval.
    pub band: Option<(f64, f64)>,
}

/// The room of a panel's plot within the drawing.
struct Plot<'a, 'c> {
    canvas: &'a Canvas<'c>,
    chart: &'a Lines,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Lines {
    /// Draws it.
    pub fn svg(&self, shape: Shape) -> String {
        let ticks = self.y.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(20.0, f64::max);
        let margin = ticks + 28.0;
        let gutters: Vec<f64> = self.panels.iter().map(Panel::gutter).collect();
        let most = self.panels.iter().map(|panel| panel.lines.len()).max().unwrap_or(1) as f64;
        let count = self.panels.len().max(1) as f64;
        // Side by side, all plots are equally wide, whatever room their names take.
        let (plot_width, plot_height) = match shape {
            Shape::Wide => ((shape.width() - margin - gutters.iter().sum::<f64>()) / count, 300.0),
            Shape::Narrow => (shape.width() - margin - gutters.iter().copied().fold(0.0, f64::max), 230.0),
        };
        let plot_height = (most * LABEL_APART).max(plot_height);
        let panel_height = TOP + plot_height + BOTTOM;
        let height = if shape == Shape::Wide { panel_height } else { panel_height * count };
        draw((shape.width(), height), &self.title, &self.description, |canvas| {
            let (mut left, mut top) = (margin, TOP);
            for (index, (panel, gutter)) in self.panels.iter().zip(&gutters).enumerate() {
                let (right, bottom) = (left + plot_width, top + plot_height);
                let plot = Plot { canvas, chart: self, left, right, top, bottom };
                plot.paint(panel, index == 0 || shape == Shape::Narrow);
                match shape {
                    Shape::Wide => left = right + gutter,
                    Shape::Narrow => top += panel_height,
                }
            }
        })
    }
}

impl Panel {
    /// Room for the names at the right.
    fn gutter(&self) -> f64 {
        self.lines.iter().map(|line| text_width(&line.label, TEXT)).fold(30.0, f64::max) + 24.0
    }
}

impl Plot<'_, '_> {
    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.chart.x.place(value)
    }

    fn y(&self, value: f64) -> f64 {
        // Held inside the plot: a line may leave the scale only for as far as its frame.
        self.bottom - (self.bottom - self.top) * self.chart.y.place(value).clamp(0.0, 1.0)
    }

    fn paint(&self, panel: &Panel, first_column: bool) {
        self.frame(panel, first_column);
        for line in &panel.lines {
            self.band(line);
        }
        for line in &panel.lines {
            self.line(line);
        }
        self.labels(panel);
    }

    fn frame(&self, panel: &Panel, first_column: bool) {
        let canvas = self.canvas;
        canvas.text((self.left, self.top - 14.0), Side::Right, &panel.heading, Ink::Strong, TEXT + 1.0);
        let label_height = TEXT * 1.5 / (self.bottom - self.top);
        for (value, label) in &self.chart.y.clone().thin(label_height).ticks {
            let y = self.y(*value);
            canvas.line(&[(self.left, y), (self.right, y)], Ink::Grid, 1.0);
            if first_column {
                canvas.text((self.left - 7.0, y), Side::Left, label, Ink::Muted, TEXT);
            }
        }
        let width = self.right - self.left;
        let widest = self.chart.x.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(0.0, f64::max);
        for (value, label) in &self.chart.x.clone().thin((widest + 8.0) / width).ticks {
            let x = self.x(*value);
            canvas.line(&[(x, self.bottom), (x, self.bottom + 4.0)], Ink::Axis, 1.0);
            canvas.text((x, self.bottom + 13.0), Side::Middle, label, Ink::Muted, TEXT);
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], Ink::Axis, 1.0);
        canvas.text((f64::midpoint(self.left, self.right), self.bottom + 31.0), Side::Middle, self.chart.x_name, Ink::Text, TEXT);
        if first_column {
            canvas.upright((11.0, f64::midpoint(self.top, self.bottom)), self.chart.y_name, Ink::Text, TEXT);
        }
    }

    fn band(&self, line: &Line) {
        let edge = |pick: fn((f64, f64)) -> f64| {
            line.points.iter().filter_map(move |p| Some((self.x(p.x), self.y(pick(p.band?))))).collect::<Vec<_>>()
        };
        let (mut outline, upper) = (edge(|band| band.0), edge(|band| band.1));
        if outline.len() > 1 {
            outline.extend(upper.into_iter().rev());
            self.canvas.area(&outline, line.ink, 0.22);
        }
    }

    fn line(&self, line: &Line) {
        let points: Vec<_> = line.points.iter().map(|p| (self.x(p.x), self.y(p.y))).collect();
        if points.len() > 1 {
            self.canvas.line(&points, line.ink, if line.ink == Ink::Reference { 1.2 } else { 1.9 });
        }
        let Some(marker) = line.marker else { return };
        for (&place, point) in points.iter().zip(&line.points) {
            if let Some((low, high)) = point.band {
                self.canvas.bar((place.0 - 0.6, self.y(high)), (place.0 + 0.6, self.y(low)), line.ink);
            }
            self.canvas.marker(place, marker, line.ink, 3.2);
        }
    }

    /// Names at the right ends, moved apart where they would overlap and tied to their lines by a thin leader.
    fn labels(&self, panel: &Panel) {
        let ends = panel.lines.iter().filter_map(|line| {
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

/// Moves sorted places apart until neighbours are `apart` from each other, as near to where they wanted to be as a few
/// rounds of give and take bring them, and within `low` to `high` where all fit.
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
