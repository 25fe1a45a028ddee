//! Queue depth: what room for more messages buys in rate, and what it costs in latency.

use ipcmark_record::{Arrivals, Measure, Placement};

use super::against::{Against, AsPoint, Swept};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::crowd::Crowd;
use crate::analyse::study::{CaseStudy, Study};
use crate::format::{self, Quantity};

/// Which value of which measure a chart shows.
#[derive(Clone, Copy)]
struct View {
    measure: Measure,
    id: &'static str,
    title: &'static str,
    y_name: &'static str,
    value: AsPoint,
    show: fn(f64) -> Quantity,
    columns: [(&'static str, &'static str); 3],
    /// What the value at the deepest queue is to that at the shallowest.
    says: &'static str,
}

const RATE: View = View {
    measure: Measure::Stream,
    id: "depth-rate",
    title: "Messages per second against queue depth",
    y_name: "verified messages per second",
    value: |case| {
        let typical = case.summary.typical?;
        Some((typical.value, typical.interval.map(|i| (i.low, i.high))))
    },
    show: format::rate,
    columns: [("Rate", "messages_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
    says: "times the rate",
};

/// A tail has no interval here: it is one number of all repetitions merged.
const TAIL: AsPoint = |case| case.summary.p99_ns.map(|p99| (p99, None));

const PACED_TAIL: View = View {
    measure: Measure::Paced,
    id: "depth-p99",
    title: "p99 under load against queue depth",
    y_name: "p99, from due to verified",
    value: TAIL,
    show: format::time,
    columns: [("p99", "p99_ns"), ("Low", "low_ns"), ("High", "high_ns")],
    says: "times the p99",
};

const TRIP_TAIL: View = View {
    measure: Measure::RoundTrip,
    id: "depth-trip",
    title: "p99 of the round trip against queue depth",
    y_name: "p99 of the round trip",
    ..PACED_TAIL
};

/// One chart for each measure that ran at several depths.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    [RATE, TRIP_TAIL, PACED_TAIL].into_iter().filter_map(|view| figure(study, looks, placement, view)).collect()
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, view: View) -> Option<Figure> {
    let all = || study.all_measured(view.measure, placement).filter(|case| case.case.params.depth.is_some());
    // Everything but the depth is held: the load most variants were offered, and its smallest size.
    let held = |case: &CaseStudy<'_>| {
        (case.bytes(), case.case.params.arrivals.unwrap_or(Arrivals::Constant), case.case.params.rate_per_s)
    };
    let swept = |case: &&CaseStudy<'_>| {
        let twin = |other: &CaseStudy<'_>| {
            other.series.usual() == case.series.usual() && held(other) == held(case) && depth(other) != depth(case)
        };
        Crowd::of(case.case).plain() && case.series.touch.is_none() && all().any(twin)
    };
    let mut cases: Vec<&CaseStudy<'_>> = all().filter(swept).collect();
    let chosen = cases.iter().map(|case| held(case)).min()?;
    cases.retain(|case| held(case) == chosen);
    cases.sort_by_key(|case| (case.series.usual(), depth(case)));
    let answer = answer(&cases, &view);
    let load = chosen.2.map(|rate| format!(" at {}", format::rate(rate as f64).trimmed())).unwrap_or_default();
    let against_depth = Against {
        cases,
        swept: Swept {
            name: "messages the queue holds",
            of: depth,
            show: |depth| depth.to_string(),
            column: ("Depth", "depth_count"),
            even: false,
        },
        value: view.value,
        floor: None,
        show: view.show,
        y_name: view.y_name,
        columns: view.columns,
        id: view.id,
        title: format!("{}, {}{load}, {}", view.title, format::bytes(chosen.0), place(placement)),
        description: "A value by the number of messages the queue holds, on logarithmic axes, one line per mechanism.",
        note:
            "Only the depth differs along a line. It is the number of messages of this size that fit before a sender \
               waits; what deeper queues cost in memory and cache is not shown."
                .into(),
    };
    Some(Figure { answer, ..against_depth.figure(study, looks)? })
}

fn depth(case: &CaseStudy<'_>) -> u64 {
    u64::from(case.case.params.depth.unwrap_or(1))
}

/// What the deepest queue does next to the shallowest, for the mechanisms that it changes least and most.
fn answer(cases: &[&CaseStudy<'_>], view: &View) -> String {
    let each = cases.chunk_by(|a, b| a.series.usual() == b.series.usual());
    let times = |one: &[&CaseStudy<'_>]| {
        let (shallow, deep) = (one.first()?, one.last()?);
        Some(((view.value)(deep)?.0 / (view.value)(shallow)?.0, shallow.series.usual().quoted()))
    };
    let mut times: Vec<(f64, String)> = each.filter_map(times).collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let told = |(times, name): &(f64, String)| format!("{} ({name})", format::ratio(*times));
    let (Some(least), Some(most)) = (times.first(), times.last()) else { return String::new() };
    let depths = cases.iter().map(|case| depth(case));
    let (shallow, deep) = (depths.clone().min().unwrap_or(1), depths.max().unwrap_or(1));
    let range = if times.len() > 1 { format!("from {} to {}", told(least), told(most)) } else { told(least) };
    format!("A queue of {deep} has, against one of {shallow}, {range} {}.", view.says)
}
