//! History: each case over several runs of one machine, and the runs at which its cost changed.
//!
//! The runs before a place are compared with those from it on, as two arms are; see [`super::between`]: two runs on each side,
//! four, eight and so on, and all, since a change that was taken back hides among all. The surest of these comparisons of a case
//! is corrected for their number (Bonferroni), and cases are judged together by the rule of Benjamini and Hochberg, so that one
//! mark in twenty is false. Both parts of a case that changed are searched again (binary segmentation, Scott & Knott 1974). A
//! first or last run alone says nothing of the spread between runs: it is marked only if its whole interval lies beyond
//! [`DRIFT`].

use std::collections::HashMap;
use std::ops::Range;

use ipcmark_record::{Kind, Record, Verdict};

use super::between::{ALPHA, DRIFT, Difference, Side, Usual, found};
use super::statistics::{Estimate, Interval, Repetitions, median};
use super::study::{CaseStudy, Study};
use super::trials::{cost_ns, repetitions};
use super::verdict::REPETITIONS_FOR_A_VERDICT;

/// Runs of one machine in order of time, and what each case did over them.
#[derive(Debug)]
pub struct History<'s, 'a> {
    /// Runs, the earliest first; at least two.
    pub runs: Vec<Run<'a>>,
    /// Cases measured in at least two runs, in the order of the study.
    pub trends: Vec<Trend<'s, 'a>>,
}

/// Run of the suite.
#[derive(Debug)]
pub struct Run<'a> {
    /// Start of its first trial: RFC 3339, UTC.
    pub started_at: &'a str,
    /// Its records, in the order of the recording.
    pub records: Vec<&'a Record>,
}

/// Case over the runs.
#[derive(Debug)]
pub struct Trend<'s, 'a> {
    /// Case.
    pub case: &'s CaseStudy<'a>,
    /// Its runs with numbers that count, the earliest first; at least two.
    pub points: Vec<AtRun<'a>>,
    /// Runs at which the cost changed, the earliest first.
    pub changes: Vec<Change>,
}

/// Case in one run.
#[derive(Debug)]
pub struct AtRun<'a> {
    /// Position among the runs.
    pub run: usize,
    /// Nanoseconds for one round trip, message or other unit: median over the repetitions of this run.
    pub cost: Estimate,
    /// Floor beside it in the same unit, if it is a lower bound: median over the repetitions.
    pub floor_ns: Option<f64>,
    records: Vec<&'a Record>,
    side: Side,
}

/// Change of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// First run after it.
    pub run: usize,
    /// Cost from that run to the next change over the cost from the last change to that run.
    pub ratio: Estimate,
    /// The same ratio of the floors beside the trials.
    pub floors: Option<f64>,
}

impl<'s, 'a> History<'s, 'a> {
    /// Finds the changes; `None` below two runs.
    pub fn of(study: &'s Study<'a>) -> Option<Self> {
        let all =
            study.cases.iter().flat_map(|case| case.records.iter().chain(case.elsewhere.iter().flat_map(|e| &e.1)));
        let mut by_run: HashMap<&str, Vec<&Record>> = HashMap::new();
        for record in all {
            by_run.entry(&record.run_id).or_default().push(record);
        }
        let run = |records: Vec<&'a Record>| {
            Some(Run { started_at: records.iter().map(|record| record.started_at.as_str()).min()?, records })
        };
        let mut runs: Vec<Run<'_>> = by_run.into_values().filter_map(run).collect();
        runs.sort_by_key(|run| (run.started_at, &run.records[0].run_id));
        if runs.len() < 2 {
            return None;
        }
        let place = |(at, run): (usize, &Run<'a>)| (run.records[0].run_id.as_str(), at);
        let places: HashMap<&str, usize> = runs.iter().enumerate().map(place).collect();
        let mut trends: Vec<Trend<'_, '_>> = study.cases.iter().filter_map(|case| Trend::of(case, &places)).collect();
        find(&mut trends, runs.len());
        Some(Self { runs, trends })
    }

    /// Trends with a change, the largest first.
    pub fn changed(&self) -> Vec<&Trend<'s, 'a>> {
        let mut changed: Vec<&Trend<'_, '_>> = self.trends.iter().filter(|trend| !trend.changes.is_empty()).collect();
        changed.sort_by(|a, b| b.largest().total_cmp(&a.largest()));
        changed
    }

    /// Runs at which any case changed, with the number of those cases.
    pub fn eventful(&self) -> Vec<(usize, usize)> {
        let changes = |run: usize| {
            let here = |trend: &&Trend<'_, '_>| trend.changes.iter().any(|change| change.run == run);
            (run, self.trends.iter().filter(here).count())
        };
        (1..self.runs.len()).map(changes).filter(|(_, cases)| *cases > 0).collect()
    }
}

impl<'s, 'a> Trend<'s, 'a> {
    fn of(case: &'s CaseStudy<'a>, places: &HashMap<&str, usize>) -> Option<Self> {
        case.case.main_metric()?;
        let left_out = [Verdict::Disturbed, Verdict::Overloaded, Verdict::Caught];
        let mut by_run: Vec<Vec<&Record>> = vec![Vec::new(); places.len()];
        for record in case.usable().filter(|record| !record.outcome.verdict.is_some_and(|it| left_out.contains(&it))) {
            by_run[places[record.run_id.as_str()]].push(record);
        }
        let points: Vec<AtRun<'_>> =
            by_run.into_iter().enumerate().filter_map(|(run, records)| AtRun::of(run, records)).collect();
        (points.len() > 1).then_some(Self { case, points, changes: Vec::new() })
    }

    /// Cost of a run over that of the first one.
    pub fn to_first(&self, at: &AtRun<'_>) -> Estimate {
        let first = self.points[0].cost.value;
        let part = |interval: Interval| Interval { low: interval.low / first, high: interval.high / first };
        Estimate { value: at.cost.value / first, interval: at.cost.interval.map(part), ..at.cost }
    }

    /// Size of the largest change, as a logarithm.
    fn largest(&self) -> f64 {
        self.changes.iter().map(|change| change.ratio.value.ln().abs()).fold(0.0, f64::max)
    }

    /// Repetitions of all runs of a part.
    fn costs(&self, part: Range<usize>) -> Repetitions {
        costs(&self.points[part].iter().flat_map(|at| at.records.iter().copied()).collect::<Vec<_>>())
    }

    fn side(&self, part: Range<usize>) -> Side {
        Side::joined(self.points[part].iter().map(|point| &point.side))
    }

    /// The change between two parts: with the spread between runs if both have several, else from the repetitions.
    fn change(&self, before: Range<usize>, after: Range<usize>, usual: Usual) -> Option<Change> {
        let of_runs = Difference::of(&self.side(before.clone()), &self.side(after.clone()), usual);
        let ratio = self.costs(after.clone()).ratio_to(&self.costs(before.clone()))?;
        let ratio = of_runs.map_or(ratio, |difference| {
            let half = difference.half_width(ALPHA);
            let ends = [difference.value - half, difference.value + half].map(f64::exp);
            let interval = Some(Interval { low: ends[0], high: ends[1] });
            Estimate { value: difference.value.exp(), interval, ..ratio }
        });
        let floor = |part: &Range<usize>| median(self.points[part.clone()].iter().filter_map(|at| at.floor_ns));
        let floors = floor(&after).zip(floor(&before)).map(|(after, before)| after / before);
        Some(Change { run: self.points[after.start].run, ratio, floors })
    }
}

impl<'a> AtRun<'a> {
    fn of(run: usize, records: Vec<&'a Record>) -> Option<Self> {
        let floor = |record: &&Record| {
            record.outcome.floor.as_ref().filter(|floor| !floor.reference && floor.ns > 0.0).map(|floor| floor.ns)
        };
        let log = |record: &&Record| cost_ns(record).filter(|ns| ns.is_finite() && *ns > 0.0).map(f64::ln);
        let logs: Vec<f64> = records.iter().filter_map(log).collect();
        Some(Self {
            run,
            cost: costs(&records).estimate().filter(|cost| cost.value > 0.0)?,
            floor_ns: median(records.iter().filter_map(floor)),
            side: Side::of([logs.as_slice()]),
            records,
        })
    }
}

fn costs(records: &[&Record]) -> Repetitions {
    repetitions(records, Kind::Cost, cost_ns)
}

/// Finds the changes of all trends.
fn find(trends: &mut [Trend<'_, '_>], runs: usize) {
    // Parts of each trend without a known change inside, and those not searched yet.
    let mut open: Vec<(usize, Range<usize>)> = trends.iter().map(|trend| 0..trend.points.len()).enumerate().collect();
    let mut parts: Vec<Vec<Range<usize>>> = open.iter().map(|(_, whole)| vec![whole.clone()]).collect();
    let mut usual = vec![Usual::default(); runs];
    while !open.is_empty() {
        for (run, usual) in usual.iter_mut().enumerate().skip(1) {
            let sides: Vec<(Side, Side)> =
                trends.iter().zip(&parts).filter_map(|(trend, parts)| sides_at(trend, parts, run)).collect();
            *usual = Usual::of(sides.iter().map(|(before, after)| (before, after)));
        }
        let surest: Vec<(usize, Range<usize>, usize, f64)> = open
            .iter()
            .filter_map(|(at, part)| {
                let (place, chance) = surest(&trends[*at], part, &usual)?;
                Some((*at, part.clone(), place, chance))
            })
            .collect();
        let chances: Vec<f64> = surest.iter().map(|one| one.3).collect();
        open.clear();
        for at in found(&chances, ALPHA) {
            let (trend, part, place, _) = &surest[at];
            let both = [part.start..*place, *place..part.end];
            parts[*trend].retain(|known| known != part);
            parts[*trend].extend(both.clone());
            open.extend(both.map(|part| (*trend, part)));
        }
    }
    for (trend, parts) in trends.iter_mut().zip(&mut parts) {
        parts.sort_by_key(|part| part.start);
        split_single_runs(trend, parts);
        let pairs = parts.windows(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        let change = |(before, after): (Range<usize>, Range<usize>)| {
            let usual = usual[trend.points[after.start].run];
            trend.change(before, after, usual)
        };
        trend.changes = pairs.filter_map(change).collect();
    }
}

/// Both sides of a run in the part of a trend that holds it, if neither is empty.
fn sides_at(trend: &Trend<'_, '_>, parts: &[Range<usize>], run: usize) -> Option<(Side, Side)> {
    let place = trend.points.partition_point(|point| point.run < run);
    let part = parts.iter().find(|part| part.start < place && place < part.end)?;
    Some((trend.side(part.start..place), trend.side(place..part.end)))
}

/// Place in a part before which the cost differs most surely from that after it, and the chance of such a difference without a
/// change. At least two runs are on both sides.
fn surest(trend: &Trend<'_, '_>, part: &Range<usize>, usual: &[Usual]) -> Option<(usize, f64)> {
    let reaches = |place: usize| {
        let all = (place - part.start).max(part.end - place);
        std::iter::successors(Some(2), |reach| Some(reach * 2)).take_while(move |reach| *reach < all).chain([all])
    };
    let places = (part.start + 2)..(part.end.max(part.start + 3) - 1);
    let compared: Vec<(usize, usize)> =
        places.flat_map(|place| reaches(place).map(move |reach| (place, reach))).collect();
    let chance = |&(place, reach): &(usize, usize)| {
        let before = place.saturating_sub(reach).max(part.start)..place;
        let after = place..(place + reach).min(part.end);
        let difference = Difference::of(&trend.side(before), &trend.side(after), usual[trend.points[place].run])?;
        Some((place, (difference.either_way() * compared.len() as f64).min(1.0)))
    };
    compared.iter().filter_map(chance).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Splits off the first and the last run of a trend if they are alone beyond [`DRIFT`].
fn split_single_runs(trend: &Trend<'_, '_>, parts: &mut Vec<Range<usize>>) {
    let beyond = |low: f64, high: f64| low > DRIFT || high < 1.0 / DRIFT;
    let far = |alone: Range<usize>, others: Range<usize>| {
        let logs = |part: &Range<usize>| median(trend.points[part.clone()].iter().map(|at| at.cost.value.ln()));
        // Resampling takes time, and the interval holds the ratio.
        let near = logs(&alone).zip(logs(&others)).is_none_or(|(a, b)| (a - b).abs() < 0.5 * DRIFT.ln());
        if near {
            return false;
        }
        let ratio = trend.costs(alone).ratio_to(&trend.costs(others));
        let enough = ratio.filter(|ratio| ratio.repetitions >= REPETITIONS_FOR_A_VERDICT);
        enough.and_then(|ratio| ratio.interval).is_some_and(|it| beyond(it.low, it.high))
    };
    let Some(last) = parts.last().cloned().filter(|last| last.len() > 1) else { return };
    if far(last.end - 1..last.end, last.start..last.end - 1) {
        *parts.last_mut().expect("just seen") = last.start..last.end - 1;
        parts.push(last.end - 1..last.end);
    }
    let first = parts[0].clone();
    if first.len() > 1 && far(first.start..first.start + 1, first.start + 1..first.end) {
        parts[0] = first.start + 1..first.end;
        parts.insert(0, first.start..first.start + 1);
    }
}
