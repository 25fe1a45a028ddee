//! The data behind a chart: read by those who cannot see it, and taken away as CSV.

use crate::format;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error as _, SerializeStruct as _};
use serde::{Serialize, Serializer};

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
    /// An empty table; columns as (name for people, name in CSV), where names in CSV that end in a unit are numbers.
    pub fn new(columns: &[(&'static str, &'static str)]) -> Self {
        let numeric = |key: &str| {
            ["_ns", "_bytes", "_per_s", "_share", "_count", "_percent"].iter().any(|unit| key.ends_with(unit))
        };
        let columns = columns.iter().map(|&(name, key)| Column { name, key, numeric: numeric(key) }).collect();
        Self { columns, rows: Vec::new() }
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
