//! Tables of pairs of variants: break-even sizes.

use std::collections::BTreeSet;

use ipcmark_record::{Measure, Placement};
use serde::Serialize;

use crate::analyse::answer::place;
use crate::analyse::best::{of_each_kind, size};
use crate::analyse::break_even::{Answer, break_even};
use crate::analyse::series::Series;
use crate::analyse::study::{CaseStudy, Study};
use crate::chart::Table;
use crate::format;

/// Break-even sizes by one measure.
#[derive(Serialize)]
pub struct Matrix {
    id: String,
    title: String,
    /// Answer in a sentence; names between back quotes.
    answer: String,
    names: Vec<Name>,
    rows: Vec<Vec<Field>>,
    table: Table,
}

/// Heading of a row or column.
#[derive(Serialize)]
pub(super) struct Name {
    pub(super) series: usize,
    pub(super) label: String,
}

/// Cell: break-even of the row's variant against the column's, or outcome of a kill point for the row's lock.
#[derive(Serialize)]
pub(super) struct Field {
    pub(super) word: String,
    /// Interval, or the results for each size if undecided.
    pub(super) note: String,
    /// Part of the note that fits into the cell.
    pub(super) brief: String,
    /// CSS class: `yes`, `no`, `part` or `open`; `never` if the lock is never acquired again.
    pub(super) class: &'static str,
}

/// One matrix for each measure with several sizes, at the main placement.
pub fn matrices(study: &Study<'_>) -> Vec<Matrix> {
    let Some(placement) = study.placement else { return Vec::new() };
    [Measure::RoundTrip, Measure::Stream].into_iter().filter_map(|measure| matrix(study, measure, placement)).collect()
}

fn matrix(study: &Study<'_>, measure: Measure, placement: Placement) -> Option<Matrix> {
    let cases: Vec<&CaseStudy<'_>> =
        study.measured(measure, placement).filter(|case| case.series.between_processes()).collect();
    let sizes: BTreeSet<u64> = cases.iter().map(|case| case.bytes()).collect();
    let chosen = of_each_kind(&cases, size);
    if sizes.len() < 2 || chosen.len() < 2 {
        return None;
    }
    let of = |series: &Series| cases.iter().copied().filter(|case| case.series == *series).collect::<Vec<_>>();
    let sweeps: Vec<Vec<&CaseStudy<'_>>> = chosen.iter().map(of).collect();
    // Each pair is computed once and reversed, so that the two halves of the matrix agree.
    let mut answers: Vec<Vec<Option<Answer>>> = vec![vec![None; chosen.len()]; chosen.len()];
    for row in 0..chosen.len() {
        for column in row + 1..chosen.len() {
            let answer = break_even(&sweeps[row], &sweeps[column]);
            answers[column][row] = Some(answer.clone().reversed());
            answers[row][column] = Some(answer);
        }
    }
    let word = if measure == Measure::Stream { "streams" } else { "round trips" };
    Some(Matrix {
        id: format!("break-even-{measure}"),
        title: format!("Break-even sizes of {word}, {}", place(placement)),
        answer: describe(&chosen, &answers),
        names: chosen.iter().map(|s| Name { series: study.index(s), label: s.label() }).collect(),
        rows: answers.iter().map(|row| row.iter().map(|answer| field(answer.as_ref())).collect()).collect(),
        table: table(&chosen, &answers),
    })
}

fn field(answer: Option<&Answer>) -> Field {
    let Some(answer) = answer else {
        return Field { word: String::new(), note: String::new(), brief: String::new(), class: "self" };
    };
    let note = match answer {
        Answer::CantTell(open) => open.describe(),
        _ => answer.crossing().map_or_else(String::new, |c| span(c.interval.low, c.interval.high)),
    };
    let class = match answer {
        Answer::Always => "yes",
        Answer::Never => "no",
        Answer::UpTo(_) | Answer::From(_) => "part",
        Answer::CantTell(open) if open.dearer.is_empty() && !open.cheaper.is_empty() => "open yes",
        Answer::CantTell(_) => "open",
    };
    let brief = match answer {
        Answer::CantTell(open) if !open.cheaper.is_empty() || !open.dearer.is_empty() => open.level_at(),
        Answer::CantTell(_) => String::new(),
        _ => note.clone(),
    };
    Field { word: answer.word(), note, brief, class }
}

fn span(low: f64, high: f64) -> String {
    format::span(low, high, format::size)
}

/// Pairs with a break-even size in words, and the number of pairs without one.
fn describe(chosen: &[Series], answers: &[Vec<Option<Answer>>]) -> String {
    let pairs = || (0..chosen.len()).flat_map(|row| (row + 1..chosen.len()).map(move |column| (row, column)));
    let crossing = |(row, column): (usize, usize)| {
        let answer = answers[row][column].as_ref()?;
        let crossing = answer.crossing()?;
        let (cheaper, dearer) = if matches!(answer, Answer::UpTo(_)) { (row, column) } else { (column, row) };
        Some(format!(
            "{} beats {} up to {} ({})",
            chosen[cheaper].quoted(),
            chosen[dearer].quoted(),
            format::about_bytes(crossing.bytes),
            span(crossing.interval.low, crossing.interval.high)
        ))
    };
    let crossings: Vec<String> = pairs().filter_map(crossing).collect();
    let of = |wanted: fn(&Answer) -> bool| {
        pairs().filter(|&(row, column)| answers[row][column].as_ref().is_some_and(wanted)).count()
    };
    let settled = of(|answer| matches!(answer, Answer::Always | Answer::Never));
    let open = of(|answer| matches!(answer, Answer::CantTell(_)));
    let most = 4;
    let more = if crossings.len() > most { format!("; and {} more", crossings.len() - most) } else { String::new() };
    let head = if crossings.is_empty() {
        "No pair changes places within the sizes measured".to_owned()
    } else {
        format!("{}{more}", crossings[..crossings.len().min(most)].join("; "))
    };
    let count = |n: usize, what: &str| {
        let pairs = if n == 1 { "pair" } else { "pairs" };
        (n > 0).then(|| format!("in {n} {pairs} {what}"))
    };
    let counts =
        [count(settled, "one is cheaper at every size"), count(open, "the records do not say, or only at some sizes")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    if counts.is_empty() { format!("{head}.") } else { format!("{head}; {}.", counts.join(", ")) }
}

fn table(chosen: &[Series], answers: &[Vec<Option<Answer>>]) -> Table {
    let pairs = chosen.iter().zip(answers).flat_map(|(first, row)| {
        chosen.iter().zip(row).filter_map(move |(second, answer)| Some((first, second, answer.as_ref()?)))
    });
    let why = |answer: &Answer| if let Answer::CantTell(open) = answer { open.describe() } else { String::new() };
    Table::of(pairs)
        .text("This", "first", |pair| pair.0.label())
        .text("is cheaper than this", "second", |pair| pair.1.label())
        .text("when", "answer", |pair| pair.2.word())
        .number("Crossing", "crossing_bytes", format::about_bytes, |pair| Some(pair.2.crossing()?.bytes))
        .number("Low", "low_bytes", format::about_bytes, |pair| Some(pair.2.crossing()?.interval.low))
        .number("High", "high_bytes", format::about_bytes, |pair| Some(pair.2.crossing()?.interval.high))
        .text("Reason", "why", |pair| why(pair.2))
        .table()
}
