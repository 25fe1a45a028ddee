//! `ipcmark report`: a report from records.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;

use super::{note_left_out, summary};
use crate::store;

/// Make a report from the records of one or more runs.
///
/// The report is a single HTML file without external resources, so it works offline. All records must come from one
/// machine; see `ipcmark compare` for two.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ipcmark report ipcmark-runs/quick-* --out both    several runs in one report, with what changed between them
  ipcmark report before.jsonl.zst                   plain, or compressed with gzip or zstd
  ssh server cat run/records.jsonl | ipcmark report -")]
pub(super) struct Report {
    /// Records files (plain, gzip or zstd), directories of runs, or - for the standard input
    #[arg(required = true, value_name = "RECORDS")]
    records: Vec<PathBuf>,
    /// Directory for the report, index.html
    #[arg(long, value_name = "DIR", default_value = "ipcmark-report")]
    out: PathBuf,
}

impl Report {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let recording = ipcmark_reports::read(&self.records)?;
        note_left_out(&recording.bad_lines);
        ensure!(!recording.records.is_empty(), "there are no records in the given files");
        recording.of_one_machine()?;
        store::claim_page(&self.out)?;
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("cannot make the directory {}", self.out.display()))?;
        summary::write_report(out, &ipcmark_reports::write(&recording, &self.out)?)?;
        Ok(super::FINE)
    }
}
