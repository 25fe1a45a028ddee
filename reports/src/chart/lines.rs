//! Line charts in two panels, one for mechanisms that keep a CPU busy and one for those that leave it, so that polling
//! and blocking never share an axis. Both panels share both scales. Where there is room each line carries its name at
//! its right end; in a narrow drawing the names stand below the plot.

use super::Shape;
use super::axis::Axis;
use super::canvas::{Canvas, Ink, Marker, Side, draw, text_width};
use super::plot::{LABEL_APART, Plot, TEXT};
use crate::analyse::series::Manner;

const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;
/// Height of a line of names below a narrow plot.
const KEY: f64 = 18.0;

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
    pub heading: &'static str,
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
    /// Whether a line leads here from the point before: not across something that was left out.
    pub joined: bool,
}

impl Line {
    /// Its points in stretches that a line may be drawn through.
    pub fn stretches(&self) -> impl Iterator<Item = &[Point]> {
        self.points.chunk_by(|_, next| next.joined)
    }
}

/// The panels: what their lines have in common, and which ways of waiting that is. Lines that poll first and then block
/// are dashed, and their names say `hybrid` or `threads`.
pub const PANELS: [(&str, &[Manner]); 2] =
    [("polls, or polls first (dashed)", &[Manner::Polls, Manner::PollsThenBlocks]), ("blocks", &[Manner::Blocks])];

impl Lines {
    /// Draws it.
    pub fn svg(&self, shape: Shape) -> String {
        match shape {
            Shape::Wide => self.wide(shape.width()),
            Shape::Narrow => self.narrow(shape.width()),
        }
    }

    /// Panels side by side, all plots equally wide, whatever room their names take.
    fn wide(&self, width: f64) -> String {
        let margin = self.margin();
        let gutters: Vec<f64> = self.panels.iter().map(Panel::gutter).collect();
        let count = self.panels.len().max(1) as f64;
        let plot_width = (width - margin - gutters.iter().sum::<f64>()) / count;
        let most = self.panels.iter().map(|panel| panel.lines.len()).max().unwrap_or(1) as f64;
        let plot_height = (most * LABEL_APART).max(300.0);
        draw((width, TOP + plot_height + BOTTOM), &self.title, &self.description, |canvas| {
            let mut left = margin;
            for (index, (panel, gutter)) in self.panels.iter().zip(&gutters).enumerate() {
                let right = left + plot_width;
                let plot = Plot { canvas, chart: self, left, right, top: TOP, bottom: TOP + plot_height };
                plot.paint(panel, index == 0);
                plot.names(panel);
                left = right + gutter;
            }
        })
    }

    /// Panels below each other over the whole width, names below each.
    fn narrow(&self, width: f64) -> String {
        let left = self.margin();
        let height = |panel: &Panel| TOP + 230.0 + BOTTOM + KEY * panel.lines.len().div_ceil(2) as f64 + 14.0;
        let total = self.panels.iter().map(height).sum();
        draw((width, total), &self.title, &self.description, |canvas| {
            let mut top = TOP;
            for panel in &self.panels {
                let plot = Plot { canvas, chart: self, left, right: width - 14.0, top, bottom: top + 230.0 };
                plot.paint(panel, true);
                panel.keys(canvas, top + 230.0 + BOTTOM + KEY / 2.0);
                top += height(panel);
            }
        })
    }

    /// Room for the labels of the vertical axis.
    fn margin(&self) -> f64 {
        self.y.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(20.0, f64::max) + 28.0
    }
}

impl Panel {
    /// Room for the names at the right.
    fn gutter(&self) -> f64 {
        self.lines.iter().map(|line| text_width(&line.label, TEXT)).fold(30.0, f64::max) + 24.0
    }

    /// Names with a piece of their line, in two columns, in the order of the lines' right ends.
    fn keys(&self, canvas: &Canvas<'_>, top: f64) {
        let mut lines: Vec<&Line> = self.lines.iter().collect();
        let end = |line: &Line| line.points.last().map_or(0.0, |point| point.y);
        lines.sort_by(|a, b| end(b).total_cmp(&end(a)));
        for (index, line) in lines.into_iter().enumerate() {
            let (x, y) = ((index % 2) as f64 * 206.0, top + (index / 2) as f64 * KEY);
            canvas.line(&[(x, y), (x + 22.0, y)], line.ink, 1.9);
            if let Some(marker) = line.marker {
                canvas.marker((x + 11.0, y), marker, line.ink, 3.2);
            }
            canvas.text((x + 28.0, y), Side::Right, &line.label, line.ink, TEXT - 0.5);
        }
    }
}
