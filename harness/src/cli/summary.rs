//! What a run came to, in the terminal: one table per measure and placement, mechanisms down and sizes across; for an open
//! loop one per kind of load with its rates across, and for the first message after a pause the pauses.

use std::collections::BTreeSet;
use std::io::{self, Write};

use ipcmark::record::{Case, Measure, Placement, Record, Status, Verdict};
use ipcmark_reports::{CaseSummary, MainMetric, format, summarise};

use super::table;
use crate::run::Finished;

/// From this size on a stream is judged by its bytes, below by its messages.
const BANDWIDTH_FROM_BYTES: u64 = 4096;

/// Writes the tables, a count of trials, and where the report is.
pub(super) fn write(out: &mut impl Write, finished: &Finished) -> io::Result<()> {
    let cases = summarise(&finished.records);
    let timed: Vec<&CaseSummary> = cases.iter().filter(|case| title(case.case.measure).is_some()).collect();
    let group = |case: &CaseSummary| (case.case.measure, case.case.placement, load(&case.case));
    let groups: BTreeSet<(Measure, Placement, String)> = timed.iter().map(|case| group(case)).collect();
    for (measure, placement, load) in groups {
        let of_group = |case: &&&CaseSummary| group(case) == (measure, placement, load.clone());
        let members: Vec<&CaseSummary> = timed.iter().filter(of_group).copied().collect();
        if members.iter().any(|case| typical(case).is_some()) {
            writeln!(out, "{}, {placement}{load}", title(measure).unwrap_or_default())?;
            write_group(out, &members)?;
            writeln!(out)?;
        }
    }
    let marked = |verdict| timed.iter().any(|case| case.verdict == Some(verdict) && typical(case).is_some());
    let noisy = if marked(Verdict::Noisy) { "; ~ marks what was disturbed or spread" } else { "" };
    let overloaded = if marked(Verdict::Overloaded) { "; ^ marks what fell behind its rate" } else { "" };
    writeln!(out, "{}{noisy}{overloaded}", counts(&finished.records))?;
    match &finished.page {
        Some(page) => writeln!(out, "{}", page.display()),
        None => Ok(()),
    }
}

/// Nothing for measures that have no time to show.
fn title(measure: Measure) -> Option<&'static str> {
    match measure {
        Measure::RoundTrip => Some("Round trip (a message out and back)"),
        Measure::Stream => Some("Stream (verified messages, from 4 KiB on bytes)"),
        Measure::Paced => Some("Paced (from due to verified, median)"),
        Measure::Wake => Some("Wake (the first message after a pause, median)"),
        Measure::SetUp => Some("Set-up (create, attach, first message, tear-down)"),
        Measure::Anatomy | Measure::Conformance | Measure::Floors => None,
    }
}

/// What sets a table of an open loop, or of pauses, apart from others of its kind.
fn load(case: &Case) -> String {
    if !matches!(case.measure, Measure::Paced | Measure::Wake) {
        return String::new();
    }
    let bytes = table::plain(format::bytes(case.message_bytes.unwrap_or(0)));
    let arrivals = case.arrivals.map_or_else(String::new, |arrivals| format!(", {arrivals} arrivals"));
    let burst = case.burst.map_or_else(String::new, |burst| format!(" of {burst}"));
    format!(", {bytes}{arrivals}{burst}")
}

/// What a table's columns are about.
fn column(case: &Case) -> u64 {
    match case.measure {
        Measure::Paced => case.rate_per_s,
        Measure::Wake => case.gap_ns,
        _ => case.message_bytes,
    }
    .unwrap_or(0)
}

fn heading(measure: Measure, column: u64) -> String {
    table::plain(match measure {
        Measure::Paced => format::rate(column as f64).trimmed().to_string(),
        Measure::Wake => format::time(column as f64).trimmed().to_string(),
        _ => format::bytes(column),
    })
}

fn write_group(out: &mut impl Write, cases: &[&CaseSummary]) -> io::Result<()> {
    let columns: BTreeSet<(u64, Measure)> = cases.iter().map(|case| (column(&case.case), case.case.measure)).collect();
    let mut mechanisms: Vec<(&str, &str)> = vec![];
    for case in cases {
        if !mechanisms.contains(&(case.row.as_str(), case.manner)) {
            mechanisms.push((&case.row, case.manner));
        }
    }
    let headings: Vec<String> = ["mechanism".to_owned(), "waits".to_owned()]
        .into_iter()
        .chain(columns.iter().map(|(value, measure)| heading(*measure, *value)))
        .collect();
    let mut rows = table::table(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for (row, manner) in mechanisms {
        let cell = |(value, _): &(u64, Measure)| {
            let found = cases.iter().find(|case| case.row == row && column(&case.case) == *value);
            found.map_or_else(String::new, |case| cell(case))
        };
        rows.add_row([row.to_owned(), manner.to_owned()].into_iter().chain(columns.iter().map(cell)));
    }
    table::align_right(&mut rows, 2..headings.len());
    table::write(out, &rows)
}

/// The main metric, or the median of all latencies where that is what a measure is about.
fn typical(case: &CaseSummary) -> Option<f64> {
    case.typical.as_ref().map(|typical| typical.value).or(case.p50_ns)
}

/// The typical value, marked when it is not to be trusted.
fn cell(case: &CaseSummary) -> String {
    let mark = match case.verdict {
        Some(Verdict::Noisy) => "~",
        Some(Verdict::Overloaded) => "^",
        Some(Verdict::Invalid) => "!",
        _ => "",
    };
    let Some(typical) = typical(case) else {
        return match case.verdict {
            Some(Verdict::Skipped) => "-",
            Some(Verdict::Invalid) => "!",
            // Measured, with too few messages for a median of all sets.
            _ => "?",
        }
        .to_owned();
    };
    let bytes = case.case.message_bytes.unwrap_or(0);
    let value = match case.main {
        Some(MainMetric::MessagesPerS) if bytes >= BANDWIDTH_FROM_BYTES => {
            format::bandwidth(typical * bytes as f64).to_string()
        }
        Some(MainMetric::MessagesPerS) => format::rate(typical).to_string(),
        _ => format::ns(typical),
    };
    format!("{mark}{}", table::plain(value))
}

fn counts(records: &[Record]) -> String {
    // The floors are no trial of the plan's, and nobody was promised one.
    let trials = || records.iter().filter(|record| record.case.measure != Measure::Floors);
    let of = |status| trials().filter(|record| record.outcome.status == status).count();
    let (measured, failed, skipped) = (of(Status::Measured), of(Status::Failed), of(Status::Skipped));
    format!("{measured} trials measured, {failed} failed, {skipped} skipped")
}
