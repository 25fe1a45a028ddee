//! Chunk policies of `map`.

use ipcmark_record::{Call, Chunk, Measure};

use super::super::canvas::Marker;
use super::super::points::{Entry, Points};
use super::super::table::Table;
use super::super::{Figure, Looks};
use super::{asked, competes, is_serial, sorted, variants};
use crate::analyse::ground::{self, Ground};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Marker of each policy; the last is on top.
const SHAPES: [(Chunk, Marker); 4] = [
    (Chunk::One, Marker::Circle),
    (Chunk::Guided, Marker::Diamond),
    (Chunk::Python, Marker::Triangle),
    (Chunk::Sixteen, Marker::Square),
];

/// Builds the chart; `None` with fewer than two policies.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let mapped = |case: &&CaseStudy<'_>| case.case.params.call == Some(Call::Map) && !is_serial(case);
    let grounds = Ground::all(asked(study, Measure::Dispatch).filter(mapped), |shape| shape.params.chunk = None);
    let ground = grounds.into_iter().find(|ground| policies(ground) > 1)?;
    let sections = sorted(&variants(&ground.cases))
        .into_iter()
        .map(|(heading, cases)| (heading.to_owned(), cases.into_iter().map(|case| entry(&ground, case)).collect()));
    Points {
        id: "pool-chunks".into(),
        title: format!("Chunk policies of map: {}", ground.describe()),
        description: "Time per task of a map by chunk policy, on a logarithmic axis, one row per pool.",
        answer: answer(&ground),
        note: "Circle: one by one. Square: chunks of 16. Triangle: a quarter of each worker's even share, as Python's \
               Pool.map does it. Diamond: half of a worker's even share of what is left (guided self-scheduling). Tasks \
               here all take equally long; where they do not, large chunks leave workers idle at the end."
            .into(),
        x_name: "time per task (log scale)",
        show: format::time,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&ground),
    }
    .figure(study, looks)
}

fn policy(case: &CaseStudy<'_>) -> Chunk {
    case.case.params.chunk.unwrap_or(Chunk::One)
}

fn policies(ground: &Ground<'_, '_>) -> usize {
    SHAPES.iter().filter(|shape| ground.cases.iter().any(|case| policy(case) == shape.0)).count()
}

fn of<'s, 'a>(ground: &Ground<'s, 'a>, like: &CaseStudy<'_>, chunk: Chunk) -> Option<&'s CaseStudy<'a>> {
    ground.cases.iter().copied().find(|case| case.series == like.series && policy(case) == chunk)
}

/// Case of the same variant with the cheapest policy.
fn best<'s, 'a>(ground: &Ground<'s, 'a>, like: &CaseStudy<'_>) -> Option<&'s CaseStudy<'a>> {
    let all = SHAPES.iter().filter_map(|shape| of(ground, like, shape.0));
    all.min_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)))
}

fn entry<'s, 'a>(ground: &Ground<'s, 'a>, case: &'s CaseStudy<'a>) -> Entry<'s, 'a> {
    let marks = SHAPES.iter().filter_map(|&(chunk, marker)| Some((of(ground, case, chunk)?.summary.typical?, marker)));
    let note = best(ground, case).map_or_else(String::new, |best| {
        format!("{}, {}", format::ns(best.cost_ns().unwrap_or(f64::NAN)), ground::chunk(policy(best)))
    });
    Entry { case, label: None, note, marks: marks.collect() }
}

/// Cheapest pool of processes and the speed-up that chunks give it.
fn answer(ground: &Ground<'_, '_>) -> String {
    let competing: Vec<&CaseStudy<'_>> = ground.cases.iter().copied().filter(|case| competes(case)).collect();
    let cheapest = competing.into_iter().filter_map(|case| Some((case, case.cost_ns()?)));
    let Some((best, ns)) = cheapest.min_by(|a, b| a.1.total_cmp(&b.1)) else { return String::new() };
    let alone = of(ground, best, Chunk::One).and_then(CaseStudy::cost_ns).filter(|alone| *alone > ns);
    let gain = alone.map(|alone| format!(", {} times as fast as one by one", format::ratio(alone / ns)));
    format!(
        "A mapped task costs least with {} and {}: {}{}.",
        best.series.quoted(),
        ground::chunk(policy(best)),
        format::ns(ns),
        gain.unwrap_or_default()
    )
}

fn table(ground: &Ground<'_, '_>) -> Table {
    Table::of(&ground.cases)
        .case("Pool")
        .text("Chunks", "chunk", |case| ground::chunk(policy(case)))
        .spread([("Time per task", "task_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .verdict()
        .table()
}
