//! Export for other programs: a flat table, one row a trial, as CSV, JSON lines or Parquet; and [summaries], one value a
//! case, for programs that track results over time.
//!
//! Rows are written as records arrive, so memory does not grow with their number. The columns are the same for all records
//! and formats; see [`columns`].

mod columns;
#[cfg(feature = "parquet")]
mod parquet;
mod trackers;

#[cfg(feature = "parquet")]
use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use ipcmark_record::Record;
use serde::ser::{SerializeMap as _, Serializer as _};

pub use self::columns::{Cell, Column, Kind, columns};
pub use self::trackers::{Summaries, Tracker, summaries};

/// Form of an export as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header, RFC 4180.
    Csv,
    /// One JSON object a line.
    Json,
}

/// Export in progress.
pub struct Export<'w> {
    columns: Vec<Column>,
    to: Form<'w>,
    rows: u64,
}

enum Form<'w> {
    Csv(Box<csv::Writer<Box<dyn Write + 'w>>>),
    Json(Box<dyn Write + 'w>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::Writer>),
}

impl<'w> Export<'w> {
    /// Begins an export as text.
    ///
    /// Errors: the header cannot be written.
    pub fn text(format: Format, to: impl Write + 'w) -> anyhow::Result<Self> {
        let columns = columns();
        let to: Box<dyn Write + 'w> = Box::new(to);
        let to = match format {
            Format::Csv => {
                let mut csv = csv::Writer::from_writer(to);
                csv.write_record(columns.iter().map(|column| column.name)).context("cannot write the header")?;
                Form::Csv(Box::new(csv))
            }
            Format::Json => Form::Json(to),
        };
        Ok(Self { columns, to, rows: 0 })
    }

    /// Begins an export to an Apache Parquet file.
    ///
    /// Errors: the file cannot be written, or this build has no Parquet.
    #[cfg(feature = "parquet")]
    pub fn parquet(file: &Path) -> anyhow::Result<Self> {
        let columns = columns();
        let file = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        let to = Form::Parquet(Box::new(parquet::Writer::begin(&columns, file)?));
        Ok(Self { columns, to, rows: 0 })
    }

    /// Begins an export to an Apache Parquet file.
    ///
    /// Errors: this build has no Parquet.
    #[cfg(not(feature = "parquet"))]
    pub fn parquet(_: &Path) -> anyhow::Result<Self> {
        anyhow::bail!(
            "this build of ipcmark writes no Parquet; build it with `--features parquet`, or write csv or json, which the same \
             programs read"
        )
    }

    /// Writes the row of `record`.
    ///
    /// Errors: it cannot be written.
    pub fn add(&mut self, record: &Record) -> anyhow::Result<()> {
        const WRONG: &str = "cannot write a row";
        self.rows += 1;
        let cells = self.columns.iter().map(|column| (column.name, column.cell(record)));
        match &mut self.to {
            Form::Csv(csv) => {
                for (_, cell) in cells {
                    csv.write_field(cell.text().as_bytes()).context(WRONG)?;
                }
                csv.write_record(None::<&[u8]>).context(WRONG)
            }
            Form::Json(to) => {
                let mut json = serde_json::Serializer::new(&mut *to);
                let mut row = json.serialize_map(None).context(WRONG)?;
                for (name, cell) in cells {
                    row.serialize_entry(name, &cell).context(WRONG)?;
                }
                row.end().context(WRONG)?;
                writeln!(to).context(WRONG)
            }
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => parquet.add(cells.map(|(_, cell)| cell)),
        }
    }

    /// Writes what is left, and returns the number of rows.
    ///
    /// Errors: it cannot be written.
    pub fn finish(self) -> anyhow::Result<u64> {
        match self.to {
            Form::Csv(mut csv) => csv.flush().context("cannot write the last rows")?,
            Form::Json(mut to) => to.flush().context("cannot write the last rows")?,
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => parquet.finish()?,
        }
        Ok(self.rows)
    }
}
