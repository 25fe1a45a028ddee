//! `ipcmark schema`: the JSON Schema of records.

use std::io::Write;

use clap::Args;
use ipcmark::record::Record;

use super::table;

/// Print the JSON Schema of a record, one line of `records.jsonl`.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    #[allow(clippy::unused_self)] // a verb without options is still a verb
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        table::write_json(out, &schemars::schema_for!(Record))?;
        Ok(super::FINE)
    }
}
