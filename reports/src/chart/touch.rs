//! Stream bandwidth by touch mode, which separates the cost of the mechanism from that of reading the payload.

use ipcmark_record::{Floors, Measure, Placement, Touch};

use super::axis::Axis;
use super::canvas::{Ink, Marker};
use super::dots::{Dots, Mark, Row, Section};
use super::table::Table;
use super::{Figure, Key, Looks};
use crate::analyse::answer::place;
use crate::analyse::crowd::Crowd;
use crate::analyse::plausible::{beyond_one_core, copy_ns};
use crate::analyse::series::{Manner, Series};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Modes in legend order: words, colour index and marker.
const MODES: [(Touch, &str, u8, Marker); 3] = [
    (Touch::All, "every byte written and read", 2, Marker::Circle),
    (Touch::Sample, "the receiver reads a sample", 3, Marker::Triangle),
    (Touch::None, "payload untouched: transport only", 6, Marker::Diamond),
];

/// Chart at the largest size, where touching matters most; `None` with a single mode.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let less = |case: &&CaseStudy<'_>| case.series.touch.is_some();
    let streams = || {
        study
            .all_measured(Measure::Stream, placement)
            .filter(|case| Crowd::of(case.case).plain() && case.series.depth.is_none() && case.bytes() > 0)
    };
    let largest = streams().filter(less).map(CaseStudy::bytes).max()?;
    let swept: Vec<Series> = streams().filter(less).map(|case| case.series.usual()).collect();
    let cases: Vec<&CaseStudy<'_>> = streams().filter(|case| swept.contains(&case.series.usual())).collect();
    let drawn: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| case.bytes() == largest).collect();
    let title = format!("Cost of touching the payload, streams of {}, {}", format::bytes(largest), place(placement));
    let references = study.floors().and_then(|floors| reference(floors, largest));
    let values = drawn.iter().filter_map(|case| bandwidth(case)).chain(references.iter().map(|floor| floor.1));
    let chart = Dots {
        description: "Payload bytes per second of each mechanism when every byte, a sample or none is touched, on a \
                      logarithmic axis.",
        x_name: "payload per second (log scale)",
        axis: Axis::log(values, format::bandwidth),
        references: references.into_iter().collect(),
        stretch: None,
        sections: sections(&drawn, study, looks),
    };
    Some(Figure {
        answer: answer(&drawn),
        note: "Only the first mode is what an application sees. A cross marks a rate above the copy rate of one \
             core of this machine, the grey line: the bytes were not read, so the rate is that of transfers \
             and not of data."
            .into(),
        legend: MODES.iter().map(|mode| Key { class: format!("p{}", mode.2), word: mode.1.into() }).collect(),
        table: table(&cases),
        ..Figure::drawn("touch", title, &chart)
    })
}

fn bandwidth(case: &CaseStudy<'_>) -> Option<f64> {
    Some(case.summary.typical?.value * case.bytes() as f64)
}

fn beyond(case: &CaseStudy<'_>) -> bool {
    case.summary.times_one_core.is_some_and(|times| times > 1.0)
}

fn reference(floors: &Floors, bytes: u64) -> Option<(String, f64)> {
    let per_s = bytes as f64 * 1e9 / copy_ns(&floors.copy, bytes)?;
    Some((format!("one core's copy, {}", format::bandwidth(per_s)), per_s))
}

fn sections(cases: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Vec<Section> {
    let of_manner = |manner: Manner| {
        let members: Vec<_> = cases.iter().copied().filter(|case| case.series.manner == manner).collect();
        let rows = members.chunk_by(|a, b| a.series.usual() == b.series.usual());
        Section { heading: manner.word().into(), rows: rows.map(|modes| row(modes, study, looks)).collect() }
    };
    Manner::ALL.into_iter().map(of_manner).filter(|section| !section.rows.is_empty()).collect()
}

fn row(modes: &[&CaseStudy<'_>], study: &Study<'_>, looks: &Looks) -> Row {
    let usual = modes[0].series.usual();
    let mark = |(touch, _, slice, marker): &(Touch, &str, u8, Marker)| {
        let case = modes.iter().find(|case| case.case.params.touch.unwrap_or(Touch::All) == *touch)?;
        let bytes = case.bytes() as f64;
        let interval = case.summary.typical?.interval.map(|i| (i.low * bytes, i.high * bytes));
        let mark = Mark {
            value: bandwidth(case)?,
            interval,
            ink: Ink::Slice(*slice),
            marker: *marker,
            each: Vec::new(),
            crossed: beyond(case),
        };
        Some((mark, format!("{}{}", format::bandwidth(bandwidth(case)?), if beyond(case) { " !" } else { "" })))
    };
    let (marks, text): (Vec<Mark>, Vec<String>) = MODES.iter().filter_map(mark).unzip();
    Row { label: usual.label(), ink: looks.get(study.index(&usual)).ink(), note: text.join(" · "), marks }
}

/// Mechanism whose rate depends most on touching, and the number of rates above one core's copy rate.
fn answer(drawn: &[&CaseStudy<'_>]) -> String {
    let times = |modes: &[&CaseStudy<'_>]| {
        let of = |touch: Touch| modes.iter().find(|case| case.case.params.touch.unwrap_or(Touch::All) == touch);
        Some((bandwidth(of(Touch::None)?)? / bandwidth(of(Touch::All)?)?, modes[0].series.usual().quoted()))
    };
    let each = drawn.chunk_by(|a, b| a.series.usual() == b.series.usual());
    let most = each.filter_map(times).max_by(|a, b| a.0.total_cmp(&b.0));
    let flagged = drawn.iter().filter(|case| beyond(case)).count();
    let most = most.map(|(times, name)| {
        format!("With untouched payload, {name} carries {} times as much as with every byte read", format::ratio(times))
    });
    let flagged = match flagged {
        0 => "no rate here is above what one core can copy".to_owned(),
        1 => format!("one rate is {}", beyond_one_core(Some(Touch::None))),
        many => format!("{many} rates are {}", beyond_one_core(Some(Touch::None))),
    };
    most.map_or_else(|| format!("In this chart {flagged}."), |most| format!("{most}; {flagged}."))
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    let touch = |case: &CaseStudy<'_>| case.case.params.touch.unwrap_or(Touch::All);
    Table::of(cases)
        .case("Mechanism")
        .size("Size", "message_bytes", |case| case.bytes())
        .text("Touched", "touch", |case| touch(case).word())
        .number("Payload", "bytes_per_s", format::bandwidth, |case| bandwidth(case))
        .typical("Rate", "messages_per_s", format::rate)
        .number("Times one core's copy", "copy_count", format::ratio, |case| case.summary.times_one_core)
        .text("Flag", "flag", |case| if beyond(case) { beyond_one_core(Some(touch(case))) } else { "" })
        .table()
}
