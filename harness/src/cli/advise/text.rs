//! Advice as text of at most 80 columns.

use std::fmt::Write as _;
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement};
use ipcmark_reports::advise::{Advice, Candidate, Excluded, Figure};
use ipcmark_reports::format;

use crate::cli::table;

/// Columns of all output.
const WIDTH: usize = 80;
/// Rows that are named of those ruled out for one reason.
const NAMED: usize = 12;
/// Candidates with evidence; the others are in the table.
const EXPLAINED: usize = 5;

/// Writes request, ranking, evidence, exclusions and, at the end, the answer.
pub(super) fn write(out: &mut impl Write, advice: &Advice) -> io::Result<()> {
    let mut text = String::new();
    format::wrap(&mut text, WIDTH, "Asked:   ", &advice.request.describe());
    let place = advice.placement.map_or_else(String::new, |placement| format!(", {placement}"));
    format::wrap(&mut text, WIDTH, "Machine: ", &format!("{}{place}", advice.machine));
    write!(out, "{}", table::plain(&text))?;
    if !advice.candidates.is_empty() {
        writeln!(out)?;
        ranking(out, advice)?;
        let mut text = String::from("\nEvidence\n");
        for candidate in advice.candidates.iter().take(EXPLAINED) {
            evidence(&mut text, advice.request.subject.typical_word(), candidate);
        }
        if let Some(more) = advice.candidates.len().checked_sub(EXPLAINED).filter(|more| *more > 0) {
            let _ = writeln!(text, "  {more} more: --json");
        }
        write!(out, "{}", table::plain(text))?;
    }
    if !advice.excluded.is_empty() {
        let mut text = String::from("\nRuled out\n");
        for group in advice.excluded.chunk_by(|a, b| a.why == b.why) {
            format::wrap(&mut text, WIDTH, "  ", &ruled_out(group));
        }
        write!(out, "{}", table::plain(text))?;
    }
    let mut text = String::from("\n");
    if let Some(command) = &advice.to_measure {
        // With a backslash at the end of each line it can be pasted.
        let mut lines = String::new();
        format::wrap(&mut lines, WIDTH - 2, "  ", command);
        let _ = writeln!(text, "To measure what is missing:\n{}", lines.replace("\n  ", " \\\n  "));
    }
    format::wrap(&mut text, WIDTH, "", &advice.answer);
    write!(out, "{}", table::plain(text))
}

fn ranking(out: &mut impl Write, advice: &Advice) -> io::Result<()> {
    let subject = advice.request.subject;
    let mut rows = table::table(&["mechanism", subject.typical_word(), "error", "p99", "CPUs", "from", ""]);
    rows.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH as u16);
    let cell = |figure: &Option<Figure>, show: &dyn Fn(f64) -> String| {
        figure.as_ref().map_or_else(String::new, |figure| table::plain(figure.shown(show)))
    };
    for one in &advice.candidates {
        let mark = match (one.is_sure(), one.tied) {
            (false, _) => "doubt",
            (true, true) => "tied",
            (true, false) => "",
        };
        rows.add_row([
            one.row.clone(),
            cell(&one.typical, &|value| subject.shown(value).to_string()),
            one.typical.as_ref().map_or_else(String::new, |figure| table::plain(figure.error_word())),
            cell(&one.p99_ns, &format::ns),
            cell(&one.cpus, &|value| format::ratio(value).to_string()),
            one.typical.as_ref().map_or("", |figure| figure.basis.word()).to_owned(),
            mark.to_owned(),
        ]);
    }
    // Less space between columns, so that words stay whole.
    for (index, column) in rows.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if index == 0 || index > 4 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table::align_right(&mut rows, [1, 2, 3, 4]);
    table::write(out, &rows)
}

fn evidence(text: &mut String, typical_word: &str, candidate: &Candidate) {
    format::wrap(text, WIDTH, "  ", &candidate.row);
    for line in candidate.evidence(typical_word) {
        format::wrap(text, WIDTH, "    ", &line);
    }
    let declared = if candidate.death.is_declared() { " (declared)" } else { "" };
    format::wrap(text, WIDTH, "    ", &format!("when a process dies{declared}: {}", candidate.death.words));
    if !candidate.is_sure() {
        format::wrap(text, WIDTH, "    ", &format!("in doubt: {}", candidate.doubts.join("; ")));
    }
}

/// `why: row (detail), row (detail)`; a detail that all rows share is said once.
fn ruled_out(rows: &[Excluded]) -> String {
    let first = &rows[0];
    let shared = rows.iter().all(|row| row.detail == first.detail);
    let with = |text: &str, detail: &str| {
        if detail.is_empty() { text.to_owned() } else { format!("{text} ({detail})") }
    };
    let named = rows.iter().take(NAMED).map(|row| with(&row.row, if shared { "" } else { &row.detail }));
    let more = rows.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let why = with(&first.why, if shared { &first.detail } else { "" });
    format!("{why}: {}{more}", named.collect::<Vec<_>>().join(", "))
}
