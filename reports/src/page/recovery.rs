//! Recovery table: next owner, delay and report of the death for each lock and kill point.

use ipcmark_record::KillPoint;
use serde::Serialize;

use super::pairs::{Field, Name};
use crate::analyse::recovery::{Fate, Fates, fates, survives};
use crate::analyse::series::Series;
use crate::analyse::study::Study;
use crate::chart::Table;
use crate::format;

/// Most locks named in a sentence for each outcome.
const MOST_NAMED: usize = 6;

/// Table with one row per lock and one column per kill point.
#[derive(Serialize)]
pub struct Recovery {
    answer: String,
    deaths: Vec<&'static str>,
    names: Vec<Name>,
    rows: Vec<Vec<Field>>,
    table: Table,
}

/// Builds the table; `None` without recovery cases.
pub fn recovery(study: &Study<'_>) -> Option<Recovery> {
    let fates = fates(study);
    let asked = |death: &KillPoint| fates.iter().any(|(_, fates)| fates.iter().any(|(known, _)| known == death));
    let deaths: Vec<KillPoint> = KillPoint::ALL.iter().copied().filter(asked).collect();
    let row = |fates: &Fates| -> Vec<Field> {
        let of = |death: &KillPoint| fates.iter().find(|(known, _)| known == death).map(|(_, fate)| fate);
        deaths.iter().map(|death| field(*death, of(death))).collect()
    };
    (!fates.is_empty()).then(|| Recovery {
        answer: answer(&fates),
        deaths: deaths.iter().map(|&death| heading(death)).collect(),
        names: fates.iter().map(|(series, _)| Name { series: study.index(series), label: series.label() }).collect(),
        rows: fates.iter().map(|(_, fates)| row(fates)).collect(),
        table: table(&fates),
    })
}

const fn heading(death: KillPoint) -> &'static str {
    match death {
        KillPoint::Holding => "the owner, holding the lock",
        KillPoint::Waiting => "a waiter",
        KillPoint::Releasing => "the owner, between release and wake-up",
    }
}

/// Cell of one kill point. A death while holding must be reported, since the protected state may be inconsistent.
fn field(death: KillPoint, fate: Option<&Fate>) -> Field {
    let dangerous = death == KillPoint::Holding;
    let describe = |text: bool| match (text, dangerous) {
        (true, _) => "reported",
        (false, true) => "not reported",
        (false, false) => "",
    };
    let (word, brief, class) = match fate {
        None => (String::new(), String::new(), "self"),
        Some(Fate::Goes { on_ns, text: knows }) => {
            (format::ns(*on_ns), describe(*knows).to_owned(), if dangerous && !knows { "part" } else { "yes" })
        }
        Some(Fate::Sometimes(share)) => (format!("in {} of kills", format::percent(*share)), String::new(), "part"),
        Some(Fate::Newcomer { on_ns, text: knows }) => {
            let knows = if *knows { ", reported" } else { "" };
            ("waiter lost".into(), format!("a newcomer gets it after {}{knows}", format::ns(*on_ns)), "part")
        }
        Some(Fate::Never) => ("never".into(), String::new(), "never"),
        Some(Fate::Unknown(why)) => ("–".into(), why.clone(), "open"),
    };
    Field { word, note: brief.clone(), brief, class }
}

/// Sentence with the locks that recover after their owner is killed, and those that do not.
fn answer(fates: &[(&Series, Fates)]) -> String {
    let named = |wanted: &dyn Fn(&Fates) -> bool| -> Vec<String> {
        fates.iter().filter(|(_, fates)| wanted(fates)).map(|(series, _)| series.quoted()).collect()
    };
    let tells = |fates: &Fates| {
        fates.iter().any(|(death, fate)| *death == KillPoint::Holding && matches!(fate, Fate::Goes { text: true, .. }))
    };
    let sorts = [
        (
            "the next waiter gets it and the death is reported",
            named(&|fates| survives(fates) == Some(true) && tells(fates)),
        ),
        ("the next waiter gets it without a report", named(&|fates| survives(fates) == Some(true) && !tells(fates))),
        ("the next waiter does not get it", named(&|fates| survives(fates) == Some(false))),
    ];
    let describe = |(what, names): &(&str, Vec<String>)| {
        let more = names.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = names[..names.len().min(MOST_NAMED)].join(", ");
        (!names.is_empty()).then(|| format!("{what} with {named}{more}"))
    };
    let parts: Vec<String> = sorts.iter().filter_map(describe).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("When the owner is killed while holding the lock: {}.", parts.join("; "))
    }
}

fn table(fates: &[(&Series, Fates)]) -> Table {
    let word = |fate: &Fate| match fate {
        Fate::Goes { .. } => "next in line",
        Fate::Sometimes(_) => "not always",
        Fate::Newcomer { .. } => "newcomer only",
        Fate::Never => "never",
        Fate::Unknown(_) => "not measured",
    };
    let on = |fate: &Fate| match fate {
        Fate::Goes { on_ns, text } | Fate::Newcomer { on_ns, text } => Some((*on_ns, *text)),
        _ => None,
    };
    Table::of(fates.iter().flat_map(|(series, all)| all.iter().map(move |(death, fate)| (series, *death, fate))))
        .text("Lock", "mechanism", |row| row.0.label())
        .text("Kind", "group", |row| row.0.group_word())
        .text("Waiting", "waiting", |row| row.0.manner.word())
        .text("Kill point", "death", |row| row.1.word())
        .text("Result", "fate", |row| word(row.2))
        .time("After", "recovery_ns", |row| Some(on(row.2)?.0))
        .text("Reported", "told", |row| if on(row.2).is_some_and(|on| on.1) { "yes" } else { "no" })
        .text("Reason", "why", |row| if let Fate::Unknown(why) = row.2 { why.clone() } else { String::new() })
        .table()
}
