//! Rows as Apache Parquet: groups of rows, each column compressed on its own, every value optional.

use std::fs::File;
use std::sync::Arc;

use anyhow::Context as _;
use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::{Cell, Column, Kind};

/// Rows in memory until they are written: readers prefer large groups, and a row takes about 2 kB.
const ROWS_OF_A_GROUP: usize = 20_000;

/// Writer of one file.
pub(super) struct Writer {
    file: SerializedFileWriter<File>,
    columns: Vec<Pending>,
    rows: usize,
}

/// Values of one column that are not written yet, and for each row whether it has one.
struct Pending {
    values: Values,
    present: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Number(Vec<f64>),
    Boolean(Vec<bool>),
}

impl Writer {
    /// Begins a file.
    pub(super) fn begin(columns: &[Column], to: File) -> anyhow::Result<Self> {
        let fields = columns.iter().map(|column| field(column).map(Arc::new)).collect::<Result<_, _>>();
        let schema = fields.and_then(|fields| Type::group_type_builder("trial").with_fields(fields).build());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = SerializedFileWriter::new(to, Arc::new(schema.context(WRONG)?), Arc::new(properties));
        let columns =
            columns.iter().map(|column| Pending { values: Values::of(column.kind), present: vec![] }).collect();
        Ok(Self { file: file.context(WRONG)?, columns, rows: 0 })
    }

    /// Adds a row.
    pub(super) fn add<'r>(&mut self, cells: impl Iterator<Item = Cell<'r>>) -> anyhow::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.add(cell);
        }
        self.rows += 1;
        if self.rows == ROWS_OF_A_GROUP { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left, and the footer.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.file.close().context(WRONG)?;
        Ok(())
    }

    fn write_group(&mut self) -> anyhow::Result<()> {
        self.rows = 0;
        let mut group = self.file.next_row_group().context(WRONG)?;
        for pending in &mut self.columns {
            let mut column =
                group.next_column().context(WRONG)?.context("Parquet has fewer columns than this table")?;
            let present = Some(pending.present.as_slice());
            let written = match &pending.values {
                Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, present, None),
                Values::Integer(values) => column.typed::<Int64Type>().write_batch(values, present, None),
                Values::Number(values) => column.typed::<DoubleType>().write_batch(values, present, None),
                Values::Boolean(values) => column.typed::<BoolType>().write_batch(values, present, None),
            };
            written.context(WRONG)?;
            column.close().context(WRONG)?;
            pending.clear();
        }
        group.close().context(WRONG)?;
        Ok(())
    }
}

const WRONG: &str = "cannot write Parquet";

fn field(column: &Column) -> parquet::errors::Result<Type> {
    let (physical, converted) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        Kind::Integer => (Physical::INT64, ConvertedType::NONE),
        Kind::Number => (Physical::DOUBLE, ConvertedType::NONE),
        Kind::Boolean => (Physical::BOOLEAN, ConvertedType::NONE),
    };
    let field = Type::primitive_type_builder(column.name, physical).with_repetition(Repetition::OPTIONAL);
    field.with_converted_type(converted).build()
}

impl Values {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(vec![]),
            Kind::Integer => Self::Integer(vec![]),
            Kind::Number => Self::Number(vec![]),
            Kind::Boolean => Self::Boolean(vec![]),
        }
    }
}

impl Pending {
    /// A cell of another type than the column is left out; a test holds that there is none.
    fn add(&mut self, cell: Cell<'_>) {
        match (&mut self.values, cell) {
            (Values::Text(values), Cell::Text(text)) => values.push(ByteArray::from(text.into_owned().into_bytes())),
            (Values::Integer(values), Cell::Integer(number)) => values.push(number),
            (Values::Number(values), Cell::Number(number)) => values.push(number),
            (Values::Boolean(values), Cell::Boolean(value)) => values.push(value),
            _ => return self.present.push(0),
        }
        self.present.push(1);
    }

    fn clear(&mut self) {
        self.present.clear();
        match &mut self.values {
            Values::Text(values) => values.clear(),
            Values::Integer(values) => values.clear(),
            Values::Number(values) => values.clear(),
            Values::Boolean(values) => values.clear(),
        }
    }
}
