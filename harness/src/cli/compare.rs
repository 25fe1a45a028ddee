//! `ipcmark compare`: two recordings side by side, and a limit for scripts.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ipcmark_reports::{Change, ComparedCase, MainMetric, Recording, format, summarise};

use super::table;
use crate::progress::say;

/// Compare two recordings, case by case.
///
/// The ratio is the cost of B over the cost of A: time for one round trip, or for one message of a stream. In brackets
/// is its 95 % interval. `equal` means that the interval lies within 0.9 to 1.1, and with fewer than five sets on
/// either side nothing is called faster or slower.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ipcmark compare before/records.jsonl after/records.jsonl
  ipcmark compare before after --fail-above 10    exit status 1 if anything is surely over 10 % slower")]
pub(super) struct Compare {
    /// Records file or directory of the first run
    a: PathBuf,
    /// Records file or directory of the second run
    b: PathBuf,
    /// Exit with status 1 if a case is slower by more than PCT percent, its whole interval included
    #[arg(long, value_name = "PCT", value_parser = percent)]
    fail_above: Option<f64>,
}

impl Compare {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let (a, b) = (read(self.a)?, read(self.b)?);
        for mismatch in ipcmark_reports::mismatches(&a, &b) {
            say(&format!("note: {mismatch}"));
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
        let Some(limit) = self.fail_above else { return Ok(super::FINE) };
        let broken: Vec<&ComparedCase> = cases.iter().filter(|case| surely_above(case, limit)).collect();
        for case in &broken {
            say(&format!("slower by more than {limit} %: {}", case.case_key));
        }
        Ok(if broken.is_empty() { super::FINE } else { super::BROKEN })
    }
}

/// With confidence: the whole interval lies above the limit, not only its middle.
fn surely_above(case: &ComparedCase, limit_percent: f64) -> bool {
    let low = case.ratio.and_then(|ratio| ratio.interval).map(|interval| interval.low);
    case.change == Change::Slower && low.is_some_and(|low| low > 1.0 + limit_percent / 100.0)
}

fn read(path: PathBuf) -> anyhow::Result<Recording> {
    let recording = ipcmark_reports::read(&[path])?;
    for bad in &recording.bad_lines {
        say(&format!("note: {} line {} is left out: {}", bad.file.display(), bad.line, bad.why));
    }
    Ok(recording)
}

/// The typical value of each case, as text.
fn typical(recording: &Recording) -> HashMap<String, String> {
    let shown = |case: ipcmark_reports::CaseSummary| {
        let value = case.typical?.value;
        let text = match case.main? {
            MainMetric::RoundTripNs => table::plain(format::ns(value)),
            MainMetric::MessagesPerS => table::plain(format::rate(value)),
        };
        Some((case.case_key, text))
    };
    summarise(&recording.records).into_iter().filter_map(shown).collect()
}

fn percent(text: &str) -> Result<f64, String> {
    let value: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| "a percentage such as 10".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("a percentage from 0 up".to_owned()) }
}
