//! Rate against the number k of senders, receivers or pairs, up to more roles than CPUs.

use ipcmark_record::{Measure, Placement};

use super::axis::Axis;
use super::canvas::Dash;
use super::lines::{Lines, by_manner};
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::Shown;
use crate::analyse::crowd::{Crowd, GrowingPattern};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Case as a point of a pattern.
#[derive(Clone, Copy)]
struct Spot<'s, 'a> {
    case: &'s CaseStudy<'a>,
    k: u32,
    hogs: u32,
}

/// Chart at the smallest size; `None` with single pairs only.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let usual = |case: &&CaseStudy<'_>| case.series.is_usual();
    let crowded = |case: &&CaseStudy<'_>| !Crowd::of(case.case).plain();
    let streams = || study.all_measured(Measure::Stream, placement).filter(usual);
    let bytes = streams().filter(crowded).map(CaseStudy::bytes).min()?;
    let cases: Vec<&CaseStudy<'_>> = streams().filter(|case| case.bytes() == bytes).collect();
    let shown = Shown::of(&cases, |case| {
        let crowd = Crowd::of(case.case);
        u64::from(crowd.producers * 10_000 + crowd.consumers * 100 + crowd.pairs)
    });
    let patterns: Vec<(GrowingPattern, Vec<Spot<'_, '_>>)> = GrowingPattern::ALL
        .into_iter()
        .map(|pattern| (pattern, spots(&cases, pattern)))
        .filter(|(_, spots)| !spots.is_empty())
        .collect();
    let drawn: Vec<Panel> =
        patterns.iter().flat_map(|(pattern, spots)| panels(study, looks, *pattern, spots, &shown)).collect();
    let mut ks: Vec<u64> = patterns.iter().flat_map(|(_, spots)| spots).map(|spot| u64::from(spot.k)).collect();
    ks.sort_unstable();
    ks.dedup();
    let heights = drawn.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points).map(|point| point.y);
    let title = format!("Messages per second against k, {}, {}", format::bytes(bytes), place(placement));
    let chart = Lines {
        description: "Verified messages per second by the number of senders, receivers or pairs, one panel per pattern \
             and way of waiting.",
        scales: Scales {
            x_name: "k",
            y_name: "messages per second, in all",
            x: Axis::places(&ks, |k| k.to_string()),
            y: Axis::log(heights, format::rate),
        },
        columns: 2,
        panels: drawn,
    };
    (!chart.panels.is_empty()).then(|| Figure {
        answer: answer(&patterns),
        note: format!(
            "Messages sent and verified; a broadcast message counts once, however many receivers read it. \
             Right of the grey line there are more roles than CPUs. Dotted lines ran beside CPU hogs. \
             Fairness between roles and their latency are not shown.{}",
            shown.describe()
        ),
        table: table(&patterns),
        ..Figure::drawn("patterns", title, &chart)
    })
}

/// Cases of a pattern in order of series, hogs and k; empty if all have k = 1.
fn spots<'s, 'a>(cases: &[&'s CaseStudy<'a>], pattern: GrowingPattern) -> Vec<Spot<'s, 'a>> {
    let spot = |case: &&'s CaseStudy<'a>| {
        let crowd = Crowd::of(case.case);
        Some(Spot { case, k: crowd.k(pattern)?, hogs: crowd.hogs })
    };
    let mut spots: Vec<Spot<'_, '_>> = cases.iter().filter_map(spot).collect();
    // A line needs a second point, so series with k = 1 only are left out.
    let line = |spot: &Spot<'_, '_>| (spot.case.series.clone(), spot.hogs);
    let grown: Vec<_> = spots.iter().filter(|spot| spot.k > 1).map(line).collect();
    spots.retain(|spot| grown.contains(&line(spot)));
    spots.sort_by_key(|spot| (spot.case.series.clone(), spot.hogs, spot.k));
    spots
}

fn panels(
    study: &Study<'_>,
    looks: &Looks,
    pattern: GrowingPattern,
    spots: &[Spot<'_, '_>],
    shown: &Shown,
) -> Vec<Panel> {
    let ks: Vec<u64> = spots.iter().map(|spot| u64::from(spot.k)).collect();
    let limits: Vec<(f64, String)> = study
        .cpu_limit(&ks, |k| u64::from(pattern.roles(k as u32)))
        .map(|k| (k, "more roles than CPUs \u{2192}".into()))
        .into_iter()
        .collect();
    let drawn: Vec<Spot<'_, '_>> = spots.iter().copied().filter(|spot| shown.shows(&spot.case.series)).collect();
    let panels = by_manner(&drawn, |spot| spot.case.series.manner).map(|(manner, members)| {
        let same = |a: &&Spot<'_, '_>, b: &&Spot<'_, '_>| a.case.series == b.case.series && a.hogs == b.hogs;
        let lines = members.chunk_by(same).map(|line| {
            let (series, hogs) = (&line[0].case.series, line[0].hogs);
            let look = looks.get(study.index(series));
            let beside = if hogs > 0 { format!(" +{hogs} hog") } else { String::new() };
            Line {
                label: series.label() + &beside,
                ink: if hogs > 0 { look.stroke(Dash::Dotted) } else { look.ink() },
                marker: Some(look.marker),
                points: line.iter().filter_map(|spot| point(spot)).collect(),
            }
        });
        Panel { heading: format!("{}: {manner}", pattern.word()), lines: lines.collect(), limits: limits.clone() }
    });
    panels.collect()
}

fn point(spot: &Spot<'_, '_>) -> Option<Point> {
    let typical = spot.case.summary.typical?;
    let band = typical.interval.map(|i| (i.low, i.high));
    Some(Point { band, ..Point::at(f64::from(spot.k), typical.value) })
}

/// Highest rate at the largest k of each pattern, relative to one pair.
fn answer(patterns: &[(GrowingPattern, Vec<Spot<'_, '_>>)]) -> String {
    let rate = |spot: &Spot<'_, '_>| spot.case.summary.typical.map_or(0.0, |typical| typical.value);
    let describe = |(pattern, spots): &(GrowingPattern, Vec<Spot<'_, '_>>)| {
        let largest = spots.iter().filter(|spot| spot.hogs == 0).map(|spot| spot.k).max()?;
        let at_largest = spots.iter().filter(|spot| spot.hogs == 0 && spot.k == largest);
        let best = at_largest.max_by(|a, b| rate(a).total_cmp(&rate(b)))?;
        let series = &best.case.series;
        let alone = spots.iter().find(|spot| spot.case.series == *series && spot.hogs == 0 && spot.k == 1);
        let beside = alone.map(|alone| format!(", {} times one pair", format::ratio(rate(best) / rate(alone))));
        let (words, name, manner) = (pattern.word(), series.quoted(), series.manner.word());
        let rate = format::rate(rate(best));
        Some(format!("{words} (k = {largest}): {name}, which {manner}, {rate}{}", beside.unwrap_or_default()))
    };
    let parts: Vec<String> = patterns.iter().filter_map(describe).collect();
    if parts.is_empty() { String::new() } else { format!("The highest rates are: {}.", parts.join("; ")) }
}

fn table(patterns: &[(GrowingPattern, Vec<Spot<'_, '_>>)]) -> Table {
    let all = patterns.iter().flat_map(|(pattern, spots)| spots.iter().map(move |spot| (spot.case, (pattern, spot))));
    Table::of(all)
        .case("Mechanism")
        .text("Pattern", "pattern", |row| row.1.0.word())
        .count("k", "k_count", |row| Some(f64::from(row.1.1.k)))
        .count("CPU hogs", "hogs_count", |row| Some(f64::from(row.1.1.hogs)))
        .spread([("Rate", "messages_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")], format::rate)
        .verdict()
        .table()
}
