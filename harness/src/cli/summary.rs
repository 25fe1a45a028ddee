//! Summary of a run in the terminal: one table per measure and placement, with mechanisms as rows and the parameter that the
//! plan varies as columns, such as message sizes, rates, patterns, contenders or clients.

mod across;

use std::collections::BTreeSet;
use std::io::{self, Write};

use ipcmark::record::{Measure, Placement, Record, Status, Verdict};
use ipcmark_reports::{CaseSummary, Ends, Report, format, shown, summarise, tried_again};

use self::across::{Across, apart};
use super::table;
use crate::progress::whole_seconds;
use crate::run::{AddedRepetitions, Finished};

/// Size from which a stream shows bytes per second, below it messages per second.
const BANDWIDTH_FROM_BYTES: u64 = 4096;

/// Verdicts of results that share one mark.
const UNSURE: [Verdict; 3] = [Verdict::Noisy, Verdict::Disturbed, Verdict::Unstable];

/// Writes the tables, a count of trials, the answers, and where the report is.
pub(super) fn write(out: &mut impl Write, finished: &Finished) -> io::Result<()> {
    let cases = summarise(&finished.records);
    let timed: Vec<&CaseSummary> = cases.iter().filter(|case| title(case.case.measure).is_some()).collect();
    // A measure with the placement as its columns has one table for all placements.
    let placement = |case: &CaseSummary| Some(case.case.placement).filter(|_| Across::of(case) != Across::Placements);
    let group = |case: &CaseSummary| (case.case.measure, placement(case), apart(case));
    let groups: BTreeSet<(Measure, Option<Placement>, String)> = timed.iter().map(|case| group(case)).collect();
    for (measure, placement, apart) in groups {
        let of_group = |case: &&&CaseSummary| group(case) == (measure, placement, apart.clone());
        let members: Vec<&CaseSummary> = timed.iter().filter(of_group).copied().collect();
        let answers = |case: &&CaseSummary| typical(case).is_some() || case.case.measure == Measure::Recover;
        if members.iter().any(answers) {
            let placement = placement.map_or_else(String::new, |placement| format!(", {placement}"));
            writeln!(out, "{}{placement}{apart}", title(measure).unwrap_or_default())?;
            write_group(out, &members)?;
            writeln!(out)?;
        }
    }
    write_certainty(out, &timed)?;
    let marked = |verdict| timed.iter().any(|case| case.verdict == Some(verdict) && typical(case).is_some());
    let coarse = timed.iter().any(|case| case.coarse.is_some()).then_some("coarsely timed");
    let unsure: Vec<&str> = UNSURE.into_iter().filter(|it| marked(*it)).map(Verdict::word).chain(coarse).collect();
    let noisy = if unsure.is_empty() { String::new() } else { format!("; ~ marks {} results", unsure.join(" or ")) };
    let overloaded = if marked(Verdict::Overloaded) { "; ^ marks results below the offered rate" } else { "" };
    let caught =
        if marked(Verdict::Caught) { "; x marks rows without a lock, which were caught as expected" } else { "" };
    let beyond = if timed.iter().any(|case| beyond_copy(case)) { "; * exceeds the copy rate of one core" } else { "" };
    writeln!(out, "{}{noisy}{overloaded}{caught}{beyond}", counts(&finished.records))?;
    let (tried, undisturbed) = tried_again(&finished.records);
    if tried > 0 {
        let s = if tried == 1 { "" } else { "s" };
        writeln!(out, "{tried} disturbed trial{s} tried again; then undisturbed: {undisturbed}")?;
    }
    if let Some(added) = finished.added.filter(|added| added.timed > 0) {
        writeln!(out, "{}", added_in_words(&added))?;
    }
    finished.report.as_ref().map_or(Ok(()), |report| write_report(out, report))
}

/// Writes the answers, and the path of the page as the last line.
pub(super) fn write_report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    report.answers.iter().try_for_each(|answer| writeln!(out, "{}", table::plain(answer)))?;
    writeln!(out, "{}", report.page.display())
}

/// `None` for measures without a table.
fn title(measure: Measure) -> Option<String> {
    let row = measure.row();
    row.main.map(|_| format!("{} ({})", row.title, row.counts))
}

fn write_group(out: &mut impl Write, cases: &[&CaseSummary]) -> io::Result<()> {
    let column = |case: &CaseSummary| Across::of(case).column(&case.case);
    let columns: BTreeSet<(u64, String)> = cases.iter().map(|case| column(case)).collect();
    let mut mechanisms: Vec<(&str, &str)> = vec![];
    for case in cases {
        if !mechanisms.contains(&(case.row.as_str(), case.manner)) {
            mechanisms.push((&case.row, case.manner));
        }
    }
    let headings: Vec<String> = ["mechanism".to_owned(), "waits".to_owned()]
        .into_iter()
        .chain(columns.iter().map(|(_, heading)| heading.clone()))
        .collect();
    let mut rows = table::table(&headings.iter().map(String::as_str).collect::<Vec<_>>());
    for (row, manner) in mechanisms {
        let cell = |wanted: &(u64, String)| {
            let found = cases.iter().find(|case| case.row == row && column(case) == *wanted);
            found.map_or_else(String::new, |case| cell(case))
        };
        rows.add_row([row.to_owned(), manner.to_owned()].into_iter().chain(columns.iter().map(cell)));
    }
    table::align_right(&mut rows, 2..headings.len());
    table::write(out, &rows)
}

/// The main metric, or the median of all latencies where that is what a measure is about.
fn typical(case: &CaseSummary) -> Option<f64> {
    case.typical.as_ref().or(case.p50_ns.as_ref()).map(|typical| typical.value)
}

/// The typical value, marked when it is not to be trusted.
fn cell(case: &CaseSummary) -> String {
    let mark = match case.verdict {
        Some(verdict) if UNSURE.contains(&verdict) => "~",
        Some(Verdict::Overloaded) => "^",
        Some(Verdict::Invalid) => "!",
        Some(Verdict::Caught) => "x",
        _ if case.coarse.is_some() => "~",
        _ => "",
    };
    let Some(typical) = typical(case) else {
        return match case.verdict {
            Some(Verdict::Skipped) => "-",
            Some(Verdict::Invalid) => "!",
            // The lock was never acquired again, so there is no time.
            _ if case.case.measure == Measure::Recover => "never",
            // Measured, with too few messages for a median of all repetitions.
            _ => "?",
        }
        .to_owned();
    };
    let bytes = case.case.params.message_bytes.unwrap_or(0);
    let value = match case.main {
        Some(_) if case.case.measure == Measure::Stream && bytes >= BANDWIDTH_FROM_BYTES => {
            format::bandwidth(typical * bytes as f64).to_string()
        }
        Some(main) => shown(main, typical).to_string(),
        None => format::ns(typical),
    };
    let beyond = if beyond_copy(case) { "*" } else { "" };
    let spread = case.typical.as_ref().map_or_else(String::new, |typical| table::plain(typical.spread_in_words()));
    format!("{mark}{}{beyond}{spread}", table::plain(value))
}

/// Meaning of ±, and the CPU distance of the results.
fn write_certainty(out: &mut impl Write, cases: &[&CaseSummary]) -> io::Result<()> {
    let ends: Vec<Ends> = cases.iter().filter_map(|case| case.typical?.ends()).collect();
    let meanings = [
        (ends.contains(&Ends::Confidence), "± is the 95 % interval of a median"),
        (ends.iter().any(|ends| *ends != Ends::Confidence), "(±) is the range of fewer than five repetitions"),
    ];
    let meanings: Vec<&str> = meanings.into_iter().filter_map(|(any, words)| any.then_some(words)).collect();
    if !meanings.is_empty() {
        writeln!(out, "{}", meanings.join("; "))?;
    }
    let moved: BTreeSet<(Placement, String)> =
        cases.iter().filter_map(|case| Some((case.case.placement, case.distance?.to_string()))).collect();
    for (placement, distance) in moved {
        writeln!(
            out,
            "{placement}: the CPUs moved; these are the results with the CPUs {distance}, the report has the others"
        )?;
    }
    Ok(())
}

/// Whether the rate is too high for all bytes to have been read.
fn beyond_copy(case: &CaseSummary) -> bool {
    case.times_one_core.is_some_and(|times| times > 1.0)
}

/// `12 of 14 timed cases within ±5 %; 40 repetitions added in 2m 10s`.
fn added_in_words(added: &AddedRepetitions) -> String {
    let AddedRepetitions { share, within, timed, repetitions, spent } = added;
    let several = |number: usize| if number == 1 { "" } else { "s" };
    let added = match repetitions {
        0 => "no repetitions added".to_owned(),
        _ => format!("{repetitions} repetition{} added in {}", several(*repetitions), whole_seconds(*spent)),
    };
    format!("{within} of {timed} timed case{} within ±{share}; {added}", several(*timed))
}

fn counts(records: &[Record]) -> String {
    // The floors are not a trial of the plan.
    let trials = || records.iter().filter(|record| record.case.measure != Measure::Floors);
    let of = |status| trials().filter(|record| record.outcome.status == status).count();
    let (measured, failed, skipped) = (of(Status::Measured), of(Status::Failed), of(Status::Skipped));
    format!("{measured} trials measured, {failed} failed, {skipped} skipped")
}
