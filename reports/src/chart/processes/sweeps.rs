//! What the size of the parent adds to a start, and what it is worth to start several at once.

use ipcmark_record::{Case, Kind, Measure, metric};

use super::super::against::{Against, PanelOf, Swept};
use super::super::{Figure, Looks};
use crate::analyse::families::LAUNCH;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::estimate;
use crate::format;

/// Below this a start takes as long as before.
const LONGER: f64 = 1.1;
/// All ways to start stand in one panel: how they wait says nothing about them.
const MOST_SHOWN: usize = 16;

const RESIDENT: Swept = Swept {
    name: "parent RSS",
    of: resident_bytes,
    show: resident_told,
    column: ("Parent RSS", "resident_bytes"),
    even: true,
};

const AT_ONCE: Swept = Swept {
    name: "batch size",
    of: started_at_once,
    show: started_told,
    column: ("Batch size", "at_once_count"),
    even: false,
};

fn resident_bytes(case: &CaseStudy<'_>) -> u64 {
    case.case.params.parent_rss_bytes.unwrap_or(0)
}

fn resident_told(bytes: u64) -> String {
    if bytes == 0 { "minimal".into() } else { format::bytes(bytes) }
}

fn started_at_once(case: &CaseStudy<'_>) -> u64 {
    u64::from(case.case.params.batch.unwrap_or(1))
}

fn started_told(n: u64) -> String {
    n.to_string()
}

fn all_in_one(_: &CaseStudy<'_>) -> PanelOf {
    (0, "")
}

/// The ground on which most was swept, in order of series and place; `None` where nothing was.
fn swept<'s, 'a>(study: &'s Study<'a>, swept: &Swept, open: fn(&mut Case)) -> Option<Ground<'s, 'a>> {
    let started = measured(study, LAUNCH).filter(|case| case.case.measure == Measure::StartUp);
    let places = |ground: &Ground<'_, '_>| {
        let mut places: Vec<u64> = ground.cases.iter().map(|case| (swept.of)(case)).collect();
        places.sort_unstable();
        places.dedup();
        places.len()
    };
    let grounds = Ground::all(started, open).into_iter().filter(|ground| places(ground) > 1);
    // Of equals `max_by_key` takes the last.
    let mut ground =
        grounds.collect::<Vec<_>>().into_iter().rev().max_by_key(|ground| (places(ground), ground.cases.len()))?;
    ground.cases.sort_by(|a, b| (&a.series, (swept.of)(a)).cmp(&(&b.series, (swept.of)(b))));
    Some(ground)
}

/// Time to the first word against the memory of the parent.
pub fn resident(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = swept(study, &RESIDENT, |shape| shape.params.parent_rss_bytes = None)?;
    let answer = grown(&ground);
    let chart = Against {
        cases: ground.cases.clone(),
        swept: RESIDENT,
        value: |case| case.summary.typical.map(Estimate::with_ends),
        floor: None,
        show: format::time,
        y_name: "from the call to the first word",
        columns: [("First word", "start_up_ns"), ("Low", "low_ns"), ("High", "high_ns")],
        id: "start-up-resident",
        title: format!("Start-up against parent RSS: {}", ground.told()),
        description: "Time from the call to the first word by the memory of the parent that is in use, one line per way \
                      to start.",
        note: "Private memory of the parent (parent RSS), each page written before. A fork copies the page \
             tables; vfork and posix_spawn share them until the new program runs and copy nothing. Bands are \
             95 % intervals over repetitions."
            .into(),
    };
    let figure = chart.figure_in_panels(all_in_one, MOST_SHOWN, study, looks)?;
    Some(Figure { answer, ..figure })
}

/// Lives a second against how many are started at once.
pub fn at_once(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = swept(study, &AT_ONCE, |shape| shape.params.batch = None)?;
    let answer = most(&ground);
    let chart = Against {
        cases: ground.cases.clone(),
        swept: AT_ONCE,
        value: |case| lives(case).map(Estimate::with_ends),
        floor: None,
        show: format::rate,
        y_name: "lives per second, from call to collection",
        columns: [("Lives per second", "starts_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id: "start-up-at-once",
        title: format!("Starting processes in batches: {}", ground.told()),
        description: "Lives per second by how many are started before the first is waited for, on logarithmic axes, one line \
                      per way to start.",
        note: "A life goes from the call to the collection. Bands are 95 % intervals over repetitions.".into(),
    };
    let figure = chart.figure_in_panels(all_in_one, MOST_SHOWN, study, looks)?;
    Some(Figure { answer, ..figure })
}

fn lives(case: &CaseStudy<'_>) -> Option<Estimate> {
    estimate(&case.records, Kind::Rate, metric::STARTS_PER_S)
}

/// The ways to start that a large parent slows most and least.
fn grown(ground: &Ground<'_, '_>) -> String {
    let largest = ground.cases.iter().map(|case| resident_bytes(case)).max().unwrap_or(0);
    let each = ground.cases.chunk_by(|a, b| a.series == b.series).filter_map(|cases| {
        let last = cases.last().filter(|case| resident_bytes(case) == largest)?;
        Some((last, last.cost_ns()? / cases.first()?.cost_ns()?))
    });
    let mut each: Vec<(&&CaseStudy<'_>, f64)> = each.filter(|(case, _)| case.series.between_processes()).collect();
    each.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (Some(least), Some(most)) = (each.first(), each.last()) else { return String::new() };
    let told = |(case, times): &(&&CaseStudy<'_>, f64)| match *times {
        times if times < LONGER => format!("no longer with {}", case.series.quoted()),
        times => format!("{} times as long with {}", format::ratio(times), case.series.quoted()),
    };
    let beside = if each.len() > 1 { format!(", and {}", told(least)) } else { String::new() };
    format!("A parent of {} makes a start take {}{beside}.", format::bytes(largest), told(most))
}

/// The highest rates with the smallest and the largest batch.
fn most(ground: &Ground<'_, '_>) -> String {
    let all = || ground.cases.iter().map(|case| started_at_once(case));
    let mut ends: Vec<u64> = all().min().into_iter().chain(all().max()).collect();
    ends.dedup();
    let best = |n: u64| {
        let there = ground.cases.iter().filter(|case| started_at_once(case) == n && case.series.between_processes());
        let known = there.filter_map(|case| Some((case, lives(case)?.value)));
        let (best, rate) = known.max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(format!("{} with {} (batch size {n})", format::rate(rate), best.series.quoted()))
    };
    let parts: Vec<String> = ends.into_iter().filter_map(best).collect();
    if parts.is_empty() { String::new() } else { format!("Most processes live through {}.", parts.join(" and ")) }
}
