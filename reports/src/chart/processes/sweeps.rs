//! Start-up time against parent RSS, and rate against batch size.

use ipcmark_record::{Kind, Measure, metric};

use super::super::parameter::{BATCH, PARENT_RSS, Parameter};
use super::super::sweep::{Choice, Layout, Sweep, TYPICAL, Value};
use super::super::{Figure, Looks};
use crate::analyse::families::LAUNCH;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::estimate;
use crate::format;

/// Ratio below which a start counts as equally long.
const LONGER: f64 = 1.1;
/// Most variants shown; all are in one panel, since they do not differ in manner.
const MOST_SHOWN: usize = 16;

const FIRST_WORD: Value = Value {
    name: "from the call to the first message",
    of: TYPICAL,
    show: format::time,
    columns: [("First message", "start_up_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

const LIVES_PER_S: Value = Value {
    name: "processes per second, from call to collection",
    of: |case| lives(case).map(Estimate::with_ends),
    show: format::rate,
    columns: [("Processes per second", "starts_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Ground with the most values, then the most cases; `None` without a sweep.
fn swept<'s, 'a>(study: &'s Study<'a>, parameter: &Parameter) -> Option<Ground<'s, 'a>> {
    let started = measured(study, LAUNCH).filter(|case| case.case.measure == Measure::StartUp);
    let grounds = parameter.grounds(started).into_iter().rev();
    // On ties `max_by_key` takes the last.
    grounds.max_by_key(|ground| (parameter.values(&ground.cases).len(), ground.cases.len()))
}

/// Start-up time against parent RSS.
pub fn parent_rss(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = swept(study, &PARENT_RSS)?;
    let answer = grown(&ground);
    let sweep = Sweep {
        id: "start-up-parent-rss".into(),
        title: format!("Start-up against parent RSS: {}", ground.describe()),
        description: "Time from the call to the first message by parent RSS, one line per way to start.",
        note: "Private memory of the parent (parent RSS), each page written before. A fork copies the page \
             tables; vfork and posix_spawn share them until the new program runs and copy nothing. Bands are \
             intervals over repetitions."
            .into(),
        layout: Layout::By(|_| (0, "")),
        choice: Choice::Closest(MOST_SHOWN),
        ..Sweep::of(ground.cases, PARENT_RSS, FIRST_WORD)
    };
    Some(Figure { answer, ..sweep.figure(study, looks)? })
}

/// Processes per second against batch size.
pub fn batch(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = swept(study, &BATCH)?;
    let answer = most(&ground);
    let sweep = Sweep {
        id: "start-up-batch".into(),
        title: format!("Starting processes in batches: {}", ground.describe()),
        description: "Processes per second by batch size, on logarithmic axes, one line per way to start.",
        note: "Each process counts from the call to its collection. Bands are intervals over repetitions.".into(),
        layout: Layout::By(|_| (0, "")),
        choice: Choice::Closest(MOST_SHOWN),
        ..Sweep::of(ground.cases, BATCH, LIVES_PER_S)
    };
    Some(Figure { answer, ..sweep.figure(study, looks)? })
}

fn lives(case: &CaseStudy<'_>) -> Option<Estimate> {
    estimate(&case.records, Kind::Rate, metric::STARTS_PER_S)
}

/// Variants that a large parent slows most and least.
fn grown(ground: &Ground<'_, '_>) -> String {
    let largest = ground.cases.iter().map(|case| (PARENT_RSS.of)(case)).max().unwrap_or(0);
    let each = ground.cases.chunk_by(|a, b| a.series == b.series).filter_map(|cases| {
        let last = cases.last().filter(|case| (PARENT_RSS.of)(case) == largest)?;
        Some((last, last.cost_ns()? / cases.first()?.cost_ns()?))
    });
    let mut each: Vec<(&&CaseStudy<'_>, f64)> = each.filter(|(case, _)| case.series.between_processes()).collect();
    each.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (Some(least), Some(most)) = (each.first(), each.last()) else { return String::new() };
    let describe = |(case, times): &(&&CaseStudy<'_>, f64)| match *times {
        times if times < LONGER => format!("no longer with {}", case.series.quoted()),
        times => format!("{} times as long with {}", format::ratio(times), case.series.quoted()),
    };
    let beside = if each.len() > 1 { format!(", and {}", describe(least)) } else { String::new() };
    format!("A parent of {} makes a start take {}{beside}.", format::bytes(largest), describe(most))
}

/// Highest rates with the smallest and the largest batch.
fn most(ground: &Ground<'_, '_>) -> String {
    let all = || ground.cases.iter().map(|case| (BATCH.of)(case));
    let mut ends: Vec<u64> = all().min().into_iter().chain(all().max()).collect();
    ends.dedup();
    let best = |n: u64| {
        let there = ground.cases.iter().filter(|case| (BATCH.of)(case) == n && case.series.between_processes());
        let known = there.filter_map(|case| Some((case, lives(case)?.value)));
        let (best, rate) = known.max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(format!("{} with {} (batch size {n})", format::rate(rate), best.series.quoted()))
    };
    let parts: Vec<String> = ends.into_iter().filter_map(best).collect();
    if parts.is_empty() { String::new() } else { format!("The highest rates are {}.", parts.join(" and ")) }
}
