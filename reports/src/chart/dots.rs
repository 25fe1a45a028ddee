//! Points with intervals on one axis, in rows and sections, for rankings and ratios.

use super::axis::Axis;
use super::canvas::{Canvas, Ink, Marker, Picture, Side, draw, text_width};
use super::{Drawing, Shape};

const TEXT: f64 = 13.0;
const ROW: f64 = 24.0;
const HEADING: f64 = 30.0;
const BOTTOM: f64 = 46.0;
/// Distance of the dots of repetitions from the middle of their row.
const EACH: f64 = 7.5;
/// Height of a value on a separate line.
const NOTE: f64 = 15.0;
/// Height of the name of one reference.
const REFERENCE: f64 = 14.0;

/// Chart of rows with points.
pub struct Dots {
    /// Description for screen readers.
    pub description: &'static str,
    /// Name of the axis.
    pub x_name: &'static str,
    /// Scale of the axis.
    pub axis: Axis,
    /// Names and values of vertical reference lines.
    pub references: Vec<(String, f64)>,
    /// Shaded range of the axis, such as `equal`.
    pub stretch: Option<(f64, f64)>,
    /// Sections from top to bottom.
    pub sections: Vec<Section>,
}

/// Rows under one heading.
pub struct Section {
    /// Common property of the rows.
    pub heading: String,
    /// Rows from top to bottom.
    pub rows: Vec<Row>,
}

/// Row with its points.
pub struct Row {
    /// Name.
    pub label: String,
    /// Ink of the label.
    pub ink: Ink,
    /// Text beside it.
    pub note: String,
    /// Points.
    pub marks: Vec<Mark>,
}

/// Point with its interval.
pub struct Mark {
    /// Value.
    pub value: f64,
    /// Both ends of its interval.
    pub interval: Option<(f64, f64)>,
    /// Values of its repetitions, drawn as small dots; may be empty.
    pub each: Vec<f64>,
    /// Ink.
    pub ink: Ink,
    /// Shape.
    pub marker: Marker,
    /// Whether a cross replaces the point: the value does not answer the question.
    pub crossed: bool,
}

impl Drawing for Dots {
    fn svg(&self, title: &str, shape: Shape) -> Picture {
        let rows = || self.sections.iter().flat_map(|section| &section.rows);
        let widest =
            |text: fn(&Row) -> &str, least: f64| rows().map(|row| text_width(text(row), TEXT)).fold(least, f64::max);
        // In a narrow drawing name and value are above their point, side by side if they fit.
        let beside = |row: &Row| text_width(&row.label, TEXT) + text_width(&row.note, TEXT) < shape.width() * 1.04;
        let below = if rows().all(beside) { 0.0 } else { NOTE };
        let (left, right, row_height) = match shape {
            Shape::Wide => {
                (widest(|row| &row.label, 40.0) + 18.0, shape.width() - widest(|row| &row.note, 60.0) - 10.0, ROW)
            }
            Shape::Narrow => (8.0, shape.width() - 16.0, ROW + 13.0 + below),
        };
        let top = REFERENCE * self.references.len().max(1) as f64;
        let height = top + HEADING * self.sections.len() as f64 + row_height * rows().count() as f64 + BOTTOM;
        draw((shape.width(), height), title, self.description, |canvas| {
            let axis = self.axis.clone().thin(58.0 / (right - left));
            let plot = Plot { canvas, axis, shape, below, left, right, top, bottom: height - BOTTOM };
            plot.frame(self);
            let mut y = top;
            for section in &self.sections {
                canvas.text((0.0, y + HEADING - 12.0), Side::Right, &section.heading, Ink::Strong, TEXT);
                y += HEADING;
                for row in &section.rows {
                    plot.row(row, y + row_height / 2.0);
                    y += row_height;
                }
            }
        })
    }
}

struct Plot<'a, 'c> {
    canvas: &'a Canvas<'c>,
    axis: Axis,
    shape: Shape,
    /// Distance from name to value in narrow drawings.
    below: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Plot<'_, '_> {
    fn x(&self, value: f64) -> f64 {
        self.left + (self.right - self.left) * self.axis.place(value).clamp(0.0, 1.0)
    }

    fn frame(&self, chart: &Dots) {
        let (canvas, bottom) = (self.canvas, self.bottom + 4.0);
        if let Some((low, high)) = chart.stretch {
            let (low, high) = (self.x(low), self.x(high));
            canvas.area(
                &[(low, self.top + 4.0), (high, self.top + 4.0), (high, bottom), (low, bottom)],
                Ink::Reference,
                0.16,
            );
        }
        for (value, label) in &self.axis.ticks {
            let x = self.x(*value);
            canvas.line(&[(x, self.top + 4.0), (x, bottom)], Ink::Grid, 1.0);
            canvas.text((x, bottom + 10.0), Side::Middle, label, Ink::Muted, TEXT - 1.0);
        }
        canvas.line(&[(self.left, bottom), (self.right, bottom)], Ink::Axis, 1.0);
        let middle = f64::midpoint(self.left, self.right);
        canvas.text((middle, bottom + 30.0), Side::Middle, chart.x_name, Ink::Text, TEXT - 1.0);
        for (line, (name, value)) in chart.references.iter().enumerate() {
            let (x, y) = (self.x(*value), REFERENCE * line as f64);
            canvas.line(&[(x, y + 14.0), (x, bottom)], Ink::Reference, 1.2);
            // The name is on the side with enough space.
            let side = if x - self.left > text_width(name, TEXT - 1.0) { Side::Left } else { Side::Right };
            canvas.text((x, y + 6.0), side, name, Ink::Reference, TEXT - 1.0);
        }
    }

    fn row(&self, row: &Row, y: f64) {
        let canvas = self.canvas;
        let y = match self.shape {
            Shape::Wide => {
                canvas.text((self.left - 12.0, y), Side::Left, &row.label, row.ink, TEXT);
                canvas.text((self.right + 10.0, y), Side::Right, &row.note, Ink::Text, TEXT);
                y
            }
            Shape::Narrow => {
                let name = y - 8.0 - self.below / 2.0;
                canvas.text((0.0, name), Side::Right, &row.label, row.ink, TEXT);
                canvas.text((self.right + 14.0, name + self.below), Side::Left, &row.note, Ink::Text, TEXT);
                y + 8.0 + self.below / 2.0
            }
        };
        let farthest = row.marks.iter().map(|mark| self.x(mark.value)).fold(self.left, f64::max);
        canvas.line(&[(self.left, y), (farthest, y)], Ink::Grid, 1.0);
        for mark in &row.marks {
            self.mark(mark, y);
        }
    }

    fn mark(&self, mark: &Mark, y: f64) {
        let (canvas, x) = (self.canvas, self.x(mark.value));
        if let Some((low, high)) = mark.interval {
            let (low, high) = (self.x(low), self.x(high));
            canvas.bar((low, y - 1.2), (high, y + 1.2), mark.ink);
            for end in [low, high] {
                canvas.bar((end - 0.7, y - 5.0), (end + 0.7, y + 5.0), mark.ink);
            }
        }
        canvas.dots(mark.each.iter().map(|&value| (self.x(value), y + EACH)), mark.ink);
        let tip = self.axis.estimate(mark.value, mark.interval);
        if mark.crossed {
            canvas.cross((x, y), mark.ink, 5.0, tip);
        } else {
            canvas.point((x, y), mark.marker, mark.ink, 4.4, tip);
        }
    }
}
