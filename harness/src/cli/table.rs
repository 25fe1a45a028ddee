//! Results on stdout: tables for people, JSON for programs.
//!
//! A table fits the width of the terminal and is never cut in a file. It is formatted before it is written, so that a closed
//! or full stdout is an error here and not a panic in a library.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use rustix::termios::tcgetwinsize;
use serde::Serialize;

/// Only a line below the headings.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table with these headings.
pub(super) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(headings.iter().copied());
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(size.ws_col);
        }
        _ => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table
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
