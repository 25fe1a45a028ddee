//! Results on stdout: tables for people, JSON for programs.
//!
//! A table fits the width of the terminal and is never cut in a file. It is formatted before it is written, so that a closed
//! or full stdout is an error here and not a panic in a library.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use rustix::termios::tcgetwinsize;
use serde::Serialize;

/// Only a line below the headings.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with these headings.
pub(super) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(headings.iter().copied());
    match columns() {
        Some(columns) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table
}

/// Columns of the terminal; `None` where stdout is a file or a pipe.
pub(super) fn columns() -> Option<u16> {
    tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// Characters of a line on the terminal, at least those of a short one; `None` where stdout is a file or a pipe.
pub(super) fn width() -> Option<usize> {
    columns().map(|columns| usize::from(columns).max(40))
}

/// The start of a line that is too long for `width`.
pub(super) fn clipped(line: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if line.chars().count() > width => {
            let start: String = line.chars().take(width - 1).collect();
            format!("{}…", start.trim_end())
        }
        _ => line.to_owned(),
    }
}

/// Emphasis on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
#[derive(Clone, Copy)]
pub(super) struct Paint(bool);

impl Paint {
    pub(super) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self(io::stdout().is_terminal() && !refused)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Aligns the given columns to the right, for numbers.
pub(super) fn align_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Writes the table, lines without trailing blanks.
pub(super) fn write(out: &mut impl Write, table: &Table) -> io::Result<()> {
    writeln!(out, "{}", table.trim_fmt())
}

/// Writes `value` as JSON that people can read too.
pub(super) fn write_json(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(writeln!(out, "{text}")?)
}

/// A page keeps number and unit together with a narrow space, which many terminals show too wide.
pub(super) fn plain(text: impl std::fmt::Display) -> String {
    text.to_string().replace('\u{202f}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_clipped() {
        assert_eq!(clipped("pipe and more", Some(8)), "pipe an…");
        assert_eq!((clipped("pipe", Some(4)), clipped("pipe and more", None)), ("pipe".into(), "pipe and more".into()));
    }
}
