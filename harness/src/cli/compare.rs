//! `ipcmark compare`: two recordings side by side, and a limit for scripts.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use ipcmark_reports::{Change, ComparedCase, Recording, format, shown, summarise};

use super::table;
use crate::progress::print_line;

/// Compare two recordings, case by case.
///
/// The ratio is the cost of B over the cost of A: time for one round trip, or for one message of a stream. In brackets
/// is its 95 % interval, or the range of fewer than five repetitions. On one machine the repetitions of a case are compared at
/// one distance of its CPUs. `equal` means that the interval lies within 0.9 to 1.1. With fewer than five repetitions in
/// either run no case is called faster or slower.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ipcmark compare before/records.jsonl after/records.jsonl
  ipcmark compare before after --fail-above 10    exit status 1 if a case is more than 10 % slower, or broken in `after`")]
pub(super) struct Compare {
    /// Records file or directory of the first run
    a: PathBuf,
    /// Records file or directory of the second run
    b: PathBuf,
    /// Exit with status 1 if a case is slower by more than PCT percent with its whole interval, or broken in B
    #[arg(long, value_name = "PCT", value_parser = percent)]
    fail_above: Option<f64>,
}

impl Compare {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let (a, b) = (read(&self.a)?, read(&self.b)?);
        for mismatch in ipcmark_reports::mismatches(&a, &b) {
            print_line(&format!("note: {mismatch}"));
        }
        let cases = ipcmark_reports::compare(&a, &b);
        let (shown_a, shown_b) = (typical(&a), typical(&b));
        let mut rows = table::table(&["case", "A", "B", "B / A", "interval", "B is", "because"]);
        for case in &cases {
            let side = |shown: &HashMap<String, String>| shown.get(&case.case_key).cloned().unwrap_or_default();
            let interval = case.ratio.and_then(|ratio| ratio.interval);
            rows.add_row([
                case.case_key.clone(),
                side(&shown_a),
                side(&shown_b),
                case.ratio.map_or_else(String::new, |ratio| table::plain(format::ratio(ratio.value).to_string())),
                interval.map_or_else(String::new, |i| format!("[{}, {}]", format::ratio(i.low), format::ratio(i.high))),
                case.change.word().to_owned(),
                case.why.clone(),
            ]);
        }
        table::align_right(&mut rows, 1..5);
        table::write(out, &rows)?;
        self.fail_above.map_or(Ok(super::FINE), |limit| hold_to(&cases, limit))
    }
}

/// Exit status of a comparison with a limit. Cases that the second recording did not measure are reported.
///
/// Errors: no case could be judged at all.
fn hold_to(cases: &[ComparedCase], limit_percent: f64) -> anyhow::Result<u8> {
    let asked: Vec<&ComparedCase> = cases.iter().filter(|case| case.change != Change::OnlySecond).collect();
    let mut status = super::FINE;
    for case in &asked {
        if case.change == Change::Broken {
            print_line(&format!("broken in the second: {}: {}", case.case_key, case.why));
            status = super::BROKEN;
        } else if case.surely_above(1.0 + limit_percent / 100.0) {
            print_line(&format!("slower by more than {limit_percent} %: {}", case.case_key));
            status = super::BROKEN;
        }
    }
    let open = asked.iter().filter(|case| case.change != Change::Broken && case.judgeable().is_none()).count();
    ensure!(status != super::FINE || open < asked.len(), "nothing could be judged, so no limit was kept or broken");
    if open > 0 {
        print_line(&format!("{open} of {} cases could not be judged", asked.len()));
    }
    Ok(status)
}

fn read(path: &Path) -> anyhow::Result<Recording> {
    let recording = ipcmark_reports::read(&[path.to_owned()])?;
    ensure!(!recording.records.is_empty(), "{} holds no record, so there is nothing to compare", path.display());
    recording.of_one_machine().with_context(|| format!("{} is no side of a comparison", path.display()))?;
    for bad in &recording.bad_lines {
        print_line(&format!("note: {} line {} is left out: {}", bad.file.display(), bad.line, bad.why));
    }
    Ok(recording)
}

/// The typical value of each case, as text.
fn typical(recording: &Recording) -> HashMap<String, String> {
    let shown = |case: ipcmark_reports::CaseSummary| {
        let value = case.typical?.value;
        Some((case.case_key, table::plain(shown(case.main?, value).to_string())))
    };
    summarise(&recording.records).into_iter().filter_map(shown).collect()
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    let value: f64 =
        text.strip_suffix('%').unwrap_or(text).trim().parse().map_err(|_| "a percentage such as 10".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("a percentage from 0 up".to_owned()) }
}
