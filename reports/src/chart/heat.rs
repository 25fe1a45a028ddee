//! Heat maps on one common scale; darker cells have larger shares.

use super::canvas::{Canvas, Ink, Picture, Side, draw};
use super::{Drawing, Shape};

const TEXT: f64 = 12.0;
const HEADING: f64 = 40.0;
/// Space for the name of the rows.
const EDGE: f64 = 26.0;
/// Space for the name of the columns and the gap to the next row of maps.
const BOTTOM: f64 = 34.0;
const GAP: f64 = 22.0;
/// Width from which cells show their number.
const NUMBERED: f64 = 34.0;

/// Chart of heat maps.
pub struct Heat {
    /// Description for screen readers.
    pub description: &'static str,
    /// Name of the columns.
    pub across: &'static str,
    /// Name of the rows.
    pub down: &'static str,
    /// Maps in reading order.
    pub grids: Vec<Grid>,
}

/// Heat map of one series.
pub struct Grid {
    /// Name.
    pub heading: String,
    /// Text below the heading.
    pub note: String,
    /// Ink.
    pub ink: Ink,
    /// Shares by row and column; a square matrix.
    pub cells: Vec<Vec<f64>>,
}

impl Drawing for Heat {
    fn svg(&self, title: &str, shape: Shape) -> Picture {
        let columns = match shape {
            Shape::Wide => self.grids.len().clamp(4, 6),
            Shape::Narrow => 2,
        };
        let wide = (shape.width() - GAP * (columns - 1) as f64) / columns as f64;
        let side = wide - EDGE;
        let tall = HEADING + side + BOTTOM;
        let rows = self.grids.len().div_ceil(columns);
        let fullest = self.grids.iter().flat_map(|grid| &grid.cells).flatten().copied().fold(0.0, f64::max);
        draw((shape.width(), tall * rows as f64), title, self.description, |canvas| {
            for (index, grid) in self.grids.iter().enumerate() {
                let left = (index % columns) as f64 * (wide + GAP);
                self.grid(canvas, grid, (left, (index / columns) as f64 * tall), side, fullest);
            }
        })
    }
}

impl Heat {
    fn grid(&self, canvas: &Canvas<'_>, grid: &Grid, (x, y): (f64, f64), side: f64, fullest: f64) {
        canvas.text((x, y + 8.0), Side::Right, &grid.heading, grid.ink, TEXT + 0.5);
        canvas.text((x, y + 24.0), Side::Right, &grid.note, Ink::Muted, TEXT - 0.5);
        let (left, top) = (x + EDGE, y + HEADING);
        let cell = side / grid.cells.len().max(1) as f64;
        for (row, shares) in grid.cells.iter().enumerate() {
            for (column, &share) in shares.iter().enumerate() {
                let at = (left + column as f64 * cell, top + row as f64 * cell);
                let (right, bottom) = (at.0 + cell - 1.5, at.1 + cell - 1.5);
                // The square root keeps a share of 1 % visible.
                let full = (share / fullest.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0).sqrt();
                let opacity = (6.0 + 84.0 * full).round() / 100.0;
                canvas.slice(at, (right, bottom), grid.ink, opacity, percent(share));
                if cell >= NUMBERED {
                    let middle = (at.0 + cell / 2.0, at.1 + cell / 2.0);
                    canvas.text(middle, Side::Middle, &percent(share), Ink::Strong, TEXT - 1.0);
                }
            }
        }
        canvas.text((left + side / 2.0, top + side + 9.0), Side::Middle, self.across, Ink::Muted, TEXT - 0.5);
        canvas.upright((x + 12.0, top + side / 2.0), self.down, Ink::Muted, TEXT - 0.5);
    }
}

/// Percentage short enough for a cell.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 9.5 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}
