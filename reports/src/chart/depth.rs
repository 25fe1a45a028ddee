//! Rate and latency against queue depth.

use ipcmark_record::{Arrivals, Measure, Placement};

use super::parameter::DEPTH;
use super::sweep::{MESSAGES_PER_S, P99, Sweep, Value};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::crowd::Crowd;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Measure and value of one chart.
#[derive(Clone, Copy)]
struct View {
    measure: Measure,
    id: &'static str,
    title: &'static str,
    value: Value,
    /// Unit of the ratio of the deepest to the shallowest queue, in words.
    says: &'static str,
}

const RATE: View = View {
    measure: Measure::Stream,
    id: "depth-rate",
    title: "Messages per second against queue depth",
    value: MESSAGES_PER_S,
    says: "times the rate",
};

const PACED_TAIL: View = View {
    measure: Measure::Paced,
    id: "depth-p99",
    title: "p99 under load against queue depth",
    value: Value {
        name: "p99, from due to verified",
        of: P99,
        show: format::time,
        columns: [("p99", "p99_ns"), ("Low", "low_ns"), ("High", "high_ns")],
    },
    says: "times the p99",
};

const TRIP_TAIL: View = View {
    measure: Measure::RoundTrip,
    id: "depth-trip",
    title: "p99 of the round trip against queue depth",
    value: Value { name: "p99 of the round trip", ..PACED_TAIL.value },
    ..PACED_TAIL
};

/// One chart for each measure with several depths.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    [RATE, TRIP_TAIL, PACED_TAIL].into_iter().filter_map(|view| figure(study, looks, placement, view)).collect()
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, view: View) -> Option<Figure> {
    let all = || study.all_measured(view.measure, placement).filter(|case| case.case.params.depth.is_some());
    // All parameters except the depth are fixed, at the smallest size and load.
    let held = |case: &CaseStudy<'_>| {
        (case.bytes(), case.case.params.arrivals.unwrap_or(Arrivals::Constant), case.case.params.rate_per_s)
    };
    let swept = |case: &&CaseStudy<'_>| {
        let twin = |other: &CaseStudy<'_>| {
            other.series.usual() == case.series.usual()
                && held(other) == held(case)
                && (DEPTH.of)(other) != (DEPTH.of)(case)
        };
        Crowd::of(case.case).plain() && case.series.touch.is_none() && all().any(twin)
    };
    let mut cases: Vec<&CaseStudy<'_>> = all().filter(swept).collect();
    let chosen = cases.iter().map(|case| held(case)).min()?;
    cases.retain(|case| held(case) == chosen);
    cases.sort_by_key(|case| (case.series.usual(), (DEPTH.of)(case)));
    let answer = answer(&cases, &view);
    let load = chosen.2.map(|rate| format!(" at {}", format::rate(rate as f64).trimmed())).unwrap_or_default();
    let sweep = Sweep {
        id: view.id.into(),
        title: format!("{}, {}{load}, {}", view.title, format::bytes(chosen.0), place(placement)),
        description: "A value by the number of messages the queue holds, on logarithmic axes, one line per mechanism.",
        note:
            "Only the depth differs along a line. It is the number of messages of this size that fit before a sender \
               waits; what deeper queues cost in memory and cache is not shown."
                .into(),
        ..Sweep::of(cases, DEPTH, view.value)
    };
    Some(Figure { answer, ..sweep.figure(study, looks)? })
}

/// Smallest and largest ratio of the deepest to the shallowest queue.
fn answer(cases: &[&CaseStudy<'_>], view: &View) -> String {
    let each = cases.chunk_by(|a, b| a.series.usual() == b.series.usual());
    let times = |one: &[&CaseStudy<'_>]| {
        let (shallow, deep) = (one.first()?, one.last()?);
        Some(((view.value.of)(deep)?.0 / (view.value.of)(shallow)?.0, shallow.series.usual().quoted()))
    };
    let mut times: Vec<(f64, String)> = each.filter_map(times).collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let describe = |(times, name): &(f64, String)| format!("{} ({name})", format::ratio(*times));
    let (Some(least), Some(most)) = (times.first(), times.last()) else { return String::new() };
    let depths = DEPTH.values(cases);
    let (shallow, deep) = (depths.first().unwrap_or(&1), depths.last().unwrap_or(&1));
    let range =
        if times.len() > 1 { format!("from {} to {}", describe(least), describe(most)) } else { describe(least) };
    format!("A queue of {deep} has, against one of {shallow}, {range} {}.", view.says)
}
