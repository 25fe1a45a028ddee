//! Minimum task size: break-even with a serial loop, and METG(50 %), with intervals.

use super::super::canvas::Marker;
use super::super::points::{Entry, Points};
use super::super::table::{OfCase, Table};
use super::super::{Figure, Looks};
use super::{competes, sort, swept};
use crate::analyse::ground::Ground;
use crate::analyse::metg::{Reach, efficiency, gain};
use crate::analyse::statistics::{Estimate, Interval};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Efficiency of METG(50 %).
const HALF: f64 = 0.5;

/// Minimum task sizes of one pool.
pub struct Found<'s, 'a> {
    /// Case with the smallest grain.
    pub case: &'s CaseStudy<'a>,
    /// Break-even with the serial loop; `None` without such a loop.
    pub break_even: Option<Reach>,
    /// METG(50 %).
    pub metg: Option<Reach>,
}

/// Minimum task sizes of all pools, smallest METG first.
pub fn found<'s, 'a>(ground: &Ground<'s, 'a>, serial: &[&CaseStudy<'_>]) -> Vec<Found<'s, 'a>> {
    let each = ground.cases.chunk_by(|a, b| a.series == b.series).map(|cases| Found {
        case: cases[0],
        break_even: gain(cases, serial).reaches(0.0),
        metg: efficiency(cases).reaches(HALF),
    });
    let mut found: Vec<Found<'_, '_>> =
        each.filter(|found| found.break_even.is_some() || found.metg.is_some()).collect();
    let rank = |found: &Found<'_, '_>| found.metg.or(found.break_even).map_or(f64::MAX, Reach::rank);
    found.sort_by(|a, b| (sort(a.case).0).cmp(&sort(b.case).0).then(rank(a).total_cmp(&rank(b))));
    found
}

/// Builds the chart; `None` with fewer than two grains.
pub fn figure(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let (ground, serial) = swept(study)?;
    let found = found(&ground, &serial);
    let sections = found.chunk_by(|a, b| sort(a.case) == sort(b.case));
    let sections = sections.map(|found| (sort(found[0].case).1.to_owned(), found.iter().map(entry).collect()));
    Points {
        id: "pool-grains".into(),
        title: format!("Minimum task size: {}", ground.describe()),
        description: "The break-even grain and METG(50 %) of each pool with their intervals, on a logarithmic axis.",
        answer: answer(&found),
        note: "Circle: METG(50 %), the smallest task at which half of the worker time is work (Slaughter et al. \
             2020). Diamond: break-even, the smallest task at which the pool is faster than a plain loop. \
             Both are interpolated between measured grains, over the logarithm of the grain; intervals come \
             from resampling repetitions. Pools that reach it at no tried grain, or already at the smallest, \
             are in the table only."
            .into(),
        x_name: "work in a task (log scale)",
        show: format::time,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&found),
    }
    .figure(study, looks)
}

fn entry<'s, 'a>(found: &Found<'s, 'a>) -> Entry<'s, 'a> {
    let mark = |reach: Option<Reach>, marker: Marker| match reach {
        Some(Reach::At { grain_ns, interval }) => {
            Some((Estimate { value: grain_ns, interval, repetitions: 0 }, marker))
        }
        _ => None,
    };
    let short = |reach: Reach| match reach {
        Reach::At { grain_ns, .. } => format::ns(grain_ns),
        other => other.describe(),
    };
    let text = [("METG", found.metg), ("break-even", found.break_even)];
    let text = text.into_iter().filter_map(|(word, reach)| Some(format!("{word} {}", short(reach?))));
    Entry {
        case: found.case,
        label: None,
        note: text.collect::<Vec<_>>().join(", "),
        marks: [mark(found.break_even, Marker::Diamond), mark(found.metg, Marker::Circle)]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// Pools with the smallest METG and break-even grain.
fn answer(found: &[Found<'_, '_>]) -> String {
    let soonest = |of: fn(&Found<'_, '_>) -> Option<Reach>| {
        let known = found.iter().filter(|found| competes(found.case)).filter_map(|found| Some((found, of(found)?)));
        let known = known.filter(|(_, reach)| !matches!(reach, Reach::Never(_)));
        known
            .min_by(|a, b| a.1.rank().total_cmp(&b.1.rank()))
            .map(|(found, reach)| (found.case.series.quoted(), reach.describe()))
    };
    let half = soonest(|found| found.metg)
        .map(|(name, reach)| format!("Half of the workers' time is work from tasks of {reach} on with {name}."));
    let even =
        soonest(|found| found.break_even).map(|(name, reach)| format!("{name} beats a plain loop from {reach} on."));
    [half, even].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn table(found: &[Found<'_, '_>]) -> Table {
    let end = |reach: Option<Reach>, pick: fn(Interval) -> f64| match reach {
        Some(Reach::At { interval: Some(interval), .. }) => Some(pick(interval)),
        _ => None,
    };
    let describe = |reach: Option<Reach>| reach.map_or_else(|| "–".to_owned(), Reach::describe);
    Table::of(found)
        .case("Pool")
        .text("METG(50 %)", "metg", |one| describe(one.metg))
        .time("Grain", "metg_ns", |one| one.metg.and_then(Reach::at))
        .time("Low", "metg_low_ns", |one| end(one.metg, |i| i.low))
        .time("High", "metg_high_ns", |one| end(one.metg, |i| i.high))
        .text("Break-even", "break_even", |one| describe(one.break_even))
        .time("Grain", "break_even_ns", |one| one.break_even.and_then(Reach::at))
        .time("Low", "break_even_low_ns", |one| end(one.break_even, |i| i.low))
        .time("High", "break_even_high_ns", |one| end(one.break_even, |i| i.high))
        .table()
}

impl OfCase for Found<'_, '_> {
    fn study(&self) -> &CaseStudy<'_> {
        self.case
    }
}
