//! Heat maps of pairs of CPUs on one logarithmic scale, with CPU numbers, caches and nodes at their edges.

use ipcmark_record::CpuPlace;

use super::canvas::{Canvas, Ink, Picture, Side, draw, text_width};
use super::{Drawing, Shape};

const TEXT: f64 = 12.0;
const SMALL: f64 = 11.0;
const HEADING: f64 = 26.0;
const SCALE: f64 = 34.0;
const GAP: f64 = 28.0;
/// Width of a strip of brackets for caches or nodes.
const STRIP: f64 = 17.0;
/// Space for CPU numbers.
const NUMBERS: f64 = 26.0;
/// Largest cell.
const CELL: f64 = 52.0;
/// Cell from which times are written into it.
const WRITTEN: f64 = 27.0;
/// Cell from which cells are separated by a gap; smaller ones are merged where they have the same shade.
const SEPARATE: f64 = 10.0;
/// Shades from the fastest to the slowest.
const SHADES: usize = 16;
const INK: Ink = Ink::Slice(9);

/// Maps of one or more machines, each of one or more panels.
pub struct CoreMaps {
    /// Panels by machine.
    pub panels: Vec<Vec<Panel>>,
}

/// Square of CPUs with each other, or rows of CPUs with others.
pub struct Panel {
    /// Heading; may be empty.
    pub heading: String,
    /// CPU of each row.
    pub rows: Vec<CpuPlace>,
    /// CPU of each column; empty if it differs by row.
    pub columns: Vec<CpuPlace>,
    /// Nanoseconds by row and column.
    pub cells: Vec<Vec<Option<f64>>>,
}

/// Kind of group at the edge of a map: its word, and the group of a CPU.
type Level = (&'static str, fn(&CpuPlace) -> Option<u32>);

/// Groups at the edges, from the inside out.
const LEVELS: [Level; 5] = [
    ("core", |at| Some(at.core)),
    ("L2", |at| at.level_2),
    ("L3", |at| at.level_3),
    ("node", |at| Some(at.node)),
    ("", |at| Some(u32::from(at.efficient))),
];

/// Logarithmic scale of all maps.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(maps: &CoreMaps) -> Self {
        let all = || maps.panels.iter().flatten().flat_map(|panel| &panel.cells).flatten().flatten().copied();
        Self { low: all().fold(f64::INFINITY, f64::min), high: all().fold(0.0, f64::max) }
    }

    fn shade(self, ns: f64) -> usize {
        let span = (self.high / self.low).ln();
        // Differences of a few percent are no structure.
        let share = if span < 0.05 { 0.3 } else { (ns / self.low).ln() / span };
        (share * (SHADES - 1) as f64).round() as usize
    }
}

/// Opacity of a shade.
fn opacity(shade: usize) -> f64 {
    let full = 0.08 + 0.84 * shade as f64 / (SHADES - 1) as f64;
    (full * 100.0).round() / 100.0
}

/// Levels that distinguish CPUs, or that at least are known: a core that no two share, and one kind of cores, are not shown.
fn levels(cpus: &[CpuPlace]) -> Vec<Level> {
    let groups = |level: &Level| cpus.chunk_by(|a, b| level.1(a) == level.1(b)).map(<[_]>::len).collect::<Vec<_>>();
    let shown = |level: &Level| match level.0 {
        "core" => groups(level).iter().any(|&size| size > 1),
        "L2" => {
            let sizes = groups(level);
            sizes.iter().any(|&size| size > 1) && sizes != groups(&LEVELS[0])
        }
        "L3" => cpus.iter().any(|at| at.level_3.is_some()),
        "node" => true,
        _ => groups(level).len() > 1,
    };
    LEVELS.into_iter().filter(shown).collect()
}

/// Runs of neighbours in one group: word, first and end.
fn runs(cpus: &[CpuPlace], level: &Level) -> Vec<(String, usize, usize)> {
    let mut start = 0;
    let chunks = cpus.chunk_by(|a, b| level.1(a) == level.1(b)).enumerate();
    let run = |(index, run): (usize, &[CpuPlace])| {
        let word = match (level.0, level.1(&run[0])) {
            ("core", _) | (_, None) => String::new(),
            ("", efficient) => if efficient == Some(1) { "efficiency" } else { "performance" }.to_owned(),
            ("node", Some(node)) => format!("node {node}"),
            (word, _) => format!("{word} #{index}"),
        };
        let from = start;
        start += run.len();
        (word, from, start)
    };
    chunks.map(run).collect()
}

impl Drawing for CoreMaps {
    fn svg(&self, title: &str, shape: Shape) -> Picture {
        let scale = Scale::of(self);
        let columns = if shape == Shape::Wide { self.panels.len().clamp(1, 2) } else { 1 };
        let wide = (shape.width() - GAP * (columns - 1) as f64) / columns as f64;
        let heights: Vec<f64> =
            self.panels.iter().map(|panels| panels.iter().map(|panel| panel.height(wide)).sum()).collect();
        let of_row = |row: &[f64]| row.iter().copied().fold(0.0, f64::max);
        let tall = SCALE + heights.chunks(columns).map(of_row).sum::<f64>();
        let description = "Squares of cells: rows are the CPU that starts a round trip, columns the one that answers; \
                           stronger colours are slower.";
        draw((shape.width(), tall), title, description, |canvas| {
            scale.draw(canvas);
            let mut top = SCALE;
            for (row, heights) in self.panels.chunks(columns).zip(heights.chunks(columns)) {
                for (column, panels) in row.iter().enumerate() {
                    let mut y = top;
                    for panel in panels {
                        panel.draw(canvas, (column as f64 * (wide + GAP), y), wide, scale);
                        y += panel.height(wide);
                    }
                }
                top += of_row(heights);
            }
        })
    }
}

impl Scale {
    /// Strip of all shades with both ends.
    fn draw(self, canvas: &Canvas<'_>) {
        let words = [self.low, self.high].map(crate::format::ns);
        let (y, mut x) = (12.0, 0.0);
        canvas.text((x, y), Side::Right, &words[0], Ink::Text, TEXT);
        x += text_width(&words[0], TEXT) + 8.0;
        for shade in 0..SHADES {
            square(canvas, (x, y - 7.0), (x + 11.0, y + 7.0), opacity(shade));
            x += 11.0;
        }
        canvas.text((x + 8.0, y), Side::Right, &words[1], Ink::Text, TEXT);
    }
}

fn square(canvas: &Canvas<'_>, from: (f64, f64), to: (f64, f64), opacity: f64) {
    canvas.area(&[from, (to.0, from.1), to, (from.0, to.1)], INK, opacity);
}

impl Panel {
    fn heading(&self) -> f64 {
        if self.heading.is_empty() { 6.0 } else { HEADING }
    }

    /// Space left of and above the cells.
    fn edges(&self) -> (f64, f64) {
        let left = STRIP * levels(&self.rows).len() as f64 + NUMBERS;
        let top =
            if self.columns.is_empty() { 0.0 } else { STRIP * levels(&self.columns).len() as f64 + NUMBERS * 0.75 };
        (left, top)
    }

    fn cell(&self, wide: f64) -> f64 {
        let columns = self.cells.iter().map(Vec::len).max().unwrap_or(1).max(1);
        ((wide - self.edges().0) / columns as f64).min(CELL)
    }

    fn height(&self, wide: f64) -> f64 {
        self.heading() + self.edges().1 + self.cell_height(wide) * self.rows.len() as f64 + GAP
    }

    /// Rows with many columns are higher than wide, so that their CPU numbers stay readable.
    fn cell_height(&self, wide: f64) -> f64 {
        if self.columns.is_empty() { self.cell(wide).max(14.0) } else { self.cell(wide) }
    }

    fn draw(&self, canvas: &Canvas<'_>, (x, y): (f64, f64), wide: f64, scale: Scale) {
        if !self.heading.is_empty() {
            canvas.text((x, y + 8.0), Side::Right, &self.heading, Ink::Strong, TEXT + 0.5);
        }
        let (edge, above) = self.edges();
        let (left, top) = (x + edge, y + self.heading() + above);
        let (width, height) = (self.cell(wide), self.cell_height(wide));
        for (row, cells) in self.cells.iter().enumerate() {
            draw_row(canvas, cells, (left, top + row as f64 * height), (width, height), scale);
        }
        self.beside_rows(canvas, (left, top), height);
        if !self.columns.is_empty() {
            self.above_columns(canvas, (left, top), width);
        }
    }

    /// CPU numbers and brackets left of the rows.
    fn beside_rows(&self, canvas: &Canvas<'_>, (left, top): (f64, f64), cell: f64) {
        let step = (13.0 / cell).ceil().max(1.0) as usize;
        for (row, at) in self.rows.iter().enumerate().step_by(step) {
            let y = top + (row as f64 + 0.5) * cell;
            canvas.text((left - 5.0, y), Side::Left, &at.cpu.to_string(), Ink::Text, SMALL);
        }
        for (strip, level) in levels(&self.rows).iter().enumerate() {
            let x = left - NUMBERS - STRIP * strip as f64;
            for (word, from, to) in runs(&self.rows, level) {
                let (from, to) = (top + from as f64 * cell, top + to as f64 * cell);
                canvas.line(&[(x - 2.0, from + 1.0), (x - 2.0, to - 2.0)], Ink::Axis, 1.4);
                if text_width(&word, SMALL) <= to - from {
                    canvas.upright((x - 9.5, f64::midpoint(from, to)), &word, Ink::Muted, SMALL);
                }
            }
        }
    }

    /// CPU numbers and brackets above the columns.
    fn above_columns(&self, canvas: &Canvas<'_>, (left, top): (f64, f64), cell: f64) {
        let widest = self.columns.iter().map(|at| text_width(&at.cpu.to_string(), SMALL)).fold(0.0, f64::max) + 4.0;
        let step = (widest / cell).ceil().max(1.0) as usize;
        for (column, at) in self.columns.iter().enumerate().step_by(step) {
            let x = left + (column as f64 + 0.5) * cell;
            canvas.text((x, top - 8.0), Side::Middle, &at.cpu.to_string(), Ink::Text, SMALL);
        }
        for (strip, level) in levels(&self.columns).iter().enumerate() {
            let y = top - NUMBERS * 0.75 - STRIP * strip as f64;
            for (word, from, to) in runs(&self.columns, level) {
                let (from, to) = (left + from as f64 * cell, left + to as f64 * cell);
                canvas.line(&[(from + 1.0, y), (to - 2.0, y)], Ink::Axis, 1.4);
                if text_width(&word, SMALL) <= to - from {
                    canvas.text((f64::midpoint(from, to), y - 8.0), Side::Middle, &word, Ink::Muted, SMALL);
                }
            }
        }
    }
}

/// Draws a row of cells.
fn draw_row(canvas: &Canvas<'_>, cells: &[Option<f64>], at: (f64, f64), size: (f64, f64), scale: Scale) {
    let gap = if size.0 >= SEPARATE { 1.0 } else { 0.0 };
    let shade = |cell: &Option<f64>| cell.map(|ns| scale.shade(ns));
    let mut column = 0;
    for run in cells.chunk_by(|a, b| gap == 0.0 && shade(a) == shade(b)) {
        let (from, to) = (at.0 + column as f64 * size.0, at.0 + (column + run.len()) as f64 * size.0);
        if let Some(shade) = shade(&run[0]) {
            square(canvas, (from, at.1), (to - gap, at.1 + size.1 - gap), opacity(shade));
        }
        column += run.len();
    }
    if size.0 < WRITTEN {
        return;
    }
    for (column, ns) in cells.iter().enumerate().filter_map(|(column, ns)| Some((column, (*ns)?))) {
        let middle = (at.0 + (column as f64 + 0.5) * size.0, at.1 + size.1 / 2.0);
        canvas.text(middle, Side::Middle, &brief(ns), Ink::Strong, SMALL);
    }
}

/// Nanoseconds short enough for a cell.
fn brief(ns: f64) -> String {
    match ns {
        short if short < 9_999.5 => format!("{short:.0}"),
        long => format!("{:.0}k", long / 1e3),
    }
}
