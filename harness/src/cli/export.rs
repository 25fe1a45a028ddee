//! `ipcmark export`: records as a flat table, or a summary of each case, for other programs.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use ipcmark::record::Record;
use ipcmark_reports::export::{self, Format, Tracker};

use super::note_left_out;
use crate::progress::print_line;

/// Write records for other programs: a flat table for DuckDB, Spark, pandas and the like, or one value a case.
///
/// csv, json and parquet have one row a trial. Every metric, parameter and CPU cost is a column of its own, beside run,
/// machine, kernel, case key and verdict. The columns are the same for all records; docs/export.md lists them.
///
/// github-action-benchmark, bencher and prometheus have one summary a case: the median over repetitions with its interval.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ipcmark export --format csv ipcmark-runs/quick-* --out trials.csv
  ipcmark export --format json ipcmark-runs/* | duckdb -c \"select mechanism, median(cost_ns) from read_json('/dev/stdin') group by 1\"
  ipcmark export --format parquet fleet/*/records.jsonl --out trials.parquet
  ipcmark export --format bencher run | bencher run --adapter json
  ipcmark export --format prometheus run --out /var/lib/node_exporter/textfile/ipcmark.prom")]
pub(super) struct Export {
    /// Records files (plain, gzip or zstd), directories of runs, or - for the standard input
    #[arg(required = true, value_name = "RECORDINGS")]
    recordings: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    format: Form,
    /// File to write, instead of stdout; Parquet needs one
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One row a trial, with a header
    Csv,
    /// One row a trial, a JSON object a line
    Json,
    /// One row a trial; cargo feature `parquet`
    Parquet,
    /// One value a case: JSON for its tool `customSmallerIsBetter`, rates as time per message
    GithubActionBenchmark,
    /// One object a case: Bencher Metric Format, for `bencher run --adapter json`
    Bencher,
    /// Text exposition format, gauges of one run
    Prometheus,
}

impl Export {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        if let Some(tracker) = self.format.tracker() {
            return self.summarise(tracker, out);
        }
        ensure!(
            self.out.is_some() || self.format.text().is_some(),
            "Parquet is no text; name a file for it with --out FILE"
        );
        let mut stdout: Option<&mut dyn Write> = Some(out);
        let (mut export, mut written) = (None, Ok(()));
        let (mut seen, mut repeats) = (HashSet::new(), 0);
        let bad_lines = ipcmark_reports::visit(&self.recordings, &mut |record, _, _| {
            if !seen.insert(hash_of(&record)) {
                repeats += 1;
            } else if written.is_ok() {
                written = self.add(&record, &mut export, &mut stdout);
            }
        })?;
        written?;
        note_left_out(&bad_lines);
        if repeats > 0 {
            print_line(&format!("note: {repeats} records repeat ones read before, and have one row each"));
        }
        let rows = export.context(NO_RECORDS)?.finish()?;
        if let Some(path) = &self.out {
            print_line(&format!("{rows} rows in {}", path.display()));
        }
        Ok(super::FINE)
    }

    fn summarise(&self, tracker: Tracker, out: &mut impl Write) -> anyhow::Result<u8> {
        let recording = ipcmark_reports::read(&self.recordings)?;
        note_left_out(&recording.bad_lines);
        ensure!(!recording.records.is_empty(), NO_RECORDS);
        let found = export::summaries(&recording, tracker)?;
        if found.left_out > 0 {
            let all = found.cases + found.left_out;
            print_line(&format!("note: left out, without a valid number: {} of {all} cases", found.left_out));
        }
        match &self.out {
            Some(path) => {
                std::fs::write(path, &found.text).with_context(|| format!("cannot write {}", path.display()))?;
                print_line(&format!("{} cases in {}", found.cases, path.display()));
            }
            None => out.write_all(found.text.as_bytes())?,
        }
        Ok(super::FINE)
    }

    /// Writes a row, the first one to a new export.
    fn add<'w>(
        &self,
        record: &Record,
        export: &mut Option<export::Export<'w>>,
        stdout: &mut Option<&'w mut dyn Write>,
    ) -> anyhow::Result<()> {
        if export.is_none() {
            *export = Some(match (&self.out, self.format.text(), stdout.take()) {
                (Some(path), None, _) => export::Export::parquet(path)?,
                (Some(path), Some(format), _) => {
                    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
                    export::Export::text(format, BufWriter::new(file))?
                }
                (None, Some(format), Some(stdout)) => export::Export::text(format, stdout)?,
                (None, ..) => unreachable!("Parquet has a file, and an export begins once"),
            });
        }
        export.as_mut().map_or(Ok(()), |export| export.add(record))
    }
}

const NO_RECORDS: &str = "there are no records in the given files";

/// Identifies an attempt at a trial. Of a million attempts, two have the same hash with a chance of 3 in 100 million.
fn hash_of(record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Record { run_id, case_key, repetition, attempt, started_at, .. } = record;
    (run_id, case_key, repetition, attempt, started_at).hash(&mut hasher);
    hasher.finish()
}

impl Form {
    fn text(self) -> Option<Format> {
        match self {
            Self::Csv => Some(Format::Csv),
            Self::Json => Some(Format::Json),
            _ => None,
        }
    }

    fn tracker(self) -> Option<Tracker> {
        match self {
            Self::GithubActionBenchmark => Some(Tracker::GithubActionBenchmark),
            Self::Bencher => Some(Tracker::Bencher),
            Self::Prometheus => Some(Tracker::Prometheus),
            _ => None,
        }
    }
}
