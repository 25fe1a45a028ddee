//! What a run came to, in the terminal: one table per measure and placement, mechanisms down and sizes across; or, where a
//! plan varies something else, that across: rates of an open loop, pauses, senders and receivers, depths. Of locks it is
//! how many hold them, how many of a hundred accesses only read, where a stock is kept, and who dies.

use std::collections::BTreeSet;
use std::io::{self, Write};

use ipcmark::record::{Case, Measure, Placement, Record, Status, Touch, Verdict};
use ipcmark_reports::{CaseSummary, MainMetric, format, summarise};

use super::table;
use crate::run::Finished;

/// From this size on a stream is judged by its bytes, below by its messages.
const BANDWIDTH_FROM_BYTES: u64 = 4096;

/// Writes the tables, a count of trials, and where the report is.
pub(super) fn write(out: &mut impl Write, finished: &Finished) -> io::Result<()> {
    let cases = summarise(&finished.records);
    let timed: Vec<&CaseSummary> = cases.iter().filter(|case| title(case.case.measure).is_some()).collect();
    let group = |case: &CaseSummary| (case.case.measure, case.case.placement, apart(case));
    let groups: BTreeSet<(Measure, Placement, String)> = timed.iter().map(|case| group(case)).collect();
    for (measure, placement, apart) in groups {
        let of_group = |case: &&&CaseSummary| group(case) == (measure, placement, apart.clone());
        let members: Vec<&CaseSummary> = timed.iter().filter(of_group).copied().collect();
        let answers = |case: &&CaseSummary| typical(case).is_some() || case.case.measure == Measure::Recover;
        if members.iter().any(answers) {
            writeln!(out, "{}, {placement}{apart}", title(measure).unwrap_or_default())?;
            write_group(out, &members)?;
            writeln!(out)?;
        }
    }
    let marked = |verdict| timed.iter().any(|case| case.verdict == Some(verdict) && typical(case).is_some());
    let noisy = if marked(Verdict::Noisy) { "; ~ marks what was disturbed or spread" } else { "" };
    let overloaded = if marked(Verdict::Overloaded) { "; ^ marks what fell behind its rate" } else { "" };
    let caught =
        if marked(Verdict::Caught) { "; x marks what has no lock and was caught, as it should be" } else { "" };
    let beyond = if timed.iter().any(|case| beyond_copy(case)) { "; * is more than one core copies here" } else { "" };
    writeln!(out, "{}{noisy}{overloaded}{caught}{beyond}", counts(&finished.records))?;
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
        Measure::Acquire => Some("Acquire (a free lock taken and let go)"),
        Measure::Contention => Some("Contention (acquisitions of all holders)"),
        Measure::ReadMostly => Some("Read-mostly (reads of all readers)"),
        Measure::Tickets => Some("Tickets (time per sale)"),
        Measure::Recover => Some("Recover (from the death to the next holder)"),
        Measure::StartUp => Some("Start-up (from the call to the first word)"),
        Measure::Watch => Some("Watch (from the end until it is known)"),
        Measure::FirstWrite => Some("First write (to a page that another shares)"),
        Measure::Dispatch => Some("Dispatch (time per task)"),
        Measure::Idle => Some("Idle (CPU time a second without work)"),
        Measure::Drain => Some("Drain (from the last put until all is done)"),
        Measure::Access => Some("Access (gets and sets of all together)"),
        Measure::Serve => Some("Serve (requests answered)"),
        Measure::Parallel => Some("Parallel (the work of two)"),
        Measure::Anatomy | Measure::Conformance | Measure::Floors => None,
    }
}

/// What a table has across.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Across {
    Rates,
    Pauses,
    Crowds,
    Depths,
    Sizes,
    Holders,
    Reads,
    Stocks,
    Deaths,
    /// Of a server.
    Clients,
    /// A lock with nobody else about.
    Alone,
}

impl Across {
    fn of(summary: &CaseSummary) -> Self {
        let case = &summary.case;
        let crowd = case.pairs.is_some() || case.hogs.is_some() || sides(case) != (1, 1);
        match case.measure {
            Measure::Paced => Self::Rates,
            Measure::Wake => Self::Pauses,
            Measure::Acquire => Self::Alone,
            Measure::Contention => Self::Holders,
            Measure::ReadMostly | Measure::Access => Self::Reads,
            Measure::Tickets => Self::Stocks,
            Measure::Recover => Self::Deaths,
            Measure::Serve => Self::Clients,
            _ if crowd => Self::Crowds,
            // Records say every depth; the key only one that the plan chose.
            _ if summary.case_key.contains("/depth=") => Self::Depths,
            _ => Self::Sizes,
        }
    }

    /// The column of a case, in order, with its heading.
    fn column(self, case: &Case) -> (u64, String) {
        let bytes = case.message_bytes.unwrap_or(0);
        match self {
            Self::Rates => {
                let rate = case.rate_per_s.unwrap_or(0);
                (rate, table::plain(format::rate(rate as f64).trimmed().to_string()))
            }
            Self::Pauses => {
                let gap_ns = case.gap_ns.unwrap_or(0);
                (gap_ns, table::plain(format::time(gap_ns as f64).trimmed().to_string()))
            }
            Self::Crowds => crowd(case),
            Self::Depths => (u64::from(case.depth.unwrap_or(0)), format!("depth {}", case.depth.unwrap_or(0))),
            Self::Sizes => (bytes, table::plain(format::bytes(bytes))),
            Self::Holders => holders(case),
            Self::Reads => {
                let reads = case.reads_percent.unwrap_or(0);
                (u64::from(reads), format!("{reads} % reads"))
            }
            Self::Stocks => case.stock.map_or((0, String::new()), |stock| (stock as u64, stock.to_string())),
            Self::Deaths => case.death.map_or((0, String::new()), |death| (death as u64, format!("dies {death}"))),
            Self::Clients => (u64::from(case.clients.unwrap_or(1)), counted(case.clients.unwrap_or(1), "client")),
            Self::Alone => (0, "taken and let go".into()),
        }
    }
}

fn sides(case: &Case) -> (u32, u32) {
    (case.producers.unwrap_or(1), case.consumers.unwrap_or(1))
}

/// Shared channels first, then pairs, then hogs.
fn crowd(case: &Case) -> (u64, String) {
    let (producers, consumers) = sides(case);
    match (case.pairs, case.hogs) {
        (Some(pairs), _) => ((1 << 40) + u64::from(pairs), counted(pairs, "pair")),
        (None, Some(hogs)) => ((1 << 41) + u64::from(hogs), counted(hogs, "hog")),
        (None, None) => {
            (u64::from(producers + consumers) << 20 | u64::from(consumers), format!("{producers}:{consumers}"))
        }
    }
}

/// By their number, then by the hogs beside them.
fn holders(case: &Case) -> (u64, String) {
    let (holders, hogs) = (case.holders.unwrap_or(2), case.hogs.unwrap_or(0));
    let beside = if hogs > 0 { format!(" + {}", counted(hogs, "hog")) } else { String::new() };
    (u64::from(holders) << 20 | u64::from(hogs), format!("{}{beside}", counted(holders, "holder")))
}

fn counted(number: u32, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// What sets a table apart from others of its measure and placement.
fn apart(summary: &CaseSummary) -> String {
    let case = &summary.case;
    let bytes = match Across::of(summary) {
        Across::Sizes | Across::Alone | Across::Deaths => String::new(),
        Across::Holders => work(case),
        Across::Reads if case.measure == Measure::Access => {
            let bytes = table::plain(format::bytes(case.message_bytes.unwrap_or(0)));
            format!(", {}, {bytes}", counted(case.holders.unwrap_or(2), "user"))
        }
        Across::Clients => served(case),
        Across::Rates if case.clients.is_some() => {
            format!("{}, {}", served(case), counted(case.clients.unwrap_or(1), "client"))
        }
        Across::Reads | Across::Stocks => format!(", {}", counted(case.holders.unwrap_or(2), "holder")),
        _ => format!(", {}", table::plain(format::bytes(case.message_bytes.unwrap_or(0)))),
    };
    let arrivals = case.arrivals.map_or_else(String::new, |arrivals| format!(", {arrivals} arrivals"));
    let burst = case.burst.map_or_else(String::new, |burst| format!(" of {burst}"));
    let touch = match case.touch {
        Some(Touch::Sample) => ", a word a page read",
        Some(Touch::None) => ", only the first word read",
        _ => "",
    };
    let prefault = if case.prefault == Some(true) { ", pages brought in first" } else { "" };
    format!("{bytes}{arrivals}{burst}{touch}{prefault}")
}

/// What a server does for each request.
fn served(case: &Case) -> String {
    let bytes = table::plain(format::bytes(case.message_bytes.unwrap_or(0)));
    let service = case.service.map_or_else(String::new, |service| format!(", {service}"));
    let grain = case.grain_ns.map(|ns| table::plain(format::time(ns as f64).trimmed().to_string()));
    format!(", {bytes}{service}{}", grain.map_or_else(String::new, |grain| format!(" {grain}")))
}

/// What each holder does all the time.
fn work(case: &Case) -> String {
    let (inside_ns, outside_ns) = (case.inside_ns.unwrap_or(0), case.outside_ns.unwrap_or(0));
    if (inside_ns, outside_ns, case.lines.unwrap_or(1)) == (0, 0, 1) {
        return String::new();
    }
    let time = |ns: u64| table::plain(format::time(ns as f64).trimmed().to_string());
    let lines = case.lines.filter(|lines| *lines > 1).map_or_else(String::new, |lines| format!(", {lines} lines"));
    let spacing = case.spacing.filter(|_| outside_ns > 0).map_or_else(String::new, |spacing| format!(" ({spacing})"));
    format!(", {} inside, {} outside{spacing}{lines}", time(inside_ns), time(outside_ns))
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
    case.typical.as_ref().map(|typical| typical.value).or(case.p50_ns)
}

/// The typical value, marked when it is not to be trusted.
fn cell(case: &CaseSummary) -> String {
    let mark = match case.verdict {
        Some(Verdict::Noisy) => "~",
        Some(Verdict::Overloaded) => "^",
        Some(Verdict::Invalid) => "!",
        Some(Verdict::Caught) => "x",
        _ => "",
    };
    let Some(typical) = typical(case) else {
        return match case.verdict {
            Some(Verdict::Skipped) => "-",
            Some(Verdict::Invalid) => "!",
            // Nobody ever had the lock again, which has no time.
            _ if case.case.measure == Measure::Recover => "never",
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
        Some(main) => main.shown(typical).to_string(),
        None => format::ns(typical),
    };
    let beyond = if beyond_copy(case) { "*" } else { "" };
    format!("{mark}{}{beyond}", table::plain(value))
}

/// True for a rate at which the bytes cannot all have been read.
fn beyond_copy(case: &CaseSummary) -> bool {
    case.times_one_core.is_some_and(|times| times > 1.0)
}

fn counts(records: &[Record]) -> String {
    // The floors are no trial of the plan's, and nobody was promised one.
    let trials = || records.iter().filter(|record| record.case.measure != Measure::Floors);
    let of = |status| trials().filter(|record| record.outcome.status == status).count();
    let (measured, failed, skipped) = (of(Status::Measured), of(Status::Failed), of(Status::Skipped));
    format!("{measured} trials measured, {failed} failed, {skipped} skipped")
}
