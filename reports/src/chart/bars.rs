//! Horizontal bars made of slices, in sections that each have their own axis.

use super::axis::Axis;
use super::canvas::{Canvas, Ink, Side, draw, text_width};
use super::{Drawing, Shape};
use crate::format;

const TEXT: f64 = 12.5;
const BAR: f64 = 17.0;
const HEADING: f64 = 30.0;
const AXIS: f64 = 34.0;
/// Bars of one axis differ by at most this.
const TIMES_AS_LONG: f64 = 10.0;

/// A chart of bars: columns of sections.
pub struct Bars {
    /// What it shows in words.
    pub description: &'static str,
    /// Side by side when wide, below each other when narrow.
    pub columns: Vec<Column>,
}

/// One column.
pub struct Column {
    /// What its sections have in common.
    pub heading: String,
    /// From top to bottom.
    pub sections: Vec<Section>,
}

/// Bars on one axis.
pub struct Section {
    /// What they have in common.
    pub heading: String,
    /// Their scale.
    pub axis: Axis,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar.
pub struct Bar {
    /// Its name.
    pub label: String,
    /// The ink of its label.
    pub ink: Ink,
    /// One below the other, each from left to right: ink and length of its slices.
    pub tracks: Vec<Vec<(Ink, f64)>>,
    /// A line across the bar: what was measured. Between the end of the slices and the line is an outline.
    pub mark: Option<f64>,
    /// Text beside it.
    pub note: String,
}

/// Sections of bars that can be seen next to each other: where one would be more than ten times as long as the first of
/// its section, the next begins, with an axis of its own. `cases` come in order of `whole`, in nanoseconds.
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
    fn svg(&self, title: &str, shape: Shape) -> String {
        let style = match shape {
            Shape::Wide => Style {
                labels: self.widest(|bar| &bar.label) + 10.0,
                notes: self.widest(|bar| &bar.note) + 12.0,
                row: 25.0,
            },
            // Labels and notes stand above their bars, which take the whole width.
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

/// Room beside the bars, and from one bar to the next.
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

/// Where a column stands in the drawing.
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
                self.canvas.bar((self.x(axis, end), upper), (self.x(axis, end + length), upper + tall - gap), ink);
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
