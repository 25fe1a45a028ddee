//! The data behind a chart, shown as a table and offered as CSV.

use std::fmt::Display;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error as _, SerializeStruct as _};
use serde::{Serialize, Serializer};

use crate::analyse::study::CaseStudy;
use crate::analyse::trials::value;
use crate::format;

/// Rows under named columns.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names, with the unit where all rows share it.
    pub columns: Vec<Column>,
    /// As shown and as exported.
    pub rows: Vec<Vec<Cell>>,
}

/// For the page: columns, rows, and an address that a link can offer for download without a server.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let csv = self.csv().map_err(S::Error::custom)?;
        let mut table = serializer.serialize_struct("Table", 3)?;
        table.serialize_field("columns", &self.columns)?;
        table.serialize_field("rows", &self.rows)?;
        table.serialize_field("download", &format!("data:text/csv;base64,{}", STANDARD.encode(csv)))?;
        table.end()
    }
}

/// A column's name and kind.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// For people.
    pub name: &'static str,
    /// For programs: the unit is the last word.
    pub key: &'static str,
    /// True for numbers, which align right.
    pub numeric: bool,
}

/// One cell.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cell {
    /// Three digits and a unit.
    pub shown: String,
    /// For programs: six digits, no unit; empty when there is no value.
    pub raw: String,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { raw: text.clone(), shown: text }
    }

    /// A number, shown by `show`; a dash when there is none.
    pub fn number(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        match value.filter(|value| value.is_finite()) {
            Some(value) => Self { shown: show(value), raw: format::digits(value) },
            None => Self { shown: "–".into(), raw: String::new() },
        }
    }
}

impl Table {
    /// Begins a table with one line for each of `rows`; each call adds a column: header, machine name and value.
    pub fn of<R>(rows: impl IntoIterator<Item = R>) -> Rows<R> {
        let rows: Vec<R> = rows.into_iter().collect();
        let table = Self { columns: Vec::new(), rows: rows.iter().map(|_| Vec::new()).collect() };
        Rows { rows, table }
    }

    /// As CSV with a line of headings.
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

/// A table under construction: its rows, and the columns that were added so far.
pub struct Rows<R> {
    rows: Vec<R>,
    table: Table,
}

/// A row about one case.
pub trait OfCase {
    /// The case.
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

    /// Words.
    pub fn text<T: Into<String>>(self, name: &'static str, key: &'static str, text: impl Fn(&R) -> T) -> Self {
        self.cells(name, key, |row| Cell::text(text(row)))
    }

    /// Numbers, written by `show`; a dash where there is none.
    pub fn number<D: Display>(
        self,
        name: &'static str,
        key: &'static str,
        show: impl Fn(f64) -> D,
        value: impl Fn(&R) -> Option<f64>,
    ) -> Self {
        self.cells(name, key, |row| Cell::number(value(row), |value| show(value).to_string()))
    }

    /// Times in nanoseconds.
    pub fn time(self, name: &'static str, key: &'static str, ns: impl Fn(&R) -> Option<f64>) -> Self {
        self.number(name, key, format::time, ns)
    }

    /// Counts.
    pub fn count(self, name: &'static str, key: &'static str, count: impl Fn(&R) -> Option<f64>) -> Self {
        self.number(name, key, format::count, count)
    }

    /// Sizes in bytes.
    pub fn size(self, name: &'static str, key: &'static str, bytes: impl Fn(&R) -> u64) -> Self {
        self.number(name, key, |bytes| format::bytes(bytes as u64), |row| Some(bytes(row) as f64))
    }

    /// The finished table.
    pub fn table(self) -> Table {
        self.table
    }
}

impl<R: OfCase> Rows<R> {
    /// Label, kind and way of waiting of the case; `name` says what the mechanisms are.
    pub fn case(self, name: &'static str) -> Self {
        self.text(name, "mechanism", |row| row.study().series.label())
            .text("Kind", "group", |row| row.study().series.group_word())
            .text("Waiting", "waiting", |row| row.study().series.manner.word())
    }

    /// The main metric.
    pub fn typical<D: Display>(self, name: &'static str, key: &'static str, show: impl Fn(f64) -> D) -> Self {
        self.number(name, key, show, |row| Some(row.study().summary.typical?.value))
    }

    /// The main metric and both ends of its interval.
    pub fn spread<D: Display>(self, columns: [(&'static str, &'static str); 3], show: impl Fn(f64) -> D) -> Self {
        let columns = columns.into_iter().enumerate();
        columns
            .fold(self, |rows, (at, (name, key))| rows.number(name, key, &show, |row| row.study().summary.spread()[at]))
    }

    /// The median of another metric of the records.
    pub fn metric<D: Display>(
        self,
        name: &'static str,
        key: &'static str,
        show: impl Fn(f64) -> D,
        metric: &str,
    ) -> Self {
        self.number(name, key, show, |row| value(row.study(), metric))
    }

    /// The number of usable repetitions.
    pub fn repetitions(self) -> Self {
        self.count("Repetitions", "repetitions_count", |row| Some(row.study().summary.repetitions.measured as f64))
    }

    /// The verdict.
    pub fn verdict(self) -> Self {
        self.text("Verdict", "verdict", |row| row.study().summary.verdict_word())
    }
}
