//! Horizontal stacked bars in sections with separate axes.

use super::axis::Axis;
use super::canvas::{Canvas, Ink, Picture, Side, draw, text_width};
use super::{Drawing, Shape};
use crate::format;

const TEXT: f64 = 12.5;
const BAR: f64 = 17.0;
const HEADING: f64 = 30.0;
const AXIS: f64 = 34.0;
/// Largest ratio of two bars on one axis.
const TIMES_AS_LONG: f64 = 10.0;

/// Bar chart with columns of sections.
pub struct Bars {
    /// Description for screen readers.
    pub description: &'static str,
    /// Columns, below each other in narrow drawings.
    pub columns: Vec<Column>,
}

/// Column of sections.
pub struct Column {
    /// Common property of its sections.
    pub heading: String,
    /// Sections from top to bottom.
    pub sections: Vec<Section>,
}

/// Bars on one axis.
pub struct Section {
    /// Common property of its bars.
    pub heading: String,
    /// Scale of the bars.
    pub axis: Axis,
    /// Bars from top to bottom.
    pub bars: Vec<Bar>,
}

/// Bar with its label.
pub struct Bar {
    /// Name.
    pub label: String,
    /// Ink of the label.
    pub ink: Ink,
    /// Tracks below each other: ink and length of each slice from left to right.
    pub tracks: Vec<Vec<(Ink, f64)>>,
    /// Line at the measured value; an outline fills the distance from the slices to it.
    pub mark: Option<f64>,
    /// Text beside it.
    pub note: String,
}

/// Splits `cases`, sorted by `whole` in nanoseconds, into sections: a bar over ten times as long as the first of its
/// section starts a new one.
pub fn by_scale<T>(cases: &[T], whole: impl Fn(&T) -> f64, bar: impl Fn(&T) -> Bar) -> Vec<Section> {
    let mut sections: Vec<&[T]> = Vec::new();
    let mut rest = cases;
    while let Some(first) = rest.first() {
        let least = whole(first);
        let end = rest.iter().position(|case| whole(case) > least * TIMES_AS_LONG).unwrap_or(rest.len()).max(1);
        let (section, others) = rest.split_at(end);
        sections.push(section);
        rest = others;
    }
    let section = |cases: &&[T]| {
        let longest = cases.iter().map(&whole).fold(0.0, f64::max);
        let least = cases.first().map_or(0.0, &whole);
        Section {
            heading: if cases.len() > 1 { format::span(least, longest, format::time) } else { format::ns(longest) },
            axis: Axis::linear(longest, 4, format::time),
            bars: cases.iter().map(&bar).collect(),
        }
    };
    sections.iter().map(section).collect()
}

impl Drawing for Bars {
    fn svg(&self, title: &str, shape: Shape) -> Picture {
        let style = match shape {
            Shape::Wide => Style {
                labels: self.widest(|bar| &bar.label) + 10.0,
                notes: self.widest(|bar| &bar.note) + 12.0,
                row: 25.0,
            },
            // Labels and notes are above their bars, which take the full width.
            Shape::Narrow => Style { labels: 0.0, notes: 16.0, row: 43.0 },
        };
        let heights: Vec<f64> = self.columns.iter().map(|column| column.height(style)).collect();
        let (width, height) = match shape {
            Shape::Wide => {
                (shape.width() / self.columns.len().max(1) as f64, heights.iter().copied().fold(0.0, f64::max))
            }
            Shape::Narrow => (shape.width(), heights.iter().sum()),
        };
        draw((shape.width(), height), title, self.description, |canvas| {
            let (mut x, mut y) = (0.0, 0.0);
            for (column, tall) in self.columns.iter().zip(&heights) {
                let edge = if x > 0.0 { x + 18.0 } else { 0.0 };
                let room =
                    Room { canvas, style, shape, edge, left: edge + style.labels, right: x + width - style.notes };
                column.paint(&room, y);
                match shape {
                    Shape::Wide => x += width,
                    Shape::Narrow => y += tall,
                }
            }
        })
    }
}

impl Bars {
    fn widest(&self, text: fn(&Bar) -> &str) -> f64 {
        let bars = self.columns.iter().flat_map(|c| &c.sections).flat_map(|s| &s.bars);
        bars.map(|bar| text_width(text(bar), TEXT)).fold(0.0, f64::max)
    }
}

/// Space for labels and notes, and height of a row.
#[derive(Clone, Copy)]
struct Style {
    labels: f64,
    notes: f64,
    row: f64,
}

impl Column {
    fn height(&self, style: Style) -> f64 {
        HEADING + self.sections.iter().map(|section| section.height(style)).sum::<f64>()
    }

    fn paint(&self, room: &Room<'_, '_>, top: f64) {
        room.canvas.text((room.edge, top + 12.0), Side::Right, &self.heading, Ink::Strong, TEXT + 1.0);
        let mut y = top + HEADING;
        for section in &self.sections {
            section.paint(room, y);
            y += section.height(room.style);
        }
    }
}

impl Section {
    fn height(&self, style: Style) -> f64 {
        HEADING - 6.0 + style.row * self.bars.len() as f64 + AXIS
    }

    fn paint(&self, room: &Room<'_, '_>, top: f64) {
        let canvas = room.canvas;
        canvas.text((room.edge, top + 8.0), Side::Right, &self.heading, Ink::Muted, TEXT);
        let first = top + HEADING - 6.0;
        let bottom = first + room.style.row * self.bars.len() as f64;
        let widest = self.axis.ticks.iter().map(|(_, label)| text_width(label, TEXT - 1.0)).fold(0.0, f64::max);
        for (value, label) in &self.axis.clone().thin((widest + 10.0) / (room.right - room.left)).ticks {
            let x = room.x(&self.axis, *value);
            canvas.line(&[(x, first), (x, bottom + 3.0)], Ink::Grid, 1.0);
            canvas.text((x, bottom + 11.0), Side::Middle, label, Ink::Muted, TEXT - 1.0);
        }
        for (index, bar) in self.bars.iter().enumerate() {
            room.bar(&self.axis, bar, first + room.style.row * (index as f64 + 0.5));
        }
    }
}

/// Position of a column in the drawing.
struct Room<'a, 'c> {
    canvas: &'a Canvas<'c>,
    style: Style,
    shape: Shape,
    edge: f64,
    left: f64,
    right: f64,
}

impl Room<'_, '_> {
    fn x(&self, axis: &Axis, value: f64) -> f64 {
        self.left + (self.right - self.left) * axis.place(value)
    }

    fn bar(&self, axis: &Axis, bar: &Bar, y: f64) {
        let y = match self.shape {
            Shape::Wide => {
                self.canvas.text((self.left - 8.0, y), Side::Left, &bar.label, bar.ink, TEXT);
                self.canvas.text((self.right + 8.0, y), Side::Right, &bar.note, Ink::Text, TEXT);
                y
            }
            Shape::Narrow => {
                self.canvas.text((self.edge, y - 10.0), Side::Right, &bar.label, bar.ink, TEXT);
                self.canvas.text((self.right + 12.0, y - 10.0), Side::Left, &bar.note, Ink::Text, TEXT);
                y + 9.0
            }
        };
        let (top, bottom) = (y - BAR / 2.0, y + BAR / 2.0);
        let tall = (bottom - top) / bar.tracks.len().max(1) as f64;
        let mut end = 0.0;
        for (index, slices) in bar.tracks.iter().enumerate() {
            let upper = top + tall * index as f64;
            let gap = if index + 1 < bar.tracks.len() { 1.5 } else { 0.0 };
            end = 0.0;
            for &(ink, length) in slices {
                let (from, to) = ((self.x(axis, end), upper), (self.x(axis, end + length), upper + tall - gap));
                if length > 0.0 {
                    self.canvas.slice(from, to, ink, 1.0, format!("{}: {}", bar.label, axis.text(length)));
                }
                end += length;
            }
        }
        if let Some(mark) = bar.mark {
            let x = self.x(axis, mark);
            if mark > end {
                self.canvas.outline((self.x(axis, end), top + 0.5), (x, bottom - 0.5), Ink::Muted);
            }
            self.canvas.line(&[(x, top - 3.0), (x, bottom + 3.0)], Ink::Strong, 2.0);
        }
    }
}
