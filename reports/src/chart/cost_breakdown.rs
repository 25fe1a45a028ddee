//! Cost breakdown: one bar per mechanism with priced counts and the unexplained rest.

use ipcmark_record::{Floors, Measure, Placement};

use super::axis::Axis;
use super::bars::{Bar, Bars, Column, Section};
use super::canvas::Ink;
use super::table::{Rows, Table};
use super::{Figure, Key, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, size};
use crate::analyse::cost_model::{Price, Priced, price, withheld};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Size of large messages: the first measured size from here, or the largest below.
const LARGE_BYTES: u64 = 64 * 1024;

/// Chart of round trips at the most common size and a large one; `None` without cost models or floors.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let floors = study.floors()?;
    let sizes = study.sizes(Measure::RoundTrip, placement);
    let common = study.common_size(Measure::RoundTrip, placement)?;
    let large = sizes.iter().copied().find(|&size| size >= LARGE_BYTES).or(sizes.last().copied());
    let mut shown = vec![common];
    shown.extend(large.filter(|&large| large != common));
    let title = format!("Cost breakdown of a round trip, {}", place(placement));
    let chart = |best: &Shown| Bars {
        description: "Stacked bars of declared counts times the machine's floors for each mechanism; an outline is time that \
             no count explains.",
        columns: shown.iter().filter_map(|&bytes| column(study, looks, placement, bytes, floors, best)).collect(),
    };
    let cases: Vec<_> = study.measured(Measure::RoundTrip, placement).filter(|c| shown.contains(&c.bytes())).collect();
    let best = Shown::of(&cases, size);
    let short = chart(&best);
    let all: Vec<_> = priced(study, placement, floors).collect();
    (!short.columns.is_empty()).then(|| {
        Figure {
            answer: explained(&all),
            note: format!(
                "Each slice is a declared count of one round trip times its price on this machine. The line \
             across is the measured time. An outline before the line is unexplained time; a bar beyond it \
             explains too much. An exclamation mark flags a difference above 25 %.{}{}",
                withheld(all.iter().map(|(case, priced)| (*case, priced))),
                best.describe()
            ),
            legend: legend(all.iter().map(|(_, priced)| priced)),
            table: table(&all),
            ..Figure::drawn("cost-breakdown", title, &short)
        }
        .unfolding("The same for every variant", best.is_partial().then(|| chart(&Shown::default())))
    })
}

/// Sentences on the cases that the declared counts explain, and on those that they do not.
pub fn explained(cases: &[(&CaseStudy<'_>, Priced)]) -> String {
    let flagged: Vec<_> = cases.iter().filter(|(_, priced)| priced.flagged()).collect();
    let mut open: Vec<String> = flagged
        .iter()
        .filter(|(_, priced)| priced.declared_reason.is_none())
        .map(|(case, _)| case.series.label())
        .collect();
    let reasons = flagged.len() - open.len();
    let (fit, all, without) = (cases.len() - flagged.len(), cases.len(), open.len());
    open.sort_unstable();
    open.dedup();
    let mut sentences = vec![format!("Declared counts explain {fit} of {all} cases to within 25 %.")];
    if reasons > 0 {
        sentences.push(format!("Reason declared (see the table): {reasons}."));
    }
    if without > 0 {
        sentences.push(format!("Without a reason: {without} ({}).", open.join(", ")));
    }
    sentences.join(" ")
}

fn priced<'s, 'a>(
    study: &'s Study<'a>,
    placement: Placement,
    floors: &Floors,
) -> impl Iterator<Item = (&'s CaseStudy<'a>, Priced)> {
    let timed = [Measure::RoundTrip, Measure::Stream].into_iter().flat_map(move |m| study.measured(m, placement));
    timed.filter_map(move |case| Some((case, price(case, floors)?)))
}

fn column(
    study: &Study<'_>,
    looks: &Looks,
    placement: Placement,
    bytes: u64,
    floors: &Floors,
    best: &Shown,
) -> Option<Column> {
    let of_size = priced(study, placement, floors).filter(|(case, _)| {
        case.case.measure == Measure::RoundTrip && case.bytes() == bytes && best.shows(&case.series)
    });
    let all: Vec<_> = of_size.collect();
    let mut sections = Vec::new();
    for manner in Manner::ALL {
        let mut members: Vec<_> = all.iter().filter(|(case, _)| case.series.manner == manner).collect();
        members.sort_by(|a, b| a.1.measured_ns.total_cmp(&b.1.measured_ns));
        if members.is_empty() {
            continue;
        }
        let longest = members.iter().map(|(_, priced)| length(priced)).fold(0.0, f64::max);
        let bars = members.iter().map(|(case, priced)| bar(case, priced, looks.get(study.index(&case.series)).ink()));
        sections.push(Section {
            heading: manner.word().into(),
            axis: Axis::linear(longest, 4, format::time),
            bars: bars.collect(),
        });
    }
    let heading = format!("{} out and back", format::bytes(bytes));
    (!sections.is_empty()).then_some(Column { heading, sections })
}

/// Bar of a case: its slices, and a line at the measured time.
pub fn bar(case: &CaseStudy<'_>, priced: &Priced, ink: Ink) -> Bar {
    let (label, measured) = (case.series.label(), format::ns(priced.measured_ns));
    if priced.withheld() {
        let note = format!("{measured}, breakdown withheld");
        return Bar { label, ink, tracks: vec![vec![]], mark: None, note };
    }
    let share = priced.unexplained_share();
    let flag = if priced.flagged() { " !" } else { "" };
    Bar {
        label,
        ink,
        tracks: vec![priced.slices.iter().map(|&(price, ns)| (slice_ink(price), ns)).collect()],
        mark: Some(priced.measured_ns),
        note: format!("{measured}, {}{flag}", describe(share)),
    }
}

/// Length of the bar of a case on its axis.
pub fn length(priced: &Priced) -> f64 {
    if priced.withheld() { priced.measured_ns } else { priced.measured_ns.max(priced.explained_ns()) }
}

/// An unexplained share in words.
fn describe(share: f64) -> String {
    if share < 0.0 {
        format!("over by {}", format::percent(-share))
    } else {
        format!("rest {}", format::percent(share))
    }
}

fn slice_ink(price: Price) -> Ink {
    Ink::Slice(Price::ALL.iter().position(|&known| known == price).unwrap_or(0) as u8)
}

/// Legend of the slices in use.
pub fn legend<'p>(priced: impl Iterator<Item = &'p Priced>) -> Vec<Key> {
    let mut used: Vec<Price> =
        priced.filter(|priced| !priced.withheld()).flat_map(|priced| &priced.slices).map(|(price, _)| *price).collect();
    used.sort_unstable();
    used.dedup();
    let key = |price: Price| {
        let at = Price::ALL.iter().position(|&known| known == price).unwrap_or(0);
        Key { class: format!("p{at}"), word: price.word().into() }
    };
    let mut keys: Vec<Key> = used.into_iter().map(key).collect();
    keys.push(Key { class: "rest".into(), word: "unexplained rest".into() });
    keys.push(Key { class: "mark".into(), word: "measured".into() });
    keys
}

fn table(all: &[(&CaseStudy<'_>, Priced)]) -> Table {
    let rows = Table::of(all)
        .text("Mechanism", "mechanism", |(case, _)| case.series.label())
        .text("Waiting", "waiting", |(case, _)| case.series.manner.word())
        .text("Measure", "measure", |(case, _)| case.case.measure.word().replace('_', " "))
        .size("Size", "message_bytes", |(case, _)| case.bytes())
        .text("Endpoint", "side", |(_, priced)| priced.pace.word())
        .time("Measured", "measured_ns", |(_, priced)| Some(priced.measured_ns));
    slices(rows, |(_, priced)| priced).table()
}

/// Adds a column for each slice and for the unexplained rest, empty where the breakdown is withheld, for whether it is
/// flagged or withheld, and for the reason.
pub fn slices<R>(mut rows: Rows<R>, priced: impl Fn(&R) -> &Priced) -> Rows<R> {
    let shown = move |priced: &Priced| !priced.withheld();
    let keys = [
        "payload_ns",
        "moved_bytes_ns",
        "line_transfers_ns",
        "copies_ns",
        "system_calls_ns",
        "context_switches_ns",
        "wakes_ns",
        "page_faults_ns",
        "delay_ns",
        "atomics_ns",
        "operations_ns",
    ];
    for (price, key) in Price::ALL.into_iter().zip(keys) {
        let of = |priced: &Priced| priced.slices.iter().find(|(known, _)| *known == price).map_or(0.0, |&(_, ns)| ns);
        rows = rows.time(price.word(), key, |row| Some(priced(row)).filter(|one| shown(one)).map(of));
    }
    rows.time("Unexplained", "unexplained_ns", |row| {
        Some(priced(row)).filter(|one| shown(one)).map(Priced::unexplained_ns)
    })
    .number("Of measured", "unexplained_share", format::percent, |row| Some(priced(row).unexplained_share()))
    .text("Flag", "flag", |row| match priced(row) {
        one if one.withheld() => "withheld",
        one if one.flagged() => "above 25 %",
        _ => "",
    })
    .text("Reason", "reason", |row| priced(row).reason().to_owned())
}
