//! Line charts in panels with common scales, polling and blocking apart. Names are at the right end of each line; in
//! narrow drawings they are below the plot.

use super::canvas::{Canvas, Picture, Side, draw, text_width};
use super::plot::{LABEL_APART, Line, Panel, Plot, Scales, TEXT};
use super::{Drawing, Shape};
use crate::analyse::series::Manner;

const TOP: f64 = 26.0;
const BOTTOM: f64 = 44.0;
/// Height of a plot with one row of panels, and with several.
const TALL: f64 = 300.0;
const LOW: f64 = 200.0;
/// Height of a plot in a narrow drawing.
const NARROW: f64 = 230.0;
/// Height of a row of names below a narrow plot.
const KEY: f64 = 18.0;

/// Line chart.
pub struct Lines {
    /// Description for screen readers.
    pub description: &'static str,
    /// Both axes.
    pub scales: Scales,
    /// Panels per row in a wide drawing.
    pub columns: usize,
    /// Panels in reading order.
    pub panels: Vec<Panel>,
}

/// Panels of most charts: heading and manners. Lines that poll before they block are dashed and named `hybrid` or
/// `threads`.
pub const PANELS: [(&str, &[Manner]); 2] =
    [("polls, or polls first (dashed)", &[Manner::Polls, Manner::PollsThenBlocks]), ("blocks", &[Manner::Blocks])];

impl Drawing for Lines {
    fn svg(&self, title: &str, shape: Shape) -> Picture {
        match shape {
            Shape::Wide => self.wide(title, shape.width()),
            Shape::Narrow => self.narrow(title, shape.width()),
        }
    }
}

impl Lines {
    /// Draws panels side by side with plots of equal size.
    fn wide(&self, title: &str, width: f64) -> Picture {
        let margin = self.margin();
        let columns = self.columns.clamp(1, self.panels.len().max(1));
        let gutters: Vec<f64> = (0..columns)
            .map(|column| self.panels.iter().skip(column).step_by(columns).map(Panel::gutter).fold(0.0, f64::max))
            .collect();
        let plot_width = (width - margin - gutters.iter().sum::<f64>()) / columns as f64;
        let named = |panel: &Panel| panel.lines.iter().filter(|line| !line.label.is_empty()).count();
        let most = self.panels.iter().map(named).max().unwrap_or(1) as f64;
        let plot_height = (most * LABEL_APART).max(if self.panels.len() > columns { LOW } else { TALL });
        let row_height = TOP + plot_height + BOTTOM;
        let rows = self.panels.len().div_ceil(columns).max(1) as f64;
        draw((width, row_height * rows), title, self.description, |canvas| {
            for (row, panels) in self.panels.chunks(columns).enumerate() {
                let (mut left, top) = (margin, TOP + row_height * row as f64);
                for (column, (panel, gutter)) in panels.iter().zip(&gutters).enumerate() {
                    let right = left + plot_width;
                    let plot = Plot { canvas, scales: &self.scales, left, right, top, bottom: top + plot_height };
                    plot.paint(panel, column == 0);
                    plot.names(panel);
                    left = right + gutter;
                }
            }
        })
    }

    /// Draws panels below each other in full width, each with its names below.
    fn narrow(&self, title: &str, width: f64) -> Picture {
        let left = self.margin();
        let height = |panel: &Panel| TOP + NARROW + BOTTOM + KEY * panel.key_rows(width - left) as f64 + 14.0;
        let total = self.panels.iter().map(height).sum();
        draw((width, total), title, self.description, |canvas| {
            let mut top = TOP;
            for panel in &self.panels {
                let (right, bottom) = (width - 14.0, top + NARROW);
                let plot = Plot { canvas, scales: &self.scales, left, right, top, bottom };
                plot.paint(panel, true);
                panel.keys(canvas, bottom + BOTTOM + KEY / 2.0, width - left);
                top += height(panel);
            }
        })
    }

    /// Space for the labels of the vertical axis.
    fn margin(&self) -> f64 {
        self.scales.y.ticks.iter().map(|(_, label)| text_width(label, TEXT)).fold(20.0, f64::max) + 28.0
    }
}

impl Panel {
    /// Space for the names at the right.
    fn gutter(&self) -> f64 {
        self.lines.iter().map(|line| text_width(&line.label, TEXT)).fold(30.0, f64::max) + 24.0
    }

    /// Number of names that fit into one row.
    fn key_columns(&self, width: f64) -> usize {
        let widest = self.lines.iter().map(|line| text_width(&line.label, TEXT) + 34.0).fold(1.0, f64::max);
        ((width / widest) as usize).clamp(1, 4)
    }

    fn key_rows(&self, width: f64) -> usize {
        self.lines.iter().filter(|line| !line.label.is_empty()).count().div_ceil(self.key_columns(width))
    }

    /// Draws names with line samples in columns, ordered by the right ends of the lines.
    fn keys(&self, canvas: &Canvas<'_>, top: f64, width: f64) {
        let mut lines: Vec<&Line> = self.lines.iter().filter(|line| !line.label.is_empty()).collect();
        let end = |line: &Line| line.points.last().map_or(0.0, |point| point.y);
        lines.sort_by(|a, b| end(b).total_cmp(&end(a)));
        let columns = self.key_columns(width);
        for (index, line) in lines.into_iter().enumerate() {
            let (x, y) = ((index % columns) as f64 * (412.0 / columns as f64), top + (index / columns) as f64 * KEY);
            canvas.line(&[(x, y), (x + 22.0, y)], line.ink, 1.9);
            if let Some(marker) = line.marker {
                canvas.marker((x + 11.0, y), marker, line.ink, 3.2);
            }
            canvas.text((x + 28.0, y), Side::Right, &line.label, line.ink, TEXT - 0.5);
        }
    }
}

/// All values in `panels` and both ends of their intervals.
pub fn heights(panels: &[Panel]) -> impl Iterator<Item = f64> {
    let points = panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
    points.flat_map(|point| [Some(point.y), point.band.map(|band| band.0), point.band.map(|band| band.1)]).flatten()
}

/// Members of each of [`PANELS`] that has any, in order.
pub fn by_manner<T>(members: &[T], manner: impl Fn(&T) -> Manner) -> impl Iterator<Item = (&'static str, Vec<&T>)> {
    PANELS.into_iter().filter_map(move |(heading, manners)| {
        let of_panel: Vec<&T> = members.iter().filter(|member| manners.contains(&manner(member))).collect();
        (!of_panel.is_empty()).then_some((heading, of_panel))
    })
}
