//! Table of a chart's data, also exported as CSV.

use std::fmt::Display;
use std::io::Write as _;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::ser::{Error as _, SerializeStruct as _};
use serde::{Serialize, Serializer};

use crate::analyse::study::CaseStudy;
use crate::analyse::trials::value;
use crate::format;

/// Table with named columns.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows of cells.
    pub rows: Vec<Vec<Cell>>,
}

/// Serialises the columns that tell something, their rows, and the CSV of all for download without a server: deflated, in
/// base64.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let telling: Vec<usize> = (0..self.columns.len()).filter(|&at| self.tells(at)).collect();
        let rows = self.rows.iter().map(|row| telling.iter().map(|&at| &row[at]).collect::<Vec<_>>());
        let mut table = serializer.serialize_struct("Table", 3)?;
        table.serialize_field("columns", &telling.iter().map(|&at| &self.columns[at]).collect::<Vec<_>>())?;
        table.serialize_field("rows", &rows.collect::<Vec<_>>())?;
        table.serialize_field("csv", &packed(&self.csv().map_err(S::Error::custom)?))?;
        table.end()
    }
}

/// Text for the script of a page: deflated, in base64.
pub fn packed(text: &str) -> String {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    // Memory takes every byte.
    let written = packed.write_all(text.as_bytes()).and_then(|()| packed.finish());
    STANDARD.encode(written.unwrap_or_default())
}

/// Name and kind of a column.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// CSV key, which ends in the unit.
    pub key: &'static str,
    /// Whether the column holds numbers, which are right-aligned.
    pub numeric: bool,
}

/// Table cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    /// Displayed text: three digits and a unit.
    pub shown: String,
    /// CSV value: six digits without unit; empty without a value.
    pub raw: String,
}

impl Cell {
    /// Cell with text.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { raw: text.clone(), shown: text }
    }

    /// Cell with a number formatted by `show`, or a dash.
    pub fn number(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        match value.filter(|value| value.is_finite()) {
            // Without its unit: most costs of a breakdown are none.
            Some(0.0) => Self { shown: "0".into(), raw: "0".into() },
            Some(value) => Self { shown: show(value), raw: format::digits(value) },
            None => Self { shown: "–".into(), raw: String::new() },
        }
    }
}

impl Table {
    /// Starts a table with one line for each of `rows`; each further call adds a column.
    pub fn of<R>(rows: impl IntoIterator<Item = R>) -> Rows<R> {
        let rows: Vec<R> = rows.into_iter().collect();
        let table = Self { columns: Vec::new(), rows: rows.iter().map(|_| Vec::new()).collect() };
        Rows { rows, table }
    }

    /// Whether any cell of a column has a text, or a time other than 0.
    fn tells(&self, at: usize) -> bool {
        let nothing = if self.columns[at].key.ends_with("_ns") { "0" } else { "" };
        self.rows.iter().any(|row| !["", nothing].contains(&row[at].raw.as_str()))
    }

    /// Exports the table as CSV with a header line.
    pub fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| column.key))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| cell.raw.as_str()))?;
        }
        let bytes = writer.into_inner().context("the CSV of a chart could not be finished")?;
        Ok(String::from_utf8(bytes)?)
    }
}

/// Table under construction.
pub struct Rows<R> {
    rows: Vec<R>,
    table: Table,
}

/// Row about one case.
pub trait OfCase {
    /// Case of the row.
    fn study(&self) -> &CaseStudy<'_>;
}

impl OfCase for CaseStudy<'_> {
    fn study(&self) -> &CaseStudy<'_> {
        self
    }
}

impl<T: OfCase> OfCase for &T {
    fn study(&self) -> &CaseStudy<'_> {
        (**self).study()
    }
}

impl<T: OfCase, U> OfCase for (T, U) {
    fn study(&self) -> &CaseStudy<'_> {
        self.0.study()
    }
}

impl<R> Rows<R> {
    fn cells(mut self, name: &'static str, key: &'static str, cell: impl Fn(&R) -> Cell) -> Self {
        let units = ["_ns", "_bytes", "_per_s", "_share", "_count", "_percent"];
        self.table.columns.push(Column { name, key, numeric: units.iter().any(|unit| key.ends_with(unit)) });
        for (cells, row) in self.table.rows.iter_mut().zip(&self.rows) {
            cells.push(cell(row));
        }
        self
    }

    /// Adds a text column.
    pub fn text<T: Into<String>>(self, name: &'static str, key: &'static str, text: impl Fn(&R) -> T) -> Self {
        self.cells(name, key, |row| Cell::text(text(row)))
    }

    /// Adds a column of numbers formatted by `show`, or dashes.
    pub fn number<D: Display>(
        self,
        name: &'static str,
        key: &'static str,
        show: impl Fn(f64) -> D,
        value: impl Fn(&R) -> Option<f64>,
    ) -> Self {
        self.cells(name, key, |row| Cell::number(value(row), |value| show(value).to_string()))
    }

    /// Adds a column of times in nanoseconds.
    pub fn time(self, name: &'static str, key: &'static str, ns: impl Fn(&R) -> Option<f64>) -> Self {
        self.number(name, key, format::time, ns)
    }

    /// Adds a column of counts.
    pub fn count(self, name: &'static str, key: &'static str, count: impl Fn(&R) -> Option<f64>) -> Self {
        self.number(name, key, format::count, count)
    }

    /// Adds a column of sizes in bytes.
    pub fn size(self, name: &'static str, key: &'static str, bytes: impl Fn(&R) -> u64) -> Self {
        self.number(name, key, |bytes| format::bytes(bytes as u64), |row| Some(bytes(row) as f64))
    }

    /// Finishes the table.
    pub fn table(self) -> Table {
        self.table
    }
}

impl<R: OfCase> Rows<R> {
    /// Adds label, kind and manner of the case; `name` is the heading of the label.
    pub fn case(self, name: &'static str) -> Self {
        self.text(name, "mechanism", |row| row.study().series.label())
            .text("Kind", "group", |row| row.study().series.group_word())
            .text("Waiting", "waiting", |row| row.study().series.manner.word())
    }

    /// Adds the main metric.
    pub fn typical<D: Display>(self, name: &'static str, key: &'static str, show: impl Fn(f64) -> D) -> Self {
        self.number(name, key, show, |row| Some(row.study().summary.typical?.value))
    }

    /// Adds the main metric and both ends of its interval.
    pub fn spread<D: Display>(self, columns: [(&'static str, &'static str); 3], show: impl Fn(f64) -> D) -> Self {
        let columns = columns.into_iter().enumerate();
        columns
            .fold(self, |rows, (at, (name, key))| rows.number(name, key, &show, |row| row.study().summary.spread()[at]))
    }

    /// Adds the median of another metric.
    pub fn metric<D: Display>(
        self,
        name: &'static str,
        key: &'static str,
        show: impl Fn(f64) -> D,
        metric: &str,
    ) -> Self {
        self.number(name, key, show, |row| value(row.study(), metric))
    }

    /// Adds the number of usable repetitions.
    pub fn repetitions(self) -> Self {
        self.count("Repetitions", "repetitions_count", |row| Some(row.study().usable().count() as f64))
    }

    /// Adds the verdict.
    pub fn verdict(self) -> Self {
        self.text("Verdict", "verdict", |row| row.study().summary.verdict_word())
    }
}
