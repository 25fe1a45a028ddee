//! Groups of repetitions by the distance of their CPUs.
//!
//! A hypervisor moves virtual CPUs: for seconds or minutes two of them share a cache, then they do not, and every number
//! of a case that crosses CPUs changes with them. The floor beside a trial times a round trip over two cache lines on the
//! CPUs of the trial, which reads this distance. The rule, for all readings of one placement:
//!
//! 1. Two readings are *apart* if one is more than twice the other. Readings of one distance differ by less (quiet virtual
//!    machines: by a factor of 1.5), and distances differ by more (2.7 and up).
//! 2. Sorted, the readings are cut between two that are apart and have none between them, then where at most one reading
//!    in 50 is between them. The readings in such a gap have no group: their CPUs moved during the trial.
//! 3. A group has at least two readings and more than one in 50; what remains on its own has no group.
//! 4. With fewer than two groups the CPUs did not move, and nothing is set apart.
//!
//! A trial without a reading, such as a stream, belongs to the group of the readings before and after it on the same CPUs
//! in the same run, if these two agree. Trials on CPUs without any reading, such as those on one CPU and those that the
//! scheduler places, are not set apart.
//!
//! Every number of a report comes from one group per placement, the one with the most repetitions. Results of the others
//! are given beside it, and repetitions of different groups are never compared or merged.

use std::collections::BTreeMap;
use std::fmt;

use ipcmark_record::{MainMetric, Placement, Record};

use super::statistics::{Ends, Estimate, median};
use super::summary::shown;
use super::trials::is_usable;

/// Ratio above which two readings are of different distances.
const APART: f64 = 2.0;
/// Number of readings of which one may lie between two groups, or in none.
const STRAY_OF: usize = 50;

/// Distance of the CPUs of some trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Position among the distances of the placement, the nearest first.
    pub rank: usize,
    /// Number of distances of the placement.
    pub of: usize,
    /// Round trip over two cache lines: median over the readings.
    pub line_round_trip_ns: f64,
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rank, self.of) {
            (0, 2 | 3) => f.pad("near"),
            (1, 3) => f.pad("middle"),
            (1, 2) | (2, 3) => f.pad("far"),
            (rank, of) => f.pad(&format!("distance {} of {of}", rank + 1)),
        }
    }
}

/// Result of a case at one distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtDistance {
    /// Distance.
    pub distance: Distance,
    /// Main metric there.
    pub typical: Estimate,
}

/// Distances of one placement at which trials ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Placement of the trials.
    pub placement: Placement,
    /// At least two distances, each with its number of usable repetitions, the nearest first.
    pub distances: Vec<(Distance, usize)>,
    /// Usable repetitions whose distance is unknown.
    pub unknown: usize,
    /// Distance that the report uses: the one with the most repetitions.
    pub main: Distance,
}

/// Distance of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    /// Its CPUs did not move, or it has no reading to tell.
    Unmoved,
    /// Its CPUs moved during the run, and were at this distance.
    At(Distance),
    /// Its CPUs moved during the run, and their distance is unknown.
    Unknown,
}

/// Run, case key and repetition of a trial.
type Trial = (String, String, u32);

fn trial(record: &Record) -> Trial {
    (record.run_id.clone(), record.case_key.clone(), record.repetition)
}

/// What tells the distance of a trial.
#[derive(Clone, Debug)]
pub struct Sighting<S> {
    /// Placement of its case.
    pub placement: Placement,
    /// Its run and CPUs.
    pub site: S,
    /// Position in the run.
    pub order: u32,
    /// Round trip over two cache lines beside it, in nanoseconds.
    pub reading_ns: Option<f64>,
    /// Whether it is a usable repetition.
    pub usable: bool,
}

impl<'a> Sighting<(&'a str, Vec<u32>)> {
    fn of(record: &'a Record) -> Self {
        Self {
            placement: record.case.placement,
            site: (&record.run_id, cpus(&record.cpus)),
            order: record.order_in_run,
            reading_ns: reading(record),
            usable: is_usable(record),
        }
    }
}

/// Distances of the trials of some records, which come from one machine.
#[derive(Debug, Default)]
pub struct Distances {
    /// Placements at which CPUs moved.
    pub moved: Vec<Moved>,
    /// Distance of each trial whose CPUs moved.
    places: BTreeMap<Trial, Place>,
}

impl Distances {
    /// Groups the trials of `records`.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let records: Vec<&Record> = records.into_iter().collect();
        let sightings: Vec<_> = records.iter().map(|record| Sighting::of(record)).collect();
        let (places, moved) = places(&sightings);
        let known = records.iter().zip(places).filter(|(_, place)| *place != Place::Unmoved);
        Self { moved, places: known.map(|(record, place)| (trial(record), place)).collect() }
    }

    /// Distance of a trial.
    pub fn place(&self, record: &Record) -> Place {
        self.places.get(&trial(record)).copied().unwrap_or(Place::Unmoved)
    }

    /// Distances at a placement, if the CPUs moved.
    pub fn at(&self, placement: Placement) -> Option<&Moved> {
        self.moved.iter().find(|moved| moved.placement == placement)
    }
}

/// Distance of each trial of one machine, in the order given, and the placements at which its CPUs moved.
pub fn places<S: Ord>(sightings: &[Sighting<S>]) -> (Vec<Place>, Vec<Moved>) {
    let mut by_placement: BTreeMap<Placement, Vec<usize>> = BTreeMap::new();
    for (index, one) in sightings.iter().enumerate() {
        by_placement.entry(one.placement).or_default().push(index);
    }
    let (mut places, mut moved) = (vec![Place::Unmoved; sightings.len()], Vec::new());
    for (placement, members) in by_placement {
        let readings: Vec<f64> = members.iter().filter_map(|&at| sightings[at].reading_ns).collect();
        let groups = groups(&readings);
        if groups.len() > 1 {
            moved.extend(assign(placement, sightings, &members, &distances(&groups), &mut places));
        }
    }
    (places, moved)
}

/// Sets the distance of each of the `members`, which are at one placement.
fn assign<S: Ord>(
    placement: Placement,
    sightings: &[Sighting<S>],
    members: &[usize],
    spans: &[Span],
    places: &mut [Place],
) -> Option<Moved> {
    let mut by_site: BTreeMap<&S, Vec<usize>> = BTreeMap::new();
    for &at in members {
        by_site.entry(&sightings[at].site).or_default().push(at);
    }
    for trials in by_site.values_mut().filter(|trials| trials.iter().any(|&at| sightings[at].reading_ns.is_some())) {
        trials.sort_by_key(|&at| sightings[at].order);
        let read: Vec<Option<Option<Distance>>> =
            trials.iter().map(|&at| sightings[at].reading_ns.map(|ns| distance_of(ns, spans))).collect();
        // The next reading at or after each trial.
        let mut after = vec![None; read.len()];
        for index in (0..read.len()).rev() {
            after[index] = read[index].or_else(|| after.get(index + 1).copied().flatten());
        }
        let mut before = None;
        for (index, &at) in trials.iter().enumerate() {
            let distance = read[index].unwrap_or_else(|| {
                let (before, after) = (before.or(after[index]).flatten(), after[index].or(before).flatten());
                before.filter(|_| before == after)
            });
            before = read[index].or(before);
            places[at] = distance.map_or(Place::Unknown, Place::At);
        }
    }
    let counted = |wanted: Place| members.iter().filter(|&&at| sightings[at].usable && places[at] == wanted).count();
    let distances: Vec<(Distance, usize)> =
        spans.iter().map(|span| (span.distance, counted(Place::At(span.distance)))).collect();
    let &(main, _) = distances.iter().max_by_key(|(_, repetitions)| *repetitions)?;
    Some(Moved { placement, unknown: counted(Place::Unknown), main, distances })
}

/// Distance with the least and the greatest reading of its group.
struct Span {
    distance: Distance,
    low: f64,
    high: f64,
}

fn distances(groups: &[Vec<f64>]) -> Vec<Span> {
    let span = |(rank, group): (usize, &Vec<f64>)| {
        let line_round_trip_ns = median(group.iter().copied())?;
        let distance = Distance { rank, of: groups.len(), line_round_trip_ns };
        Some(Span { distance, low: *group.first()?, high: *group.last()? })
    };
    groups.iter().enumerate().filter_map(span).collect()
}

fn distance_of(reading_ns: f64, spans: &[Span]) -> Option<Distance> {
    spans.iter().find(|span| span.low <= reading_ns && reading_ns <= span.high).map(|span| span.distance)
}

/// Round trip over two cache lines on the CPUs of the trial, in nanoseconds.
pub fn reading(record: &Record) -> Option<f64> {
    record.outcome.floor.as_ref()?.line_round_trip_ns.filter(|&ns| ns.is_finite() && ns > 0.0)
}

/// CPUs as a set, in order.
pub fn cpus(of_roles: &[u32]) -> Vec<u32> {
    let mut cpus = of_roles.to_vec();
    cpus.sort_unstable();
    cpus.dedup();
    cpus
}

/// Groups positive readings by the rule of this module; each group is sorted, the nearest first. Empty if no reading
/// belongs to a group.
pub fn groups(readings_ns: &[f64]) -> Vec<Vec<f64>> {
    let mut sorted = readings_ns.to_vec();
    sorted.sort_by(f64::total_cmp);
    let stray = sorted.len() / STRAY_OF;
    let mut found = Vec::new();
    split(&sorted, stray, &mut found);
    found
}

/// Appends the groups of the sorted `readings`, where up to `stray` may lie between or beside them.
fn split(readings: &[f64], stray: usize, into: &mut Vec<Vec<f64>>) {
    if let Some(between) = narrowest_gap(readings).filter(|between| *between <= stray) {
        let apart = |at: &usize| readings[at + between + 1] / readings[*at];
        let places = 0..readings.len().saturating_sub(between + 1);
        if let Some(at) = places.max_by(|a, b| apart(a).total_cmp(&apart(b))) {
            split(&readings[..=at], stray, into);
            split(&readings[at + between + 1..], stray, into);
            return;
        }
    }
    if readings.len() >= 2 && readings.len() > stray {
        into.push(readings.to_vec());
    }
}

/// Least number of readings between two that are apart; `None` if none are. Both ends only move on, so that it takes one
/// pass.
fn narrowest_gap(readings: &[f64]) -> Option<usize> {
    let mut end = 0;
    let gap = |(at, low): (usize, &f64)| {
        while readings.get(end).is_some_and(|high| high / low <= APART) {
            end += 1;
        }
        (end < readings.len()).then(|| end - at - 1)
    };
    readings.iter().enumerate().filter_map(gap).min()
}

/// `near: 65.2 ns ±4 % (11 repetitions)`, or `near: 65.2 ns ±4 % (range of 2 repetitions)`.
pub fn describe(result: &AtDistance, main: MainMetric) -> String {
    let AtDistance { distance, typical } = result;
    let sure = typical.plus_minus().map(|words| format!(" {words}")).unwrap_or_default();
    let repetitions = match typical.ends() {
        Some(range @ Ends::Range(_)) => range.to_string(),
        _ if typical.repetitions == 1 => "1 repetition".into(),
        _ => format!("{} repetitions", typical.repetitions),
    };
    format!("{distance}: {}{sure} ({repetitions})", shown(main, typical.value))
}
