//! What a run came to, in the terminal: one table per measure and placement, mechanisms down and sizes across.

use std::collections::BTreeSet;
use std::io::{self, Write};

use ipcmark::record::{Measure, Placement, Record, Status, Verdict};
use ipcmark_reports::{CaseSummary, MainMetric, format, summarise};

use super::table;
use crate::run::Finished;

/// From this size on a stream is judged by its bytes, below by its messages.
const BANDWIDTH_FROM_BYTES: u64 = 4096;

/// Writes the tables, a count of trials, and where the report is.
pub(super) fn write(out: &mut impl Write, finished: &Finished) -> io::Result<()> {
    let cases = summarise(&finished.records);
    let timed: Vec<&CaseSummary> = cases.iter().filter(|case| case.main.is_some()).collect();
    let groups: BTreeSet<(Measure, Placement)> =
        timed.iter().map(|case| (case.case.measure, case.case.placement)).collect();
    for (measure, placement) in groups {
        let of_group = |case: &&&CaseSummary| (case.case.measure, case.case.placement) == (measure, placement);
        let members: Vec<&CaseSummary> = timed.iter().filter(of_group).copied().collect();
        if members.iter().any(|case| case.typical.is_some()) {
            writeln!(out, "{}, {placement}", title(measure))?;
            write_group(out, &members)?;
            writeln!(out)?;
        }
    }
    let marked = |case: &&CaseSummary| case.verdict == Some(Verdict::Noisy) && case.typical.is_some();
    let note = if timed.iter().any(marked) { "; ~ marks what was disturbed or spread" } else { "" };
    writeln!(out, "{}{note}", counts(&finished.records))?;
    match &finished.page {
        Some(page) => writeln!(out, "{}", page.display()),
        None => Ok(()),
    }
}

fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::RoundTrip => "Round trip (a message out and back)",
        Measure::Stream => "Stream (verified messages, from 4 KiB on bytes)",
        Measure::Paced => "Paced (from due to verified, median)",
        Measure::Wake => "Wake (the first message after a pause)",
        Measure::SetUp => "Set-up (create, attach, first message, tear-down)",
        Measure::Anatomy | Measure::Conformance | Measure::Floors => "Untimed",
    }
}

fn write_group(out: &mut impl Write, cases: &[&CaseSummary]) -> io::Result<()> {
    let sizes: BTreeSet<u64> = cases.iter().filter_map(|case| case.case.message_bytes).collect();
    let mut mechanisms: Vec<(&str, &str)> = vec![];
    for case in cases {
        if !mechanisms.contains(&(case.row.as_str(), case.manner)) {
            mechanisms.push((&case.row, case.manner));
        }
    }
    let headings: Vec<String> = ["mechanism".to_owned(), "waits".to_owned()]
        .into_iter()
        .chain(sizes.iter().map(|size| table::plain(format::bytes(*size))))
        .collect();
    let mut rows = table::table(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for (row, manner) in mechanisms {
        let cell = |size: &u64| {
            let found = cases.iter().find(|case| case.row == row && case.case.message_bytes == Some(*size));
            found.map_or_else(String::new, |case| cell(case))
        };
        rows.add_row([row.to_owned(), manner.to_owned()].into_iter().chain(sizes.iter().map(cell)));
    }
    table::align_right(&mut rows, 2..headings.len());
    table::write(out, &rows)
}

/// The typical value, marked when it is not to be trusted.
fn cell(case: &CaseSummary) -> String {
    let mark = match case.verdict {
        Some(Verdict::Noisy) => "~",
        Some(Verdict::Invalid) => "!",
        _ => "",
    };
    let Some(typical) = case.typical else {
        return if case.verdict == Some(Verdict::Skipped) { "-".to_owned() } else { "!".to_owned() };
    };
    let bytes = case.case.message_bytes.unwrap_or(0);
    let value = match case.main {
        Some(MainMetric::MessagesPerS) if bytes >= BANDWIDTH_FROM_BYTES => {
            format::bandwidth(typical.value * bytes as f64).to_string()
        }
        Some(MainMetric::MessagesPerS) => format::rate(typical.value).to_string(),
        _ => format::ns(typical.value),
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
